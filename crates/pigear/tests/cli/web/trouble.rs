//! A store that can't be read, and clients that are slow.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;

use nix::sys::signal::Signal;

use super::client::{LAST, PINGS, Page, Stream};
use crate::room::Room;

/// A store with the alerts of `icmp_ping`, which no program writes.
pub(super) fn stored() -> Room {
    let mut page = Page::pinged(&[]);
    page.running.signal(Signal::SIGTERM);
    page.running.end().0
}

const ENDPOINTS: [&str; 9] = [
    "alerts",
    "alerts/1",
    "packets",
    "export",
    "counts?by=sid",
    "series",
    "values?field=sid",
    "stream",
    "health",
];

#[track_caller]
fn unusable(page: &Page, part: &str) {
    for path in ENDPOINTS {
        let answer = page.get(path);
        let problem = answer.problem(503);
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.contains("cannot use the store a.db: ") && detail.contains(part),
            "{detail}"
        );
        assert!(problem["hint"].is_string(), "{path}: {problem}");
        assert!(answer.header("retry-after").is_some(), "{path}");
    }
    // The page itself is there, to show this.
    assert_eq!(page.request("GET", "", "", "").status, 200);
}

#[test]
fn a_store_that_was_moved_away_is_a_problem_until_it_is_back() {
    let page = Page::over(stored(), &[]);
    assert_eq!(page.last(), LAST);
    let room = page.running.room();
    fs::rename(room.at("a.db"), room.at("b.db")).unwrap();
    unusable(&page, "there is no store");
    fs::rename(room.at("b.db"), room.at("a.db")).unwrap();
    assert_eq!(page.last(), LAST);
}

/// Sets the version of the tables, which is at a fixed place of the file.
fn set_version(room: &Room, version: u32) {
    const USER_VERSION: u64 = 60;
    const CHANGE_COUNTER: u64 = 24;
    let file = fs::OpenOptions::new().read(true).write(true).open(room.at("a.db")).unwrap();
    let mut counter = [0; 4];
    file.read_exact_at(&mut counter, CHANGE_COUNTER).unwrap();
    let counter = u32::from_be_bytes(counter) + 1;
    file.write_all_at(&version.to_be_bytes(), USER_VERSION).unwrap();
    file.write_all_at(&counter.to_be_bytes(), CHANGE_COUNTER).unwrap();
}

#[test]
fn a_store_of_a_newer_version_is_a_problem() {
    let page = Page::over(stored(), &[]);
    let room = page.running.room();
    // Another file, since the open one is in the memory of SQLite.
    fs::copy(room.at("a.db"), room.at("b.db")).unwrap();
    fs::rename(room.at("a.db"), room.at("old.db")).unwrap();
    fs::rename(room.at("b.db"), room.at("a.db")).unwrap();
    set_version(room, 99);
    unusable(&page, "it has version 99");
    fs::rename(room.at("old.db"), room.at("a.db")).unwrap();
    assert_eq!(page.last(), LAST);
}

#[test]
fn another_file_in_its_place_is_a_problem() {
    let page = Page::over(stored(), &[]);
    let room = page.running.room();
    fs::rename(room.at("a.db"), room.at("b.db")).unwrap();
    room.write("a.db", "not a store at all, but a text that is long enough ".repeat(100));
    unusable(&page, "not a Pigear store");
    fs::rename(room.at("b.db"), room.at("a.db")).unwrap();
    assert_eq!(page.last(), LAST);
}

#[test]
fn a_store_that_is_emptied_or_replaced_by_a_directory_is_a_problem_until_it_is_back() {
    let page = Page::over(stored(), &[]);
    assert_eq!(page.last(), LAST);
    let room = page.running.room();
    fs::copy(room.at("a.db"), room.at("b.db")).unwrap();
    // The same file: it has been read, and parts of it are in memory.
    fs::OpenOptions::new().write(true).open(room.at("a.db")).unwrap().set_len(0).unwrap();
    unusable(&page, "there is no store: the file is empty");
    fs::write(room.at("a.db"), fs::read(room.at("b.db")).unwrap()).unwrap();
    assert_eq!(page.last(), LAST);
    fs::remove_file(room.at("a.db")).unwrap();
    fs::create_dir(room.at("a.db")).unwrap();
    unusable(&page, "Is a directory");
    fs::remove_dir(room.at("a.db")).unwrap();
    fs::rename(room.at("b.db"), room.at("a.db")).unwrap();
    assert_eq!(page.last(), LAST);
}

#[test]
fn a_stream_says_that_the_store_is_gone_and_that_it_is_back() {
    let page = Page::over(stored(), &[]);
    let mut stream = Stream::open(&page, "?last_event_id=0", "");
    stream.read(PINGS);
    let room = page.running.room();
    fs::rename(room.at("a.db"), room.at("b.db")).unwrap();
    let problem = stream.read_other("problem");
    assert!(problem["detail"].as_str().unwrap().ends_with("there is no store"), "{problem}");
    assert!(problem["hint"].is_string(), "{problem}");
    fs::rename(room.at("b.db"), room.at("a.db")).unwrap();
    stream.read_other("ready");
    assert_eq!((stream.events.len(), stream.resets), (PINGS, 0));
}

