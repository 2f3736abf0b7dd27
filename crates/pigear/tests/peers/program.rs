//! Programs that `exec` runs: Python scripts, well-behaved and not.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::harness::{Test, counters, until};
use crate::peer::{HOSTILE, ends_in_time, has, python, saying, some_were_dropped};
use crate::room::Room;
use crate::snort::{objects, ping, sent};

/// A test whose program is this script; none without Python.
fn running(script: &str, args: &[&str]) -> Option<Test> {
    if !has("python3") {
        return None;
    }
    let test = Test::new().file("script.py", script).args(["--data-handler", "exec"]);
    Some(test.args([format!("command={} script.py", python())]).args(args))
}

/// Sends alerts, and ends the program once the file `got` has a line for each: a slow machine may
/// take its time.
fn got_each(test: Test, alerts: &[Vec<u8>]) -> Room {
    let mut running = test.args(["--stats", "stats.json"]).start();
    for alert in alerts {
        running.send(alert);
    }
    let got = running.room().at("got");
    let lines = || fs::read_to_string(&got).map_or(0, |got| got.lines().count());
    until("all have run", || lines() == alerts.len());
    running.signal(Signal::SIGTERM);
    let (room, ended) = running.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let count = alerts.len() as u64;
    assert_eq!(room.read("stats.json"), counters([count, 0, 0, 0], &[("exec", [count, 0, 0])]));
    room
}

/// Writes what it got to the file `got`, an object a run.
const KEEPS: &str = r#"
import json, os, sys
env = {key: value for key, value in os.environ.items() if key.startswith("PIGEAR_")}
with open("got", "a") as got:
    got.write(json.dumps({"stdin": json.load(sys.stdin), "env": env}) + "\n")
"#;

fn got(room: &Room) -> Vec<Value> {
    objects(&room.read("got"))
}

#[test]
fn a_program_gets_the_alert_as_json_and_in_its_environment() {
    let Some(test) = running(KEEPS, &[]) else { return };
    let room = got_each(test, &[ping()]);
    let got = got(&room);
    assert_eq!(got.len(), 1);
    assert_eq!(got[0]["stdin"]["msg"], "ICMP Echo Request");
    let env = serde_json::json!({
        "PIGEAR_GID": "1", "PIGEAR_SID": "1000134", "PIGEAR_REV": "1", "PIGEAR_PRIORITY": "3",
        "PIGEAR_MSG": "ICMP Echo Request", "PIGEAR_PROTO": "ICMP",
        "PIGEAR_SRC_IP": "192.168.10.21", "PIGEAR_DST_IP": "198.51.100.1",
        "PIGEAR_TIMESTAMP": "2025-06-15T18:06:40.999998Z",
    });
    assert_eq!(got[0]["env"], env);
}

