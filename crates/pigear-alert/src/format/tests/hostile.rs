use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

use super::super::object::is_unsafe;
use super::super::{Cef, Colour, Ecs, Eve, FormatOptions, Json, Ocsf};
use super::cef_parser::Cef as Parsed;
use super::*;
use crate::Origin;
use crate::visible::{Visible, is_visible};

/// Bytes that try to leave their place, among others. No NUL: it would end the C string.
fn hostile(max: usize) -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&[u8]> = vec![
        b"\x1b[2J",
        b"\x1b]0;title\x07",
        b"\n",
        b"\r\n",
        b"\x7f",
        b"\xff",
        b"\xe2\x80",
        b"\xc2\x9b31m",
        b"\xe2\x80\xa8",
        b"\xe2\x80\x8b",
        b"\xef\xbb\xbf",
        b"\xf3\xa0\x80\x81",
        b"\xe2\x80\xae",
        b"\xd8\x9c",
        b"\" [**]\\",
        b"|",
        b"=",
        b" src=1.2.3.4",
        b"\\n\\|\\=",
        b"%s%n",
        b"<script>alert(1)</script>",
    ];
    let piece = prop::sample::select(pieces).prop_map(<[u8]>::to_vec);
    let other = vec(1..=u8::MAX, 1..4);
    vec(prop_oneof![piece, other], 0..=max).prop_map(|pieces| pieces.concat())
}

/// A class whose description is hostile, as far as the list can hold it.
fn classes() -> impl Strategy<Value = Classes> {
    hostile(8).prop_map(|bytes| {
        let mut text = String::from_utf8_lossy(&bytes).into_owned();
        text.retain(|letter| !"\r\n,\\".contains(letter));
        Classes::parse(&format!("config classification: a,x{text},1")).value
    })
}

fn alerts() -> impl Strategy<Value = Alert> {
    (hostile(64), hostile(16), classes()).prop_map(|(msg, app_name, classes)| {
        let app_name = AppName::new(&app_name);
        let message = AlertMessage { msg: msg.into(), app_name, classification: 1, ..ping() };
        named(message, Names { classes, ..Names::default() })
    })
}

fn assert_safe(text: &str) {
    assert!(!text.chars().any(|letter| letter != '\n' && is_unsafe(letter)), "{text:?}");
}

/// For formats in which a person compares by eye.
fn assert_visible(text: &str) {
    assert!(!text.chars().any(|letter| letter != '\n' && !is_visible(letter)), "{text:?}");
}

fn assert_is_one_safe_line(text: &str) {
    assert!(text.ends_with('\n') && text.matches('\n').count() == 1, "{text:?}");
    assert_safe(text);
}

#[test]
fn what_could_steer_a_terminal_is_shown() {
    let msg = "a\x1b[31mb\nc\td\u{7f}e\u{9b}f\u{202e}g\u{2028}h\u{61c}é".as_bytes();
    let alert = alert(AlertMessage { msg: [msg, b"\xff!"].concat().into(), ..ping() });
    let shown =
        r"a\x1b[31mb\x0ac\x09d\x7fe\u{9b}f\u{202e}g\u{2028}h\u{61c}é".to_owned() + "\u{fffd}!";
    assert!(written(&Fast::default(), &alert).contains(&format!("] {shown} [**]")));
    assert!(written(&Full::default(), &alert).contains(&format!("] {shown} [**]\n")));
    let escaped = r#"{"msg":"a\u001b[31mb\nc\td\u007fe\u009bf\u202eg\u2028h\u061cé"#;
    assert!(written(&Json::default(), &alert).starts_with(escaped));
}

#[test]
fn names_are_shown_as_messages_are() {
    let classes = Classes::parse("config classification: a,b\x1b[2J\u{202e}c,1").value;
    let app_name = AppName::new(b"\x1b]0;x\x07");
    let message = AlertMessage { classification: 1, app_name, ..ping() };
    let line = written(&Fast::default(), &named(message, Names { classes, ..Names::default() }));
    let expected =
        r"[Classification: b\x1b[2J\u{202e}c] [Priority: 3] [AppID: \x1b]0;x\x07] {ICMP}";
    assert!(line.contains(expected), "{line}");
}

#[test]
fn colours_are_the_only_escapes_on_a_terminal() {
    let message = AlertMessage { msg: b"\x1b[2J".as_slice().into(), ..ping() };
    let line = written(&Fast { colour: Colour::Always }, &alert(message));
    assert!(line.contains("\x1b[1m\\x1b[2J\x1b[0m"), "{line:?}");
    assert_eq!(line.matches('\x1b').count(), 8);
}

