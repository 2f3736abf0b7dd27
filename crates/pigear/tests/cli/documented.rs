//! What the manual shows, run as it stands there.

use std::process::Command;

use crate::harness::Test;

#[test]
fn the_program_in_the_manual_sends_an_alert() {
    let manual = include_str!("../../../../docs/datagram.md");
    let (_, from) = manual.split_once("```python\n").unwrap();
    let (program, _) = from.split_once("```").unwrap();
    let test = Test::new().args(["--count", "1", "dialect=snort2.9"]).file("inject.py", program);
    let mut running = test.start();
    running.listens();
    let mut python = Command::new("python3");
    python.args(["inject.py", "log/snort_alert"]).current_dir(running.room().path());
    assert!(python.status().unwrap().success());
    let (_, ended) = running.end();
    let (_, line) = ended.stdout.split_once(' ').unwrap();
    assert_eq!(line, "[**] [1:1000001:1] HONEYPOT login attempt [**] [Priority: 2] {?}\n");
}
