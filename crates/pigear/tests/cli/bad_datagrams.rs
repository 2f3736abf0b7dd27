//! Datagrams that are no alerts.

use crate::harness::{Test, counters};
use crate::snort::{PING, noise, ping};

const LENGTHS: &str = "but an alert has 65864, 65880 or 65928 (Snort 2.9 and 3), or 1844, 1856 or \
    1864 (older)";

/// Datagrams that are no alerts, and what is said of them.
fn bad() -> Vec<(Vec<u8>, String)> {
    let lengths = |actual: usize| format!("datagram has {actual} bytes, {LENGTHS}");
    let endless = "datagram is not an alert: its message is not terminated within 256 bytes";
    let truncated = ping()[..1_000].to_vec();
    vec![
        (b"not an alert".to_vec(), lengths(12)),
        (Vec::new(), lengths(0)),
        (truncated, lengths(1_000)),
        (noise(3_000), lengths(3_000)),
        (noise(100_000), lengths(100_000)),
        (vec![0xff; 1_856], endless.to_owned()),
        (vec![0xff; 65_864], endless.to_owned()),
    ]
}

#[test]
fn a_bad_datagram_is_reported_and_skipped() {
    for (datagram, problem) in bad() {
        Test::new()
            .args(["--serve-forever", "--count", "1"])
            .send(datagram)
            .send(ping())
            .stdout(PING)
            .stderr(format!("warning: {problem}; 1 malformed so far\n"))
            .stats(counters([1, 1, 0, 0], &[("print", [1, 0, 0])]))
            .success();
    }
}

#[test]
fn a_bad_datagram_ends_the_program_unless_it_is_to_serve_forever() {
    for (datagram, problem) in bad() {
        Test::new()
            .send(datagram)
            .stderr(format!(
                "error: log/snort_alert: {problem}\n\
                 hint: with --serve-forever, errors are counted and the next alert is handled\n"
            ))
            .stats(counters([0, 1, 0, 0], &[("print", [0, 0, 0])]))
            .status(1);
    }
}

#[test]
fn what_came_before_a_bad_datagram_is_printed() {
    let room = Test::new()
        .send(ping())
        .send(b"bad")
        .stdout(PING)
        .stderr(format!(
            "error: log/snort_alert: datagram has 3 bytes, {LENGTHS}\n\
             hint: with --serve-forever, errors are counted and the next alert is handled\n"
        ))
        .stats(counters([1, 1, 0, 0], &[("print", [1, 0, 0])]))
        .status(1);
    assert!(!room.socket().exists());
}

#[test]
fn many_bad_datagrams_are_a_few_lines() {
    let lines = [1, 2, 4, 8]
        .map(|n| format!("warning: datagram has 3 bytes, {LENGTHS}; {n} malformed so far\n"));
    Test::new()
        .args(["--serve-forever", "--count", "1"])
        .send_all(std::iter::repeat_n(b"bad".to_vec(), 15))
        .send(ping())
        .stdout(PING)
        .stderr(lines.concat())
        .stats(counters([1, 15, 0, 0], &[("print", [1, 0, 0])]))
        .success();
}

#[test]
fn an_alert_of_another_dialect_than_the_one_asked_for_is_refused() {
    for arg in ["--dialect=snort2.7", "dialect=snort2.7"] {
        Test::new()
            .args([arg])
            .send(ping())
            .stderr(
                "error: log/snort_alert: datagram has 65928 bytes, but an alert of snort2.7 has 1856\n\
                 hint: with --serve-forever, errors are counted and the next alert is handled\n",
            )
            .stats(counters([0, 1, 0, 0], &[("print", [0, 0, 0])]))
            .status(1);
    }
}
