//! What is counted.

use crate::harness::{Test, counters};
use crate::snort::{self, PING, ping, recording, sent};

#[test]
fn count_ends_the_program_after_so_many_alerts() {
    let room = Test::new()
        .args(["--count", "2"])
        .send_all([ping(), ping()])
        .stdout(PING.repeat(2))
        .stats(counters([2, 0, 0, 0], &[("print", [2, 0, 0])]))
        .success();
    assert!(!room.socket().exists());
}

#[test]
fn alerts_that_are_missing_between_others_are_counted() {
    let mut alerts = sent("v2919/icmp_ping");
    let ids = snort::expected("v2919/icmp_ping");
    let id = |n: usize| ids[n]["event_id"].as_u64().unwrap();
    let missed = id(10) - id(0) - 1;
    Test::new()
        .args(["--data-handler", "null", "--count", "2"])
        .send_all([alerts.swap_remove(0), alerts.swap_remove(10)])
        .stats(counters([2, 0, 0, missed], &[("null", [2, 0, 0])]))
        .success();
}

#[test]
fn handlers_of_one_kind_are_counted_each() {
    let room = Test::new()
        .args(["--data-handler", "file", "--data-handler", "file", "--data-handler", "null"])
        .args(["file.path=a", "file-2.path=b", "file-2.format=json", "--count", "1"])
        .send(ping())
        .stats(counters(
            [1, 0, 0, 0],
            &[("file", [1, 0, 0]), ("file-2", [1, 0, 0]), ("null", [1, 0, 0])],
        ))
        .success();
    assert_eq!(room.read("a"), PING);
    assert_eq!(snort::objects(&room.read("b"))[0]["msg"], "ICMP Echo Request");
}

#[test]
fn the_old_names_of_handlers_still_work() {
    Test::new()
        .args(["--data-handler", "pigear.core.DataHandler"])
        .args(["--socket-handler", "pigear.core.SocketHandler", "--serve-forever"])
        .args(["--count", "1"])
        .send(ping())
        .stdout(PING)
        .stats(counters([1, 0, 0, 0], &[("print", [1, 0, 0])]))
        .success();
}

#[cfg(feature = "exec")]
/// A program that is busy, with room for one more alert.
const BUSY: &str =
    "[[handler]]\ntype = \"exec\"\ncommand = \"sleep 1\"\nqueue = 1\nwhen_full = \"drop-newest\"\n";

#[cfg(feature = "exec")]
#[test]
fn what_found_no_room_is_status_1_where_the_run_ends_by_itself() {
    let played = || {
        let test = Test::bare().file("pigear.toml", BUSY).args(["--config", "pigear.toml"]);
        let test = test.args(["--socket-handler", "play", "--serve-forever"]);
        let mut args = vec!["--from".into(), recording("v2919/icmp_ping").into_os_string()];
        args.extend(["--stats", "stats.json"].map(Into::into));
        test.args(args)
    };
    for count in [None, Some("5")] {
        let args = count.into_iter().flat_map(|count| ["--count", count]);
        let (room, ended) = played().args(args).start().end();
        let stats: serde_json::Value = serde_json::from_str(&room.read("stats.json")).unwrap();
        let dropped = stats["handlers"]["exec"]["dropped"].as_u64().unwrap();
        let error = format!("error: not delivered: {dropped} alerts of handler exec\n");
        assert!(ended.stderr.ends_with(&error), "{}", ended.stderr);
        assert_eq!((ended.status, dropped > 1), (Some(1), true));
    }
}

#[cfg(feature = "exec")]
#[test]
fn what_failed_of_a_count_is_status_1() {
    let test = Test::new().args(["--serve-forever", "--count", "2", "--data-handler", "exec"]);
    let mut running = test.args(["command=false"]).start();
    running.send(&ping());
    running.send(&ping());
    let ended = running.end().1;
    assert!(ended.stderr.ends_with("error: not delivered: 2 alerts of handler exec\n"));
    assert_eq!(ended.status, Some(1));
}

#[test]
fn what_may_not_be_sent_after_a_count_is_said_and_status_1() {
    let test = Test::new().args(["per_minute=1", "group=1h", "--count", "3"]);
    let mut running = test.start();
    // Alike alerts would become one message.
    let cases = ["v2919/icmp_ping", "v2919/http", "v2919/ssh"];
    for datagram in cases.map(|case| sent(case).swap_remove(0)) {
        running.send(&datagram);
    }
    let ended = running.end().1;
    let expected = "warning: handler print: did not send 2 messages about 2 alerts in time; 2 alerts dropped\n\
        error: not delivered: 2 alerts of handler print\n";
    assert_eq!((ended.stdout.lines().count(), ended.status), (1, Some(1)));
    assert_eq!(crate::running::without_names(&ended.stderr), expected);
}
