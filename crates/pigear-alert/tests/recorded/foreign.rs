//! The formats as programs of others read them, where those are installed.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use pigear_alert::format::FormatName;

use crate::recordings::ALL;
use crate::written::{line, names};

/// What the script says where a package that it needs isn't installed.
const NOT_INSTALLED: i32 = 77;

/// Has `foreign/check.py` read all alerts. Tells only on standard error if it can't.
fn check(format: FormatName) {
    let names = names();
    let lines: String =
        ALL.iter().map(|recorded| line(format, &recorded.with_origin(&names))).collect();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/check.py");
    let python = std::env::var_os("PYTHON").unwrap_or("python3".into());
    let mut command = Command::new(python);
    command.arg(script).arg(format.name()).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        eprintln!("{format}: not checked: no Python");
        return;
    };
    // The script that can't do its work doesn't read.
    let _ = child.stdin.take().unwrap().write_all(lines.as_bytes());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(NOT_INSTALLED) {
        eprintln!("{format}: not checked: {complained}");
        return;
    }
    assert!(output.status.success(), "{format}: {said}{complained}");
    assert!(said.contains(&format!("{} alerts", ALL.len())), "{format}: {said}");
}

#[test]
fn community_ids_are_those_of_their_inventors_library() {
    check(FormatName::Eve);
}

#[test]
fn ocsf_is_as_its_published_schema_says() {
    check(FormatName::Ocsf);
}

#[test]
fn cef_is_read_by_others() {
    check(FormatName::Cef);
}