#[test]
fn hostile_messages_are_text_and_nothing_else() {
    let Some(test) = running(KEEPS, &[]) else { return };
    let room = got_each(test, &HOSTILE.map(saying));
    let got = got(&room);
    let said = |n: usize| got[n]["env"]["PIGEAR_MSG"].as_str().unwrap();
    assert_eq!(said(0), r#"say "hello" and \ 'goodbye'"#);
    assert_eq!(said(1), r"two\x0alines\x0d\x0a<0>Nov 24 00:00:00 forged line");
    assert_eq!(said(2), "100% of %s and %n $(id) `id` ;id | id");
    assert_eq!(said(3), r"\x1b[31mred\x1b]0;title\x07 \x7f\x08");
    assert_eq!(said(4), "<script>alert(1)</script> ] [fake sid=\"1\"]");
    assert_eq!(said(5), "not UTF-8: \u{fffd}\u{fffd} \u{fffd} \\u{202e} turned");
    for (got, sent) in got.iter().zip(HOSTILE) {
        assert_eq!(got["stdin"]["msg"], &*String::from_utf8_lossy(sent));
    }
}

#[test]
fn a_program_that_fails_is_counted_with_what_it_said() {
    let script = "import sys; sys.exit('no\\x1b[31m way')";
    let problem = r"ended with status 1; its output: no\x1b[31m way";
    let problem = format!("handler exec: {} {problem}", python());
    let Some(test) = running(script, &[]) else { return };
    let hint = "hint: with --serve-forever, errors are counted and the next alert is handled\n";
    test.send(ping())
        .stderr(format!("error: {problem}\n{hint}"))
        .stats(counters([1, 0, 0, 0], &[("exec", [0, 0, 1])]))
        .status(1);
    let Some(test) = running(script, &["--serve-forever", "--count", "3"]) else { return };
    let lines =
        ["1 alert", "2 alerts"].map(|alerts| format!("error: {problem}; {alerts} failed so far\n"));
    test.send_all([ping(), ping(), ping()])
        .stderr(lines.concat() + "error: not delivered: 3 alerts of handler exec\n")
        .stats(counters([3, 0, 0, 0], &[("exec", [0, 0, 3])]))
        .status(1);
}

/// Notes its own process and a child's, and then neither ends nor lets itself be asked to.
const HANGS: &str = r#"
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open("pids.new", "w") as pids:
    pids.write(f"{os.getpid()} {child.pid}")
os.rename("pids.new", "pids")
time.sleep(600)
"#;

fn is_gone(pid: &str) -> bool {
    // A zombie whose parent is gone as well is collected sooner or later.
    let stat = fs::read_to_string(Path::new("/proc").join(pid).join("stat"));
    stat.is_err() || stat.is_ok_and(|stat| stat.contains(") Z "))
}

fn all_gone(room: &Room) {
    for pid in room.read("pids").split(' ') {
        until(&format!("process {pid} is gone"), || is_gone(pid));
    }
}

#[test]
fn a_program_that_hangs_is_ended_with_all_that_it_started() {
    let args = ["--serve-forever", "--count", "1", "timeout=1s"];
    let Some(test) = running(HANGS, &args) else { return };
    let mut running = test.start();
    running.send(&ping());
    running.warns("took longer than 1s; 1 alert failed so far");
    let (room, ended) = running.end();
    assert_eq!(ended.status, Some(1), "{}", ended.stderr);
    all_gone(&room);
}

#[test]
fn a_program_that_hangs_does_not_outlive_us() {
    let args = ["--stats", "stats.json", "timeout=600s"];
    let Some(test) = running(HANGS, &args) else { return };
    let mut running = test.start();
    running.send(&ping());
    let pids = running.room().at("pids");
    until("the program runs", || pids.exists());
    running.send(&ping());
    let (room, ended) = ends_in_time(running);
    let killed = format!("handler exec: {} did not exit in time and was killed", python());
    for said in [&*killed, "exec: could not finish in time; 2 alerts dropped"] {
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
    assert_eq!(room.read("stats.json"), counters([2, 0, 0, 0], &[("exec", [0, 2, 0])]));
    all_gone(&room);
}

#[test]
fn a_flood_of_output_is_taken_and_cut() {
    let script =
        "import sys; sys.stdout.write('x' * 9_000_000 + 'end'); sys.stdout.flush(); sys.exit(2)";
    let Some(test) = running(script, &["--serve-forever", "--count", "1"]) else { return };
    let mut running = test.start();
    running.send(&ping());
    let (_, ended) = running.end();
    assert!(
        ended.stderr.contains("ended with status 2; its output, after 8998979 bytes: xxx"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("xend;") && ended.stderr.len() < 2_000, "{}", ended.stderr);
}

/// It writes for as long as it may.
#[test]
fn an_endless_flood_of_output_ends_with_the_timeout() {
    let script = "while True: print('x' * 65536, flush=True)";
    let Some(test) = running(script, &["--serve-forever", "--count", "1", "timeout=1s"]) else {
        return;
    };
    let mut running = test.start();
    running.send(&ping());
    let (_, ended) = running.end();
    assert!(ended.stderr.contains("took longer than 1s; its output, after "), "{}", ended.stderr);
    assert!(ended.stderr.len() < 2_000, "{}", ended.stderr);
}

/// More comes from it for each line than fits into a pipe.
#[test]
fn a_program_that_runs_all_the_time_may_flood_its_output() {
    let script = r#"
import sys
with open("got", "a") as got:
    for line in sys.stdin:
        print("x" * 200_000, flush=True)
        got.write(line)
"#;
    let Some(test) = running(script, &["mode=stream", "--count", "20"]) else { return };
    let room = test
        .send_all([(); 20].map(|()| ping()))
        .stats(counters([20, 0, 0, 0], &[("exec", [20, 0, 0])]))
        .success();
    assert_eq!(got(&room).len(), 20);
}

#[test]
fn a_program_that_vanishes_is_a_failure_of_each_alert() {
    let script = "#!/bin/sh\nexec cat >/dev/null\n";
    let test = Test::new().file("program", script);
    let path = test.room().at("program");
    fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    let args = ["--data-handler", "exec", "command=./program", "--serve-forever", "--count", "2"];
    let mut running = test.args(args).args(["--stats", "stats.json"]).start();
    running.listens();
    fs::remove_file(path).unwrap();
    running.send(&ping());
    running.warns("cannot start ./program: No such file or directory");
    running.send(&ping());
    let (room, ended) = running.end();
    assert_eq!(ended.status, Some(1), "{}", ended.stderr);
    assert_eq!(room.read("stats.json"), counters([2, 0, 0, 0], &[("exec", [0, 0, 2])]));
}

#[test]
fn a_program_need_not_read_its_input() {
    let Some(test) = running("pass", &["--count", "1"]) else { return };
    // More than fits into a pipe.
    let long = sent("v2919/bigframe4_snap64k").into_iter().max_by_key(Vec::len).unwrap();
    test.send(long).stats(counters([1, 0, 0, 0], &[("exec", [1, 0, 0])])).success();
}

#[test]
fn what_can_not_be_run_is_said_at_the_start() {
    for (command, problem) in [
        ("no-such-program -x", "no program no-such-program in PATH"),
        ("./none", "./none does not exist"),
        ("/etc/passwd", "/etc/passwd is not executable: chmod +x /etc/passwd"),
    ] {
        for mode in ["mode=each", "mode=stream"] {
            Test::new()
                .args(["--data-handler", "exec", &format!("command={command}"), mode])
                .stderr(format!("error: handler exec: {problem}\n"))
                .status(1);
        }
    }
}

/// Waits until four of its kind run, and keeps how many did.
const FOUR: &str = r#"
import os, time
me = f"run.{os.getpid()}"
open(me, "w").close()
deadline = time.time() + 15
at_most = 0
def others():
    return sum(name.startswith("run.") for name in os.listdir("."))
while time.time() < deadline and not os.path.exists("four"):
    at_most = max(at_most, others())
    if at_most >= 4:
        open("four", "w").close()
    time.sleep(0.001)
at_most = max(at_most, others())
os.remove(me)
with open("got", "a") as got:
    got.write(f"{at_most}\n")
"#;

#[test]
fn as_many_programs_run_at_once_as_allowed() {
    let Some(test) = running(FOUR, &["concurrency=4", "timeout=20s"]) else {
        return;
    };
    let room = got_each(test, &[(); 8].map(|()| ping()));
    let counts: Vec<u32> = room.read("got").lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!((counts.len(), counts.iter().max()), (8, Some(&4)), "{counts:?}");
}

#[test]
fn what_is_above_the_rate_waits() {
    let Some(test) = running(KEEPS, &["rate=2", "--stats", "stats.json"]) else { return };
    let mut running = test.start();
    (0..3).for_each(|_| running.send(&ping()));
    let got = running.room().at("got");
    until("two have run", || fs::read_to_string(&got).is_ok_and(|got| got.lines().count() == 2));
    running.signal(Signal::SIGTERM);
    let (room, ended) = running.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert_eq!(room.read("stats.json"), counters([3, 0, 0, 0], &[("exec", [2, 1, 0])]));
    assert_eq!(room.read("got").lines().count(), 2);
}

const COPIES: &str = r#"
import sys
with open("got", "a") as got:
    for line in sys.stdin:
        got.write(line)
"#;

#[test]
fn a_program_that_runs_all_the_time_gets_a_line_an_alert() {
    let count = HOSTILE.len().to_string();
    let Some(test) = running(COPIES, &["mode=stream", "--count", &count]) else { return };
    let handled = HOSTILE.len() as u64;
    let room = test
        .send_all(HOSTILE.map(saying))
        .stats(counters([handled, 0, 0, 0], &[("exec", [handled, 0, 0])]))
        .success();
    let said = got(&room).into_iter().map(|alert| alert["msg"].clone());
    let sent = HOSTILE.map(|msg| Value::from(String::from_utf8_lossy(msg)));
    assert_eq!(said.collect::<Vec<_>>(), sent);
}

/// Reads one line, closes its input, and only then keeps the line.
const READS_ONE: &str = r#"
import os, sys
line = b""
while not line.endswith(b"\n"):
    line += os.read(0, 1)
os.close(0)
with open("got", "ab") as got:
    got.write(line)
sys.exit("enough")
"#;

#[test]
fn a_program_that_ends_is_started_again_and_gets_what_was_not_written() {
    let args = ["mode=stream", "--count", "5"];
    let Some(test) = running(READS_ONE, &args) else { return };
    let mut running = test.start();
    let path = running.room().at("got");
    for n in 1..=5 {
        running.send(&saying(format!("alert {n}").as_bytes()));
        until("the line was kept", || {
            fs::read_to_string(&path).is_ok_and(|got| got.lines().count() == n)
        });
    }
    let (room, ended) = running.end();
    let said: Vec<_> = got(&room).iter().map(|alert| alert["msg"].to_string()).collect();
    let sent: Vec<_> = (1..=5).map(|n| format!("\"alert {n}\"")).collect();
    assert_eq!(said, sent);
    let again = " ended with status 1; restarting in 100ms; its output: enough\n";
    assert!(ended.stderr.contains(again), "{}", ended.stderr);
    // The last one failed at the end: that is said.
    assert!(
        ended.stderr.contains("error: handler exec: ") && !ended.stderr.ends_with(again),
        "{}",
        ended.stderr
    );
}

/// Others go on while a program ignores its input, and at the end it doesn't hold us up.
#[test]
fn a_program_that_ignores_its_input_blocks_nobody_else() {
    if !has("python3") {
        return;
    }
    let mut running = Test::new()
        .file("script.py", HANGS)
        .args(["--data-handler", "exec", "--data-handler", "file", "exec.mode=stream"])
        .args([
            "file.path=alerts",
            "--stats",
            "stats.json",
            &format!("exec.command={} script.py", python()),
        ])
        .start();
    let pids = running.room().at("pids");
    until("the program runs", || pids.exists());
    (0..500).for_each(|_| running.send(&ping()));
    let alerts = running.room().at("alerts");
    until("the file has all", || {
        fs::read_to_string(&alerts).is_ok_and(|text| text.lines().count() == 500)
    });
    let (room, _) = ends_in_time(running);
    some_were_dropped(&room, "exec", 500);
    all_gone(&room);
}

#[test]
fn keys_that_make_no_sense_are_refused() {
    for (keys, problem) in [
        (&["command=cat 'x"][..], "command: a quote is not closed"),
        (&["command="], "command: expected a program"),
        (
            &["command=cat", "timeout=soon"],
            "timeout: \"soon\": expected a time (500ms, 10s, 1m), at most 365d",
        ),
        (&["command=cat", "timeout=0s"], "timeout=0s: must be greater than 0"),
        (
            &["command=cat", "mode=stream", "rate=3"],
            "timeout, concurrency and rate are for mode=each",
        ),
        (
            &["command=cat", "mode=stream", "format=full"],
            "mode=stream writes a line per alert, but format=full has several",
        ),
        (&["mode=each"], "missing key `command`"),
    ] {
        let running = Test::new().args(["--data-handler", "exec"]).args(keys).start();
        let (_, ended) = running.end();
        let expected = format!("error: handler exec: {problem}\n");
        assert!(ended.stderr.starts_with(&expected), "{keys:?}: {}", ended.stderr);
    }
}

#[test]
fn a_list_of_words_is_not_split() {
    let config = r#"
        [[handler]]
        type = "exec"
        command = ["python3", "-c", "import sys; open('got', 'w').write(sys.argv[1])", "two words"]
    "#;
    if !has("python3") {
        return;
    }
    let room = Test::new()
        .file("pigear.toml", config)
        .args(["--config", "pigear.toml", "--count", "1"])
        .send(ping())
        .success();
    assert_eq!(room.read("got"), "two words");
}