proptest! {
    #[test]
    fn fast_is_one_safe_line(alert in alerts()) {
        let line = written(&Fast::default(), &alert);
        assert_is_one_safe_line(&line);
        assert_visible(&line);
    }

    #[test]
    fn full_is_safe_and_has_as_many_lines_as_without_attack(alert in alerts()) {
        let text = written(&Full::default(), &alert);
        assert_visible(&text);
        assert_eq!(text.lines().count(), 9, "{text}");
    }

    #[test]
    fn json_is_one_safe_line_that_gives_everything_back(alert in alerts()) {
        let line = written(&Json::default(), &alert);
        assert_is_one_safe_line(&line);
        let object: Value = serde_json::from_str(&line).unwrap();
        let message = &alert.message;
        let text = object["msg"].as_str().unwrap();
        let msg = match object["msg_base64"].as_str() {
            Some(base64) => BASE64.decode(base64).unwrap(),
            None => text.as_bytes().to_vec(),
        };
        assert_eq!(&*msg, &*message.msg);
        assert_eq!(text, String::from_utf8_lossy(&message.msg));
        let name = alert.message.app_name.map(|name| name.to_string());
        assert_eq!(object["app_name"].as_str(), name.as_deref());
        let description = alert.class().map(|class| &*class.description);
        assert_eq!(object["class_description"].as_str(), description);
        assert_eq!(BASE64.decode(object["pkt"].as_str().unwrap()).unwrap(), &*message.pkt);
    }

    #[test]
    fn snorts_formats_are_one_safe_line(alert in alerts()) {
        for format in [FormatName::Snort, FormatName::Csv] {
            let line = written(&*format.format(Colour::Never), &alert);
            assert_is_one_safe_line(&line);
            assert_visible(&line);
        }
    }

    #[test]
    fn alert_json_is_one_safe_line_that_gives_everything_back(alert in alerts()) {
        let fields = Some("class msg b64_data".parse().unwrap());
        let options = FormatOptions { fields, ..FormatOptions::default() };
        let object = parsed(&*FormatName::AlertJson.with(&options).unwrap(), &alert);
        assert_eq!(object["msg"], *String::from_utf8_lossy(&alert.message.msg));
        let description = alert.class().map(|class| &*class.description);
        assert_eq!(object["class"].as_str(), description);
        let data = BASE64.decode(object["b64_data"].as_str().unwrap()).unwrap();
        assert_eq!(data, alert.ip_payload());
    }

    #[test]
    fn eve_is_one_safe_line_that_gives_everything_back(alert in alerts()) {
        let object = parsed(&Eve::default(), &alert);
        assert_gives_back(&alert, &object, ["/alert/signature", "/alert/category", "/snort"]);
        let packet = object["packet"].as_str().unwrap();
        assert_eq!(BASE64.decode(packet).unwrap(), &*alert.message.pkt);
    }

    #[test]
    fn ecs_is_one_safe_line_that_gives_everything_back(alert in alerts()) {
        let object = parsed(&Ecs::default(), &alert);
        assert_gives_back(&alert, &object, ["/message", "/rule/category", "/snort"]);
        assert_eq!(object["rule"]["name"], object["message"]);
        assert_eq!(object["rule"]["description"], object["message"]);
    }

    #[test]
    fn ocsf_is_one_safe_line_that_gives_everything_back(alert in alerts()) {
        let object = parsed(&Ocsf, &alert);
        let pointers =
            ["/finding_info/title", "/finding_info/analytic/category", "/unmapped"];
        assert_gives_back(&alert, &object, pointers);
    }

    #[test]
    fn cef_is_one_safe_line_that_shows_everything(alert in alerts(), sensor in hostile(8)) {
        let mut alert = alert;
        let sensor = Some(String::from_utf8_lossy(&sensor).into_owned());
        alert.origin = Arc::new(Origin { sensor: sensor.clone(), ..Origin::default() });
        let line = written(&Cef, &alert);
        assert_is_one_safe_line(&line);
        let parsed = Parsed::parse(&line);
        let name = Some(Visible(&alert.message.msg).to_string()).filter(|name| !name.is_empty());
        assert_eq!(parsed.head[5], name.unwrap_or("1:384:8".to_owned()));
        assert_eq!(parsed.head[6], "4");
        let class = alert.class().unwrap();
        assert_eq!(parsed.get("cat").unwrap_or_default(), shown(&class.description));
        assert_eq!(parsed.get("dvchost"), sensor.map(|name| shown(&name)).filter(|name| !name.is_empty()).as_deref());
        let app_name = alert.message.app_name.map(|name| shown(&name.to_string()));
        assert_eq!(parsed.get("app"), app_name.as_deref());
        assert_eq!(parsed.get("src"), Some("10.0.0.1"));
        assert_eq!(parsed.labelled("classification"), Some("a"));
    }
}

/// Text as an extension of CEF gives it back: visible, but with its line ends.
fn shown(text: &str) -> String {
    let lines = text.split_inclusive(['\n', '\r']).map(|line| {
        let text = line.trim_end_matches(['\n', '\r']);
        Visible(text.as_bytes()).to_string() + &line[text.len()..]
    });
    lines.collect()
}

fn parsed(format: &dyn Format, alert: &Alert) -> Value {
    let line = written(format, alert);
    assert_is_one_safe_line(&line);
    serde_json::from_str(&line).unwrap()
}

/// The pointers are to the message, the class's description, and the format's own extension.
fn assert_gives_back(alert: &Alert, object: &Value, [msg, category, own]: [&str; 3]) {
    let message = &alert.message;
    let text = object.pointer(msg).map_or("", |value| value.as_str().unwrap());
    let text = if message.msg.is_empty() && text == "1:384:8" { "" } else { text };
    assert_eq!(text, String::from_utf8_lossy(&message.msg));
    let own = object.pointer(own).unwrap();
    let bytes = own["msg_base64"].as_str().map(|base64| BASE64.decode(base64).unwrap());
    assert_eq!(bytes.as_deref().unwrap_or(text.as_bytes()), &*message.msg);
    let name = message.app_name.map(|name| name.to_string());
    assert_eq!(own["app_id"].as_str(), name.as_deref());
    let description = alert.class().map(|class| &*class.description);
    assert_eq!(object.pointer(category).and_then(Value::as_str), description);
}
