//! Another store in the place of one: numbers of the one are not taken for those of the other.

use std::fs;

use nix::sys::signal::Signal;

use super::client::{LAST, PINGS, Page, Stream};
use super::trouble::stored;
use crate::room::Room;

/// A store with the alerts of `icmp_ping` twice, which no program writes.
fn stored_twice() -> Room {
    let mut page = Page::pinged(&[]);
    page.ping();
    page.running.signal(Signal::SIGTERM);
    page.running.end().0
}

/// Ends a page, and returns its room with another store in it.
fn ended_and_replaced(page: Page, other: &Room) -> Room {
    page.running.signal_now(Signal::SIGTERM);
    let (room, _) = page.running.end();
    for end in ["-wal", "-shm"] {
        let _ = fs::remove_file(room.at(&format!("a.db{end}")));
    }
    fs::copy(other.at("a.db"), room.at("new.db")).unwrap();
    fs::rename(room.at("new.db"), room.at("a.db")).unwrap();
    room
}

/// Copies the store as it is, also while a program writes it.
fn copy(room: &Room, to: &str) {
    let store = rusqlite::Connection::open(room.at("a.db")).unwrap();
    store.execute("VACUUM INTO ?1", [room.at(to).to_str().unwrap()]).unwrap();
}

#[test]
fn a_stream_that_comes_again_to_another_store_begins_anew() {
    let page = Page::over(stored(), &[]);
    let mut stream = Stream::open(&page, "?last_event_id=0", "");
    stream.read(PINGS);
    let last = stream.last_event.clone();
    drop(stream);
    // It has more alerts than the former one, so the number alone could be one of its own.
    let page = Page::over(ended_and_replaced(page, &stored_twice()), &[]);
    for (parameters, header) in [
        (String::new(), format!("Last-Event-ID: {last}\r\n")),
        (format!("?last_event_id={last}"), String::new()),
    ] {
        let mut stream = Stream::open(&page, &parameters, &header);
        stream.read_reset();
        assert_eq!((stream.last_id, stream.events.len()), (2 * LAST, 0));
        // With the id that it has now, it goes on.
        let header = format!("Last-Event-ID: {}\r\n", stream.last_event);
        let again = Stream::open(&page, "", &header);
        assert_eq!((again.last_event, again.resets), (stream.last_event, 0));
    }
}

#[test]
fn the_cursor_of_another_store_is_a_problem() {
    let page = Page::over(stored(), &[]);
    let first = page.json("alerts?limit=10");
    let cursor = first["next"].as_str().unwrap();
    assert_eq!(
        page.json(&format!("alerts?limit=10&cursor={cursor}"))["alerts"][0]["id"],
        LAST - 10
    );
    let page = Page::over(ended_and_replaced(page, &stored_twice()), &[]);
    let problem = page.problem(&format!("alerts?cursor={cursor}"), 409);
    assert_eq!(problem["type"], "urn:pigear:problem:other-store");
    assert!(problem["hint"].is_string(), "{problem}");
    let store = first["store"].as_str().unwrap();
    page.problem(&format!("alerts/1?store={store}"), 409);
    let now = page.json("alerts")["store"].as_str().unwrap().to_owned();
    assert_ne!(now, store);
    assert_eq!(page.json(&format!("alerts/1?store={now}"))["store"], now.as_str());
}

