//! What attackers write stays data, in every encoding and preset.

use std::fs;
use std::sync::{Arc, LazyLock, Mutex};

use pigear::handler::http::{Http, Preset};
use pigear_alert::Alert;
use pigear_alert::wire::Decoder;
use pigear_pipeline::Handler;
use proptest::prelude::*;
use serde_json::Value;

use crate::harness::{Pigear, datagram, keys_of};
use crate::server::{Reply, Request, Server};

const HOSTILE: [&[u8]; 12] = [
    b"\"},{\"injected\":true",
    b"\\",
    b"line\nbreak\r\n\r\nPOST / HTTP/1.1",
    b"100% %s %n %00 %22",
    b"\x1b[31mred\x1b[0m\x07",
    b"<script>alert(1)</script> <!channel> <@U123> @everyone",
    b"not \xff\xfe UTF-8 \xc3",
    b"{{ 7 * 7 }} {% raw %} {# #}",
    b"&alert=second&x=",
    b"'; DROP TABLE alerts; --",
    "\u{202e}gnirts\u{2066} \u{2028}".as_bytes(),
    b"*bold* _it_ `code` ~x~ ||spoiler|| [a](http://b)",
];

static SERVER: LazyLock<Mutex<Server>> =
    LazyLock::new(|| Mutex::new(Server::start(|_, _| Reply::ok().body(r#"{"errors":false}"#))));

/// What comes of an alert with this message.
fn sent(msg: &[u8], keys: &[(&str, &str)]) -> Request {
    let server = SERVER.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let before = server.requests().len();
    let url = format!("{}?{}", server.url(), "sig={{ msg }}");
    let keys = keys_of(&[&[("url", &*url)], keys].concat());
    let mut http = Http::new(keys.options().unwrap()).unwrap();
    let decoded = Decoder::default().decode(&datagram(msg, 1)).unwrap();
    let alert = Arc::new(Alert::new(decoded, Arc::default(), Arc::default()));
    http.handle(&[alert]).unwrap();
    http.finish().unwrap();
    server.gets(before + 1).pop().unwrap()
}

/// The text that a message becomes in JSON.
fn text_of(msg: &[u8]) -> String {
    // Snort's field ends at a NUL, and quotes around it are Snort 3's.
    let decoded = Decoder::default().decode(&datagram(msg, 1)).unwrap();
    String::from_utf8_lossy(&decoded.message.msg).into_owned()
}

fn lines(request: &Request) -> Vec<Value> {
    let body = std::str::from_utf8(&request.body).unwrap();
    assert!(body.ends_with('\n'));
    body.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn form_value(body: &[u8]) -> Vec<u8> {
    let value = body.strip_prefix(b"alert=").unwrap();
    let mut bytes = value.iter();
    let mut plain = Vec::new();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'+' => plain.push(b' '),
            b'%' => {
                let digits = [*bytes.next().unwrap(), *bytes.next().unwrap()];
                let digits = std::str::from_utf8(&digits).unwrap().to_owned();
                plain.push(u8::from_str_radix(&digits, 16).unwrap());
            }
            byte => {
                assert!(byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
                plain.push(byte);
            }
        }
    }
    plain
}

/// Everything that is sent of an alert is parsed again, and has the message where it belongs.
fn stays_well_formed(msg: &[u8]) {
    let text = text_of(msg);
    let request = sent(msg, &[]);
    assert_eq!(request.json()["msg"], text);
    assert!(request.target.starts_with("/alerts?sig="), "{}", request.target);
    let target = request.target.replace('%', "");
    assert!(target.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/?=-._~".contains(&byte)));
    let array = sent(msg, &[("encoding", "array")]).json();
    assert_eq!((array.as_array().unwrap().len(), &array[0]["msg"]), (1, &text.clone().into()));
    let objects = lines(&sent(msg, &[("encoding", "ndjson")]));
    assert_eq!((objects.len(), &objects[0]["msg"]), (1, &text.clone().into()));
    let form = form_value(&sent(msg, &[("encoding", "form")]).body);
    assert_eq!(serde_json::from_slice::<Value>(&form).unwrap()["msg"], text);
    for format in ["eve", "ecs", "ocsf"] {
        let objects = lines(&sent(msg, &[("encoding", "ndjson"), ("format", format)]));
        assert_eq!(objects.len(), 1, "{format}");
    }
    for format in ["fast", "cef"] {
        let line = sent(msg, &[("encoding", "ndjson"), ("format", format)]).body;
        assert_eq!(line.iter().filter(|&&byte| byte < 0x20).count(), 1, "{format}");
    }
    users_templates_stay_well_formed(msg, &text);
    for preset in Preset::ALL {
        preset_stays_well_formed(msg, &text, preset);
    }
}

fn users_templates_stay_well_formed(msg: &[u8], text: &str) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t");
    let key = format!("{}", path.display());
    let made = |template: &str, keys: &[(&str, &str)]| {
        fs::write(&path, template).unwrap();
        sent(msg, &[&[("template", &*key)], keys].concat())
    };
    let json = made(
        r#"{"{{ msg }}": ["{{ msg|upper }}", {{ msg|tojson }}, {{ alert }}, "{% set m = msg %}{{ m }}"]}"#,
        &[],
    );
    let json = json.json();
    let [(key, values)] = &json.as_object().unwrap().iter().collect::<Vec<_>>()[..] else {
        panic!("{json}")
    };
    assert_eq!((key.as_str(), &values[0]), (text, &text.to_uppercase().into()));
    assert_eq!((&values[1], &values[2]["msg"]), (&text.into(), &text.into()));
    assert_eq!(values[3], text);
    let form = made("msg={{ msg }}&alert={{ msg|tojson }}", &[("escape", "url")]);
    let form = std::str::from_utf8(&form.body).unwrap();
    let (plain, json) = form.strip_prefix("msg=").unwrap().split_once('&').unwrap();
    assert_eq!(String::from_utf8(form_value(format!("alert={plain}").as_bytes())).unwrap(), text);
    let json = form_value(json.as_bytes());
    assert_eq!(serde_json::from_slice::<String>(&json).unwrap(), text);
}

fn preset_stays_well_formed(msg: &[u8], text: &str, preset: Preset) {
    let name = format!("preset:{}", preset.name());
    let request =
        sent(msg, &[("template", &name), ("param.chat_id", "-100\"1"), ("format", "json")]);
    match preset {
        Preset::Slack => {
            let all = request.json();
            let said = all["text"].as_str().unwrap();
            let plain = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            assert_eq!(all.as_object().unwrap().len(), 1);
            assert!(said.contains(&plain), "{said}");
            assert!(!said.contains("<!"));
        }
        Preset::Discord => {
            let all = request.json();
            assert_eq!(all["allowed_mentions"], serde_json::json!({"parse": []}));
            let said = all["content"].as_str().unwrap();
            assert!(said.len() < 2000 && said.replace('\\', "").contains(&text.replace('\\', "")));
        }
        Preset::Telegram => {
            let all = request.json();
            assert_eq!(all["chat_id"], "-100\"1");
            assert!(all["text"].as_str().unwrap().contains(text));
        }
        Preset::Elasticsearch => {
            let lines = lines(&request);
            assert_eq!(lines.len(), 2);
            assert_eq!(lines[1]["snort"]["msg"], text);
        }
        Preset::SplunkHec => assert_eq!(lines(&request)[0]["event"]["msg"], text),
        Preset::Loki => {
            let line = request.json()["streams"][0]["values"][0][1].clone();
            let alert: Value = serde_json::from_str(line.as_str().unwrap()).unwrap();
            assert_eq!(alert["msg"], text);
        }
        _ => panic!("no test for {}", preset.name()),
    }
}

#[test]
fn hostile_messages_stay_data() {
    HOSTILE.into_iter().for_each(stays_well_formed);
}

#[test]
fn a_message_in_the_path_of_the_url_stays_one_segment() {
    let server = Server::start(|_, _| Reply::ok());
    let url = format!("http://{}/hook/{{{{ msg }}}}/in?m={{{{ msg }}}}", server.address);
    let messages = [
        ("..", "__"),
        (".", "_"),
        ("%2e%2e", "%252e%252e"),
        ("/", "%2F"),
        ("\\", "%5C"),
        ("?", "%3F"),
        ("#", "%23"),
        ("", "_"),
        ("../../admin", "__%2F__%2Fadmin"),
    ];
    let pigear = Pigear::start(&[("url", &url)]);
    for (msg, _) in messages {
        pigear.send(datagram(msg.as_bytes(), 1));
    }
    pigear.deals_with(messages.len() as u64);
    assert_eq!(pigear.end(), (messages.len() as u64, 0, 0));
    for (request, (msg, segment)) in server.requests().iter().zip(messages) {
        let target = request.target.split_once('?').unwrap().0;
        assert_eq!(target, format!("/hook/{segment}/in"), "{msg:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_message_stays_data(msg in prop::collection::vec(any::<u8>(), 0..80)) {
        stays_well_formed(&msg);
    }

    #[test]
    fn any_text_of_special_characters_stays_data(msg in "[\"\\\\{}%<>&'\u{1b}\n\r\u{202e}@*_`é]{0,40}") {
        stays_well_formed(msg.as_bytes());
    }
}
