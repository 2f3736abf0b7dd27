//! The live stream: nothing is missing, and nothing comes twice.

use nix::sys::signal::Signal;

use super::client::{LAST, PINGS, Page, Stream};
use crate::harness::{Test, until};

fn ids(from: i64, to: i64) -> Vec<i64> {
    (from..=to).collect()
}

#[test]
fn a_stream_has_each_new_alert_once_as_the_list_has_it() {
    let mut page = Page::pinged(&[]);
    let mut stream = Stream::open(&page, "", "");
    page.ping();
    stream.read(PINGS);
    assert_eq!(stream.ids(), ids(LAST + 1, 2 * LAST));
    let listed = page.json(&format!("alerts?limit={PINGS}"))["alerts"].clone();
    let streamed: Vec<_> = stream.events.iter().rev().map(|(_, alert)| alert.clone()).collect();
    assert_eq!(listed, serde_json::Value::Array(streamed));
    // Had one come twice, it would come before these.
    page.ping();
    stream.read(2 * PINGS);
    assert_eq!(stream.ids(), ids(LAST + 1, 3 * LAST));
}

#[test]
fn who_comes_again_gets_what_came_meanwhile() {
    let mut page = Page::pinged(&[]);
    let mut first = Stream::open(&page, "?last_event_id=0", "");
    first.read(10);
    let last = first.last_id;
    drop(first);
    page.ping();
    let mut second = Stream::open(&page, "", &format!("Last-Event-ID: {last}\r\n"));
    second.read(2 * PINGS - 10);
    assert_eq!(second.ids(), ids(last + 1, 2 * LAST));
    // The header is what a browser sends again, so it is the one that counts.
    let header = "Last-Event-ID: 50\r\n";
    let mut both = Stream::open(&page, "?last_event_id=0", header);
    both.read(4);
    assert_eq!(both.ids(), ids(51, 54));
    page.ping();
    for (stream, first) in [(&mut both, 51), (&mut second, last + 1)] {
        let end = 3 * LAST;
        stream.read(usize::try_from(end - first + 1).unwrap());
        assert_eq!(stream.ids(), ids(first, end));
    }
}

#[test]
fn a_stream_has_only_what_is_selected_and_moves_on_over_the_rest() {
    let mut page = Page::pinged(&[]);
    let all = page.json("alerts?limit=1000&filter=alert.priority+%3D%3D+2")["alerts"].clone();
    let expected = all.as_array().unwrap().len();
    assert!(expected > 0 && expected < PINGS);
    let mut stream = Stream::open(&page, "?filter=alert.priority+%3D%3D+2&last_event_id=0", "");
    stream.read(expected);
    page.ping();
    stream.read(2 * expected);
    page.ping();
    stream.read(3 * expected);
    assert!(stream.events.iter().all(|(_, alert)| alert["priority"] == 2));
    assert!(stream.ids().is_sorted_by(|a, b| a < b));
}

#[test]
fn many_alerts_that_come_at_once_all_come() {
    let mut page = Page::listening(&[]);
    let mut stream = Stream::open(&page, "", "");
    // More than are remembered for all streams.
    let rounds = 90;
    for _ in 0..rounds {
        for datagram in crate::snort::sent("v2919/icmp_ping") {
            page.running.send(&datagram);
        }
    }
    let all = rounds * PINGS;
    stream.read(all);
    assert_eq!(stream.ids(), ids(1, i64::try_from(all).unwrap()));
    let mut late = Stream::open(&page, "?last_event_id=0", "");
    late.read(all);
    assert_eq!(late.ids(), ids(1, i64::try_from(all).unwrap()));
}

#[test]
fn a_stream_of_the_newest_skips_what_is_too_much_to_follow() {
    let mut page = Page::listening(&[]);
    let flood = |page: &mut Page, rounds: i64| {
        let before = page.last();
        for _ in 0..rounds {
            for datagram in crate::snort::sent("v2919/icmp_ping") {
                page.running.send(&datagram);
            }
        }
        until("they are stored", || page.last() == before + rounds * LAST);
        page.last()
    };
    let last = flood(&mut page, 30);
    // All of them, and those that a filter selects, which are read from the store.
    for filter in ["", "&filter=msg.sig_id+%3E+0", "&filter=msg.caplen+%3E+0"] {
        let parameters = format!("?last_event_id=0&packet=no&newest=10{filter}");
        let mut stream = Stream::open(&page, &parameters, "");
        stream.read(10);
        assert_eq!(stream.ids(), ids(last - 9, last), "{filter}");
        assert_eq!(stream.read_other("skipped"), serde_json::json!({}));
        assert_eq!(stream.others.len(), 1);
        // Few are not skipped.
        let mut stream = Stream::open(&page, &parameters.replace("id=0", "id=800"), "");
        stream.read(10);
        assert_eq!(stream.ids(), ids(801, last), "{filter}");
        assert!(stream.others.is_empty());
    }
    // While it is open, too; and nothing is missing behind it.
    let mut stream = Stream::open(&page, "?newest=5", "");
    let last = flood(&mut page, 80);
    page.ping();
    while stream.last_id < last + LAST {
        let read = stream.events.len();
        stream.read(read + 1);
    }
    let all = stream.ids();
    assert!(all.is_sorted_by(|a, b| a < b));
    assert!(all.ends_with(&ids(last + LAST - 4, last + LAST)), "{all:?}");
    page.problem("stream?newest=0", 400);
    page.problem("stream?packet=perhaps", 400);
}

