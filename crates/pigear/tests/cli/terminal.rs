//! Standard output is a terminal.

use std::fs::File;
use std::io::Read;

use nix::pty::openpty;

use crate::harness::program;
use crate::snort::{PING, recording};

/// What the program writes to a terminal.
fn shown(no_color: Option<&str>, format: &str) -> String {
    let terminal = openpty(None, None).unwrap();
    let mut command = program();
    command.args(["--socket-handler", "play", "--count", "1", format, "--from"]);
    command.arg(recording("v2919/icmp_ping")).stdout(terminal.slave);
    if let Some(value) = no_color {
        command.env("NO_COLOR", value);
    }
    let status = command.status().unwrap();
    // The last writer is gone, so that reading ends.
    drop(command);
    assert!(status.success());
    let mut bytes = Vec::new();
    // A terminal without a writer ends with an error.
    let _ = File::from(terminal.master).read_to_end(&mut bytes);
    String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
}

#[test]
fn a_terminal_has_colours() {
    let text = shown(None, "format=fast");
    assert!(text.contains("\x1b[1mICMP Echo Request\x1b[0m"), "{text:?}");
    assert_eq!(shown(Some(""), "format=fast"), text, "an empty NO_COLOR says nothing");
}

#[test]
fn no_color_takes_the_colours_away() {
    assert_eq!(shown(Some("1"), "format=fast"), PING);
}

#[test]
fn what_machines_read_has_no_colours() {
    assert!(!shown(None, "format=json").contains('\x1b'));
}
