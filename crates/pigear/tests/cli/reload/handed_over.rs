//! What runs when a reload or a signal comes is finished, and nothing is begun that would be broken off.

use nix::sys::signal::Signal;

use super::{lines, reload, started};
use crate::harness::{Test, until};
use crate::running::Running;
use crate::snort::ping;

/// What is said of a program that is killed.
const KILLED: &str = "sh did not exit in time and was killed";

/// A program that takes so many seconds for each alert, and writes down that it begins and that it ends.
fn config(seconds: &str, more: &str) -> String {
    format!(
        "serve_forever = true\nstats = 'stats.json'\n{more}[[handler]]\ntype = 'exec'\n\
         command = ['sh', '-c', 'echo >>begun; sleep {seconds}; echo >>ended']\n"
    )
}

/// The same, durable.
fn durable(seconds: &str) -> String {
    config(seconds, "[store]\npath = 'a.db'\n")
}

/// How many runs have begun, and how many have ended.
fn runs(running: &Running) -> (u64, u64) {
    (lines(running, "begun"), lines(running, "ended"))
}

fn send(running: &mut Running, alerts: u64) {
    for _ in 0..alerts {
        running.send(&ping());
    }
}

/// What became of the alerts: handled, dropped and waiting.
fn counted(stats: &str) -> (u64, u64, u64) {
    let stats: serde_json::Value = serde_json::from_str(stats).unwrap();
    let count = |name: &str| stats["handlers"]["exec"][name].as_u64().unwrap();
    (count("handled"), count("dropped"), count("waiting"))
}

#[test]
fn a_reload_begins_no_run_twice() {
    const ALERTS: u64 = 9;
    for config in [durable("0.5"), config("0.5", "")] {
        let mut running = started(Test::new(), &config);
        send(&mut running, ALERTS);
        until("a run has ended", || runs(&running).1 > 0);
        running.room().write("pigear.toml", format!("{config}timeout = '11s'\n"));
        reload(&running);
        until("all have run", || runs(&running).1 >= ALERTS);
        running.signal(Signal::SIGTERM);
        let (room, ended) = running.end();
        assert!(!ended.stderr.contains("was killed"), "{}", ended.stderr);
        assert_eq!(room.read("begun").lines().count() as u64, ALERTS);
        assert_eq!(counted(&room.read("stats.json")), (ALERTS, 0, 0));
    }
}

#[test]
fn a_signal_leaves_what_there_is_no_time_for_in_the_store() {
    const ALERTS: u64 = 40;
    let mut running = started(Test::new(), &durable("0.5"));
    send(&mut running, ALERTS);
    until("a run has ended", || runs(&running).1 > 0);
    running.signal_now(Signal::SIGTERM);
    let (begun, _) = runs(&running);
    let (room, ended) = running.end();
    assert!(!ended.stderr.contains("was killed"), "{}", ended.stderr);
    let ran = room.read("ended").lines().count() as u64;
    assert_eq!(room.read("begun").lines().count() as u64, ran);
    // One may have begun just when the signal came.
    assert!(ran <= begun + 1, "{ran} runs, {begun} of them begun before the signal");
    assert_eq!(counted(&room.read("stats.json")), (ran, 0, ALERTS - ran));
}

#[test]
fn a_signal_leaves_nothing_in_the_store_that_there_is_time_for() {
    const ALERTS: u64 = 4;
    let mut running = started(Test::new(), &durable("0.2"));
    send(&mut running, ALERTS);
    until("a run has ended", || runs(&running).1 > 0);
    running.signal_now(Signal::SIGTERM);
    let (room, ended) = running.end();
    assert_eq!(counted(&room.read("stats.json")), (ALERTS, 0, 0), "{}", ended.stderr);
}

#[test]
fn without_a_store_a_signal_lets_run_what_there_is_time_for() {
    const ALERTS: u64 = 40;
    let mut running = started(Test::new(), &config("0.8", ""));
    send(&mut running, ALERTS);
    until("a run has ended", || runs(&running).1 > 0);
    let (before, _) = runs(&running);
    running.signal_now(Signal::SIGTERM);
    let (room, ended) = running.end();
    assert!(!ended.stderr.contains("was killed"), "{}", ended.stderr);
    let ran = room.read("ended").lines().count() as u64;
    assert_eq!(room.read("begun").lines().count() as u64, ran);
    assert!(ran > before + 1, "{ran} runs, {before} of them begun before the signal");
    assert_eq!(counted(&room.read("stats.json")), (ran, ALERTS - ran, 0));
}

#[test]
fn a_removed_handler_ends_its_run_and_begins_no_other() {
    let mut running = started(Test::new(), &durable("1.5"));
    send(&mut running, 3);
    until("a run has begun", || runs(&running).0 > 0);
    running.room().write(
        "pigear.toml",
        "serve_forever = true\nstats = 'stats.json'\n[store]\npath = 'a.db'\n[[handler]]\ntype = 'null'\n",
    );
    reload(&running);
    running.warns("warning: a.db: 2 alerts wait for the handler exec, which isn't configured;");
    assert_eq!(runs(&running), (1, 1));
    assert!(!running.stderr_so_far().contains("was killed"), "{}", running.stderr_so_far());
    running.signal(Signal::SIGTERM);
    assert_eq!(counted(&running.end().0.read("stats.json")), (1, 0, 2));
}

#[test]
fn it_is_said_why_a_program_was_killed() {
    let mut running = started(Test::new(), &durable("600"));
    send(&mut running, 1);
    until("a run has begun", || runs(&running).0 > 0);
    running.room().write("pigear.toml", format!("{}timeout = '11s'\n", durable("600")));
    reload(&running);
    running.warns(&format!("warning: handler exec: {KILLED}: a reload changed the handler\n"));
    until("another run has begun", || runs(&running).0 > 1);
    running.signal(Signal::SIGTERM);
    let (_, ended) = running.end();
    let said = format!("warning: handler exec: {KILLED}: the run ends\n");
    assert!(ended.stderr.contains(&said), "{}", ended.stderr);
}

#[cfg(feature = "http")]
#[test]
fn it_is_said_why_no_answer_is_waited_for() {
    use std::net::TcpListener;

    // It takes requests, and never answers.
    let receiver = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = receiver.local_addr().unwrap();
    let config = |more: &str| {
        format!(
            "serve_forever = true\n[store]\npath = 'a.db'\n[[handler]]\ntype = 'http'\n\
             url = 'http://{address}/'\n{more}"
        )
    };
    let mut running = started(Test::new(), &config(""));
    send(&mut running, 1);
    let (_requests, _) = receiver.accept().unwrap();
    running.room().write("pigear.toml", config("timeout = '11s'\n"));
    reload(&running);
    running.warns(&format!(
        "warning: handler http: http://{address}: no answer yet; giving up: a reload changed the handler\n"
    ));
    let (_requests, _) = receiver.accept().unwrap();
    running.signal(Signal::SIGTERM);
    let (_, ended) = running.end();
    let said = format!("http://{address}: no answer yet; giving up: the run ends\n");
    assert!(ended.stderr.contains(&said), "{}", ended.stderr);
}