#[test]
fn a_stream_without_packets_has_alerts_as_the_list_without_them() {
    let mut page = Page::pinged(&[]);
    let (mut whole, mut without) =
        (Stream::open(&page, "", ""), Stream::open(&page, "?packet=no", ""));
    page.ping();
    whole.read(PINGS);
    without.read(PINGS);
    for (stream, parameters) in [(&whole, ""), (&without, "&packet=no")] {
        let listed = page.json(&format!("alerts?limit={PINGS}{parameters}"))["alerts"].clone();
        let streamed = stream.events.iter().rev().map(|(_, alert)| alert.clone()).collect();
        assert_eq!(listed, serde_json::Value::Array(streamed));
    }
    assert!(whole.events[0].1["pkt"].is_string() && without.events[0].1["pkt"].is_null());
}

#[test]
fn a_stream_goes_on_with_the_store_that_replaces_another() {
    let mut listening = Page::pinged(&[]);
    listening.running.signal(Signal::SIGTERM);
    let (room, _) = listening.running.end();
    let other = Page::pinged(&[]);
    let mut other = other;
    other.running.signal(Signal::SIGTERM);
    let (other, _) = other.running.end();
    let page = Page::over(room, &[]);
    let mut stream = Stream::open(&page, "", "");
    let room = page.running.room();
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(room.at(&format!("a.db{end}")));
    }
    std::fs::rename(other.at("a.db"), room.at("new.db")).unwrap();
    std::fs::rename(room.at("new.db"), room.at("a.db")).unwrap();
    stream.read_reset();
    stream.read(PINGS);
    assert_eq!(stream.ids(), ids(1, LAST));
    // An id of the former store is one that isn't there yet.
    let mut late = Stream::open(&page, "", "Last-Event-ID: 5000\r\n");
    late.read_reset();
    assert_eq!(late.last_id, LAST);
}

#[test]
fn an_open_stream_does_not_hold_the_end_up() {
    let test = Test::new().args(["--store", "a.db", "--data-handler", "web"]);
    let page = Page::of(test, &["token=s3cret-of-the-page"]);
    let bearer = "Authorization: Bearer s3cret-of-the-page\r\n";
    let stream = Stream::open(&page, "", bearer);
    page.running.signal_now(Signal::SIGTERM);
    let (_, ended) = page.running.end();
    assert_eq!(ended.status, Some(0), "an open stream holds the end up: {}", ended.stderr);
    drop(stream);
}

#[test]
fn the_page_leaves_the_processors_to_those_that_receive() {
    let page = Page::listening(&[]);
    let tasks = format!("/proc/{}/task", page.running.id());
    let nice = |name: &str| {
        let tasks = std::fs::read_dir(&tasks).unwrap().map(|task| task.unwrap().path());
        let of_task = |task: std::path::PathBuf| {
            let stat = std::fs::read_to_string(task.join("stat")).ok()?;
            let (before, behind) = stat.rsplit_once(')')?;
            let is_it = before.split_once('(')?.1 == name;
            is_it.then(|| behind.split_whitespace().nth(16).unwrap().parse::<i32>().unwrap())
        };
        tasks.filter_map(of_task).collect::<Vec<_>>()
    };
    let [receiving] = nice("pigear")[..] else { panic!("{:?}", nice("pigear")) };
    let lower = (receiving + 10).min(19);
    // A thread has its name and priority soon after it has begun.
    until("the feed has a lower priority", || nice("web-feed") == [lower]);
    until("the page has a lower priority", || nice("web").contains(&lower));
}

#[test]
fn two_hundred_streams_are_served_and_too_many_are_refused() {
    let mut page = Page::pinged(&[]);
    let mut streams: Vec<_> = (0..256).map(|_| Stream::open(&page, "", "")).collect();
    let answer = page.get("stream");
    answer.problem(503);
    assert!(answer.header("retry-after").is_some());
    page.ping();
    for stream in &mut streams {
        stream.read(PINGS);
        assert_eq!(stream.ids(), ids(LAST + 1, 2 * LAST));
    }
    drop(streams);
    until("there is room again", || {
        let mut stream = page.connect();
        let head = format!("GET /api/v1/stream HTTP/1.1\r\nHost: {}\r\n\r\n", page.address);
        std::io::Write::write_all(&mut stream, head.as_bytes()).unwrap();
        let mut begin = [0; 12];
        std::io::Read::read_exact(&mut stream, &mut begin).unwrap();
        begin == *b"HTTP/1.1 200"
    });
}
