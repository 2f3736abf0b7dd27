//! The formats as programs of others read them, where those are installed (`make peers`).

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use pigear_alert::format::FormatName;
use pigear_alert::maps::{Classes, Names};
use pigear_alert::{Alert, Origin};
use serde_json::{Value, json};

use crate::recordings::ALL;
use crate::requirements::missing;
use crate::written::{line, names};

/// What the script says where a package that it needs isn't installed.
const NOT_INSTALLED: i32 = 77;

/// The Python that has the packages: that of `make peers`, unless `PYTHON` names another.
fn python() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let peers = root.join("target/peers/formats/bin/python3");
    std::env::var_os("PYTHON").map_or(peers, PathBuf::from)
}

/// Has `foreign/check.py` read these lines.
fn check(format: FormatName, lines: &[String]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/check.py");
    let mut command = Command::new(python());
    command.arg(script).arg(format.name()).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        missing("what reads the formats is not installed; `make peers` installs it");
        return;
    };
    // The script that can't do its work doesn't read.
    let _ = child.stdin.take().unwrap().write_all(lines.concat().as_bytes());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(NOT_INSTALLED) {
        missing(format_args!("{}; `make peers` installs it", complained.trim_end()));
        return;
    }
    assert!(output.status.success(), "{format}: {said}{complained}");
    assert!(said.contains(&format!("{} alerts", lines.len())), "{format}: {said}");
}

fn all(format: FormatName) -> Vec<String> {
    let names = names();
    ALL.iter().map(|recorded| line(format, &recorded.with_origin(&names))).collect()
}

#[test]
fn community_ids_are_those_of_their_inventors_library() {
    check(FormatName::Eve, &all(FormatName::Eve));
}

#[test]
fn ocsf_is_as_its_published_schema_says() {
    check(FormatName::Ocsf, &all(FormatName::Ocsf));
}

/// A line of CEF with what others should read in it.
fn expecting(alert: &Alert, expected: &Value) -> String {
    let text = line(FormatName::Cef, alert);
    json!([text.trim_end_matches('\n'), expected]).to_string() + "\n"
}

/// What others should read in the CEF of a recorded alert.
fn as_cef(alert: &Alert) -> Value {
    let message = &alert.message;
    let id = format!("{}:{}:{}", message.sig_generator, message.sig_id, message.sig_rev);
    let msg = alert.msg();
    let name = String::from_utf8_lossy(&msg);
    let severity = match alert.priority() {
        Some(1) => "9",
        Some(2) => "6",
        Some(3) => "4",
        Some(4) => "2",
        Some(_) => "1",
        None => "Unknown",
    };
    let text = |port: Option<u16>| port.map(|port| port.to_string());
    json!({
        "cef": "0", "vendor": "Cisco", "product": "Snort", "event_class_id": id,
        "name": if name.is_empty() { &*id } else { &*name }, "severity": severity,
        "rt": alert.timestamp().as_millisecond().to_string(), "act": "allowed", "dvchost": "dmz",
        "spt": text(alert.src_port()), "dpt": text(alert.dst_port()),
        "cat": alert.class().map(|class| &class.description),
    })
}

#[test]
fn others_read_in_cef_what_was_written() {
    let names = names();
    let lines = ALL.iter().map(|recorded| recorded.with_origin(&names));
    let lines: Vec<_> = lines.map(|alert| expecting(&alert, &as_cef(&alert))).collect();
    check(FormatName::Cef, &lines);
}

/// Text as nobody should write it, and what is left of it: in the header nothing, in the extension
/// line ends come back.
const HOSTILE: [(&str, &str); 6] = [
    (r"a|b\|c\\|d\", r"a|b\|c\\|d\"),
    ("src=1.2.3.4 act=blocked", "src=1.2.3.4 act=blocked"),
    (r"10\=2 \n \r =", r"10\=2 \n \r ="),
    ("\u{1b}[31m\u{7f}\u{202e}", r"\x1b[31m\x7f\u{202e}"),
    ("<script>alert(\"1\")</script> 100% %s", "<script>alert(\"1\")</script> 100% %s"),
    ("CEF:0|x|y|1|2|3|4|rt=1", "CEF:0|x|y|1|2|3|4|rt=1"),
];

#[test]
fn others_read_hostile_text_in_cef_as_text() {
    let line = |(hostile, shown): &(&str, &str)| {
        let list = hostile.replace(['\\', ','], "");
        let classes = Classes::parse(&format!("config classification: a,x{list},1")).value;
        let names = Arc::new(Names { classes, ..Names::default() });
        let mut alert = ALL[0].with_origin(&names);
        alert.message.classification = 1;
        alert.message.msg = hostile.as_bytes().into();
        alert.origin =
            Arc::new(Origin { sensor: Some((*hostile).to_owned()), ..Origin::default() });
        let category =
            format!("x{}", if hostile.contains('\u{1b}') { (*shown).to_owned() } else { list });
        let expected = json!({"name": shown, "dvchost": shown, "cat": category, "act": "allowed"});
        expecting(&alert, &expected)
    };
    let mut lines: Vec<_> = HOSTILE.iter().map(line).collect();
    // A header has no line ends; the extension does.
    let mut alert = ALL[0].with_origin(&names());
    alert.message.msg = b"one\r\ntwo".as_slice().into();
    alert.origin = Arc::new(Origin { sensor: Some("one\r\ntwo".into()), ..Origin::default() });
    lines.push(expecting(&alert, &json!({"name": r"one\x0d\x0atwo", "dvchost": "one\r\ntwo"})));
    check(FormatName::Cef, &lines);
}
