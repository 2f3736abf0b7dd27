//! nftables, which blocks whom the example in `docs/exec-block.md` says.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Test, counters, is_root};
use crate::peer::{has, output, python};
use crate::requirements::missing;
use crate::snort::{expected, sent};

/// A network of the test's own, until this is dropped.
struct Namespace(String);

impl Namespace {
    /// `None` where there can't be one.
    fn new() -> Option<Self> {
        let installed = ["ip", "nft", "python3"].into_iter().all(has);
        if !installed || !is_root("make a network namespace") {
            return None;
        }
        let name = format!("pigear-test-{}", std::process::id());
        let made = Command::new("ip").args(["netns", "add", &name]).status().unwrap();
        if !made.success() {
            missing("the kernel refuses a network namespace");
            return None;
        }
        Some(Self(name))
    }

    fn nft(&self, args: &[&str]) -> String {
        output(Command::new("ip").args(["netns", "exec", &self.0, "nft"]).args(args))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "delete", &self.0]).status();
    }
}

fn docs(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)
}

#[test]
fn the_example_blocks_a_source_for_ten_minutes_unless_it_is_allowed() {
    let Some(namespace) = Namespace::new() else { return };
    namespace.nft(&["-f", docs("exec-block.nft").to_str().unwrap()]);
    let script = docs("exec-block.py");
    let command =
        ["ip", "netns", "exec", &namespace.0, python(), script.to_str().unwrap(), "never"];
    let run = |allowed: &str, case: &str| {
        // The most severe.
        let rank =
            |n: &usize| expected(case).swap_remove(*n)["priority"].as_u64().filter(|&p| p > 0);
        let worst = (0..sent(case).len()).filter(|n| rank(n).is_some()).min_by_key(rank).unwrap();
        let test = Test::new().file("never", allowed).args(["--data-handler", "exec"]);
        test.args([format!("command={}", command.join(" ")), "--count=1".to_owned()])
            .send(sent(case).swap_remove(worst))
            .stats(counters([1, 0, 0, 0], &[("exec", [1, 0, 0])]))
            .success();
    };
    let blocked = || namespace.nft(&["list", "set", "inet", "pigear", "blocked4"]);

    run("192.168.0.0/16 # our own\n", "v2919/http");
    assert!(!blocked().contains("elements"), "{}", blocked());
    run("# nobody\n", "v2919/icmp_ping");
    assert!(!blocked().contains("elements"), "{}", blocked());
    run("10.0.0.0/8\n", "v2919/http");
    assert!(blocked().contains("192.168.10.77 timeout 10m"), "{}", blocked());
}
