use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

use super::super::text::is_unsafe;
use super::super::{Colour, Json};
use super::*;

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
        b"\xe2\x80\xae",
        b"\xd8\x9c",
        b"\" [**]\\",
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
    assert!(written(&Json, &alert).starts_with(escaped));
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
        assert_is_one_safe_line(&written(&Fast::default(), &alert));
    }

    #[test]
    fn full_is_safe_and_has_as_many_lines_as_without_attack(alert in alerts()) {
        let text = written(&Full::default(), &alert);
        assert_safe(&text);
        assert_eq!(text.lines().count(), 9, "{text}");
    }

    #[test]
    fn json_is_one_safe_line_that_gives_everything_back(alert in alerts()) {
        let line = written(&Json, &alert);
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
}
