//! What the tests of all peers need.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::requirements::missing;
use crate::room::Room;
use crate::running::{Ended, Running};
use crate::snort::{data, datagrams};

/// Whether a program is installed; if not, the caller skips its test.
pub(crate) fn has(program: &str) -> bool {
    let dirs = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    let there = std::env::split_paths(&dirs).chain(usual).any(|dir| dir.join(program).exists());
    if !there {
        missing(format_args!("{program} is not installed; `make peers` installs it"));
    }
    there
}

/// Python itself: what PATH has may be a script that takes its time to find it.
pub(crate) fn python() -> &'static str {
    static PYTHON: OnceLock<String> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let mut command = Command::new("python3");
        let path = output(command.args(["-c", "import sys; print(sys.executable)"]));
        path.trim().to_owned()
    })
}

/// What a program writes; it must end well.
pub(crate) fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}: {stderr}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// Asks the program to end, which it does whatever its handlers wait for: who waits for the end does so for a limited
/// time.
pub(crate) fn ends_in_time(mut running: Running) -> (Room, Ended) {
    running.signal(Signal::SIGTERM);
    let (room, ended) = running.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    (room, ended)
}

/// Of so many alerts, a handler counted some as dropped, and the others as handled.
pub(crate) fn some_were_dropped(room: &Room, handler: &str, alerts: u64) {
    let stats: Value = serde_json::from_str(&room.read("stats.json")).unwrap();
    let count = |name: &str| stats["handlers"][handler][name].as_u64().unwrap();
    assert_eq!((count("handled") + count("dropped"), count("failed")), (alerts, 0), "{stats}");
    assert!(count("dropped") > 0, "{stats}");
}

/// Each recording that Snort's own logs go with.
pub(crate) fn recordings() -> Vec<PathBuf> {
    let entries = |dir: &Path| -> Vec<PathBuf> {
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect()
    };
    let builds = entries(&data()).into_iter().filter(|build| build.is_dir());
    let cases = builds.flat_map(|build| entries(&build));
    let mut all: Vec<_> = cases.filter(|case| case.join("expected.jsonl").exists()).collect();
    all.sort();
    assert!(all.len() > 100, "{}", all.len());
    all
}

/// What Snort's logs say of all recorded alerts.
pub(crate) fn logged() -> Vec<Value> {
    let text = |case: PathBuf| fs::read_to_string(case.join("expected.jsonl")).unwrap();
    let lines: String = recordings().into_iter().map(text).collect();
    crate::snort::objects(&lines)
}

/// A configuration whose sources are all recordings.
pub(crate) fn all_recordings() -> String {
    let source = |case: PathBuf| {
        let path = case.join("alerts.dgrams.gz");
        format!("[[source]]\ntype = \"play\"\nfrom = {:?}\n", path.to_str().unwrap())
    };
    recordings().into_iter().map(source).collect()
}

/// An alert of Snort 2.9.19 with another message.
pub(crate) fn saying(msg: &[u8]) -> Vec<u8> {
    let mut datagram = datagrams(&data().join("v2919/icmp_ping/alerts.dgrams.gz")).swap_remove(0);
    datagram[..256].fill(0);
    datagram[..msg.len()].copy_from_slice(msg);
    datagram
}

#[test]
fn a_peer_that_is_missing_skips_a_test_or_fails_it_where_peers_are_required() {
    let test = "wireshark::comments_are_one_line_whatever_they_say";
    let run = |required: &str| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([test, "--exact"]).env("PATH", "/none");
        command.env("PIGEAR_REQUIRE_PEERS", required).output().unwrap()
    };
    let missing = "tshark is not installed; `make peers` installs it";
    let skipped = run("0");
    let stderr = String::from_utf8_lossy(&skipped.stderr).into_owned();
    assert!(skipped.status.success(), "{stderr}");
    assert_eq!(stderr, format!("SKIPPED {test}: {missing}\n"));
    let failed = run("1");
    let stdout = String::from_utf8_lossy(&failed.stdout).into_owned();
    assert!(!failed.status.success(), "{stdout}");
    assert!(stdout.contains(&format!("PIGEAR_REQUIRE_PEERS=1, but {missing}")), "{stdout}");
}

/// Messages as nobody should send them.
pub(crate) const HOSTILE: [&[u8]; 7] = [
    b"say \"hello\" and \\ 'goodbye'",
    b"two\nlines\r\n<0>Nov 24 00:00:00 forged line",
    b"100% of %s and %n $(id) `id` ;id | id",
    b"\x1b[31mred\x1b]0;title\x07 \x7f\x08",
    b"<script>alert(1)</script> ] [fake sid=\"1\"]",
    b"not UTF-8: \xff\xfe \xc3 \xe2\x80\xae turned",
    b"- = | , ; :",
];