#[test]
fn a_store_that_is_locked_is_a_problem_until_it_is_free() {
    let page = Page::over(stored(), &[]);
    assert_eq!(page.last(), LAST);
    let room = page.running.room();
    // While the page has it open, no program gets this lock.
    fs::rename(room.at("a.db"), room.at("b.db")).unwrap();
    page.problem("alerts", 503);
    let other = rusqlite::Connection::open(room.at("b.db")).unwrap();
    other.pragma_update(None, "locking_mode", "EXCLUSIVE").unwrap();
    crate::harness::until("it is locked", || other.execute_batch("BEGIN EXCLUSIVE").is_ok());
    fs::rename(room.at("b.db"), room.at("a.db")).unwrap();
    let problem = page.problem("alerts", 503);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.ends_with("another program has it locked"), "{detail}");
    assert!(problem["hint"].is_string());
    drop(other);
    assert_eq!(page.last(), LAST);
}

#[test]
fn a_store_that_is_vacuumed_is_read_before_and_after() {
    let page = Page::over(stored(), &[]);
    let before = page.json("alerts?limit=100");
    let other = rusqlite::Connection::open(page.running.room().at("a.db")).unwrap();
    other.execute_batch("VACUUM").unwrap();
    assert_eq!(page.json("alerts?limit=100"), before);
    assert_eq!(page.json("counts?by=sid")["total"], PINGS);
}

#[test]
fn slow_clients_hold_nothing_up() {
    let mut page = Page::listening(&[]);
    for _ in 0..40 {
        for datagram in crate::snort::sent("v2919/icmp_ping") {
            page.running.send(&datagram);
        }
    }
    crate::harness::until("they are stored", || page.last() == 40 * LAST);
    let mut slow = Vec::new();
    // A head by half, a body by half, and readers who read nothing of what they asked for.
    for request in [
        "GET /api/v1/alerts HTTP/1.1\r\nHost: ",
        "POST /api/v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: 100\r\n\r\n{",
        "GET /api/v1/stream?last_event_id=0 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /api/v1/alerts?limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ] {
        for _ in 0..20 {
            let mut stream = page.connect();
            stream.write_all(request.as_bytes()).unwrap();
            slow.push(stream);
        }
    }
    assert_eq!(page.json("alerts?limit=3")["alerts"].as_array().unwrap().len(), 3);
    assert_eq!(page.json("counts?by=sid")["total"], 40 * PINGS);
    page.ping();
    let health = page.json("health");
    for name in ["store", "web"] {
        let lane = &health["counters"]["handlers"][name];
        assert_eq!((&lane["dropped"], &lane["failed"]), (&0.into(), &0.into()), "{health}");
    }
    drop(slow);
    page.running.signal(Signal::SIGTERM);
    let (_, ended) = page.running.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
}

#[test]
fn a_head_that_is_too_long_is_refused() {
    let page = Page::listening(&[]);
    let mut stream = page.connect();
    let head = format!("GET /?{} HTTP/1.1\r\nHost: localhost\r\n", "x".repeat(200_000));
    // It may be closed before all was sent.
    let _ = stream.write_all(head.as_bytes());
    let mut begin = [0; 10];
    if stream.read_exact(&mut begin).is_ok() {
        assert_eq!(&begin, b"HTTP/1.1 4", "{}", String::from_utf8_lossy(&begin));
    }
    assert_eq!(page.json("health")["dead_letters"], 0);
}

#[test]
fn text_of_attackers_stays_text() {
    let mut page = Page::listening(&[]);
    let mut ping = crate::snort::ping();
    // The message is at the begin of a datagram, and ends with a zero.
    let evil = b"<script>alert(1)</script>\x1b[2J\xff\xe2\x80\xae\"'\0";
    ping[..evil.len()].copy_from_slice(evil);
    page.running.send(&ping);
    crate::harness::until("it is stored", || page.last() == 1);
    let answer = page.get("alerts");
    let body = String::from_utf8(answer.body.clone()).unwrap();
    assert!(body.contains(r"<script>alert(1)</script>\u001b[2J"), "{body}");
    assert!(!body.contains('\u{202e}') && body.contains(r"\u202e"), "{body}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let fast = String::from_utf8(page.get("export?format=fast").body).unwrap();
    assert!(!fast.contains('\x1b'), "{fast}");
    let values = page.json("values?field=sid");
    assert!(values["values"][0]["label"].as_str().unwrap().starts_with("<script>"));
}

/// Damages a packet: the text of a ping that alerts have.
fn flip_bit(room: &Room) {
    let mut bytes = fs::read(room.at("a.db")).unwrap();
    let text = b"abcdefghijklmnop";
    let place = bytes.windows(text.len()).rposition(|window| window == text).unwrap();
    bytes[place] ^= 1;
    fs::write(room.at("a.db"), bytes).unwrap();
}

#[test]
fn what_queries_met_that_is_damaged_is_said_by_health() {
    let room = stored();
    flip_bit(&room);
    let page = Page::over(room, &[]);
    assert!(page.json("health")["store"].get("damage").is_none());
    for _ in 0..2 {
        assert_eq!(page.json("alerts?limit=1000")["unreadable"], 1);
    }
    let reads = "filter=msg.pktlen%20%3E%200";
    for counts in [format!("counts?by=port&{reads}"), format!("series?{reads}")] {
        assert_eq!(page.json(&counts)["unreadable"], 1, "{counts}");
    }
    let damage = page.json("health")["store"]["damage"].clone();
    assert_eq!((&damage["unreadable"], damage.get("index")), (&1.into(), None), "{damage}");
    assert!(damage["met"].is_string());
    // Of another store nothing is known.
    let room = page.running.room();
    let other = stored();
    fs::rename(room.at("a.db"), room.at("damaged.db")).unwrap();
    fs::copy(other.at("a.db"), room.at("a.db")).unwrap();
    assert!(page.json("health")["store"].get("damage").is_none());
}