#[test]
fn what_is_said_of_an_alert_of_another_store_is_refused() {
    let page = Page::over(stored(), &[]);
    let former = page.json("alerts")["store"].as_str().unwrap().to_owned();
    let page = Page::over(ended_and_replaced(page, &stored_twice()), &[]);
    let now = page.json("alerts")["store"].as_str().unwrap().to_owned();
    let csrf = page.json("session")["csrf"].as_str().unwrap().to_owned();
    let headers = format!("Content-Type: application/json\nX-CSRF-Token: {csrf}\n");
    let send = |path: &str, store: &str, body: &str| {
        page.request("POST", &format!("api/v1/{path}?store={store}"), &headers, body)
    };
    let bodies = [
        ("triage", r#"{"ids":[1],"mark":"starred","set":true}"#),
        ("triage/undo", r#"{"action":1}"#),
        ("alerts/1/comments", r#"{"text":"x"}"#),
    ];
    for (path, body) in bodies {
        send(path, &former, body).problem(409);
        assert!(send(path, &now, body).status < 300, "{path}");
    }
    let removed = |store: &str| {
        page.request("DELETE", &format!("api/v1/comments/1?store={store}"), &headers, "").status
    };
    assert_eq!((removed(&former), removed(&now)), (409, 204));
}

#[test]
fn whatever_names_numbers_of_a_store_takes_the_store() {
    let page = Page::over(stored(), &[]);
    let former = page.json("alerts")["store"].as_str().unwrap().to_owned();
    let page = Page::over(ended_and_replaced(page, &stored_twice()), &[]);
    let now = page.json("alerts")["store"].as_str().unwrap().to_owned();
    for path in [
        "alerts/1",
        "alerts/1/packet",
        "alerts/1/export",
        "alerts/1/rule",
        "triage/actions",
        "triage/rules",
        "dead-letters",
    ] {
        let problem = page.problem(&format!("{path}?store={former}"), 409);
        assert_eq!(problem["type"], "urn:pigear:problem:other-store", "{path}");
        assert_eq!(page.get(&format!("{path}?store={now}")).status, 200, "{path}");
    }
    for path in ["triage/actions", "triage/rules", "dead-letters", "counts?by=priority"] {
        assert_eq!(page.json(path)["store"], now.as_str(), "{path}");
    }
    let csrf = page.json("session")["csrf"].as_str().unwrap().to_owned();
    let headers = format!("Content-Type: application/json\nX-CSRF-Token: {csrf}\n");
    let marks = |store: &str| {
        let path = format!("api/v1/triage/marks?store={store}");
        page.request("POST", &path, "Content-Type: application/json\n", r#"{"ids":[1]}"#).status
    };
    assert_eq!((marks(&former), marks(&now)), (409, 200));
    let everything = r#"{"criteria":{},"mark":"starred","set":true}"#;
    for (method, path, body) in [
        ("POST", "triage", everything),
        ("POST", "triage/rules", r#"{"expression":"msg.sig_id == 1"}"#),
        ("DELETE", "triage/rules/1", ""),
        ("POST", "redeliver", "{}"),
    ] {
        let status = |store: &str| {
            page.request(method, &format!("api/v1/{path}?store={store}"), &headers, body).status
        };
        assert_eq!(status(&former), 409, "{path}");
        assert!(status(&now) < 300, "{path}");
    }
}

/// A backup has the identity of the store, and fewer alerts.
#[test]
fn a_backup_that_is_put_back_does_not_stall_a_stream() {
    let mut page = Page::pinged(&[]);
    copy(page.running.room(), "backup.db");
    page.ping();
    page.running.signal(Signal::SIGTERM);
    let (room, _) = page.running.end();
    let page = Page::over(room, &[]);
    let mut stream = Stream::open(&page, "?last_event_id=0", "");
    stream.read(2 * PINGS);
    let last = stream.last_event.clone();
    // The file stays the same, as with `cp`.
    let room = page.running.room();
    fs::write(room.at("a.db"), fs::read(room.at("backup.db")).unwrap()).unwrap();
    stream.read_reset();
    assert_eq!((stream.last_id, page.last()), (LAST, LAST));
    let mut late = Stream::open(&page, "", &format!("Last-Event-ID: {last}\r\n"));
    late.read_reset();
    assert_eq!(late.last_id, LAST);
}

/// The program goes on in a backup with the next number, so the highest number is the same at once.
#[test]
fn a_backup_in_which_alerts_go_on_resets_a_stream() {
    let mut page = Page::pinged(&[]);
    copy(page.running.room(), "backup.db");
    page.ping();
    let mut stream = Stream::open(&page, "?last_event_id=0", "");
    stream.read(2 * PINGS);
    let room = page.running.room();
    fs::create_dir(room.at("old")).unwrap();
    for end in ["", "-wal", "-shm"] {
        let name = format!("a.db{end}");
        fs::rename(room.at(&name), room.at(&format!("old/{name}"))).unwrap();
    }
    fs::rename(room.at("backup.db"), room.at("a.db")).unwrap();
    // Numbers go on behind those of the file that was there.
    page.ping_up_to(3 * LAST);
    stream.read_reset();
}

#[test]
fn a_stream_goes_on_in_a_copy_of_its_store() {
    let page = Page::over(stored(), &[]);
    let mut stream = Stream::open(&page, "?last_event_id=0", "");
    stream.read(PINGS);
    let room = page.running.room();
    copy(room, "small.db");
    fs::rename(room.at("a.db"), room.at("old.db")).unwrap();
    stream.read_other("problem");
    fs::rename(room.at("small.db"), room.at("a.db")).unwrap();
    stream.read_other("ready");
    assert_eq!((stream.events.len(), stream.resets), (PINGS, 0));
}
