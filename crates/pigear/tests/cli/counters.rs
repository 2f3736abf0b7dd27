//! What is counted.

use crate::harness::{Test, counters};
use crate::snort::{self, PING, ping, sent};

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
