//! Messages to chats: an alert counts as handled once its message is delivered, and never else.

use std::thread;

use crate::harness::Pigear;
use crate::server::{Reply, Server};

type Keys = &'static [(&'static str, &'static str)];

/// Presets for chats, with the keys that they need.
const CHATS: [Keys; 3] = [
    &[("template", "preset:slack")],
    &[("template", "preset:discord")],
    &[("template", "preset:telegram"), ("param.chat_id", "1")],
];

/// Limits of messages: none but the preset's, groups, a limit, and both.
const LIMITS: [Keys; 4] = [
    &[],
    &[("group", "100ms")],
    &[("per_minute", "60")],
    &[("group", "100ms"), ("per_minute", "60")],
];

/// Calls a function with the keys of each chat and limit, all at once.
fn for_each_chat(test: impl Fn(&[(&str, &str)]) + Sync) {
    thread::scope(|scope| {
        for chat in CHATS {
            for limit in LIMITS {
                let test = &test;
                scope.spawn(move || test(&[chat, limit].concat()));
            }
        }
    });
}

fn start(url: &str, keys: &[(&str, &str)]) -> Pigear {
    Pigear::start(&[&[("url", url)], keys].concat())
}

#[test]
fn delivered_messages_are_handled() {
    for_each_chat(|keys| {
        let server = Server::start(|_, _| Reply::ok());
        let pigear = start(&server.url(), keys);
        pigear.send_numbered(0..3);
        pigear.deals_with(3);
        assert_eq!(pigear.end(), (3, 0, 0), "{keys:?}");
        assert!(!server.requests().is_empty());
    });
}

#[test]
fn refused_messages_have_failed() {
    for_each_chat(|keys| {
        for status in [400, 403, 404] {
            let server = Server::start(move |_, _| Reply::status(status));
            let pigear = start(&server.url(), keys);
            pigear.send_numbered(0..3);
            pigear.deals_with(3);
            assert_eq!(pigear.end(), (0, 3, 0), "{status} {keys:?}");
        }
    });
}

#[test]
fn messages_that_are_never_answered_are_dropped_at_the_end() {
    for_each_chat(|keys| {
        let server = Server::start(|_, _| Reply::Hang);
        let pigear = start(&server.url(), keys);
        pigear.send_numbered(0..3);
        pigear.receives(3);
        assert_eq!(pigear.end(), (0, 0, 3), "{keys:?}");
    });
}

#[test]
fn messages_that_a_server_has_no_room_for_are_dropped_at_the_end() {
    for_each_chat(|keys| {
        let server = Server::start(|n, _| Reply::status(if n == 0 { 200 } else { 429 }));
        let pigear = start(&server.url(), keys);
        pigear.send_numbered(0..1);
        pigear.deals_with(1);
        pigear.send_numbered(1..3);
        pigear.receives(3);
        assert_eq!(pigear.end(), (1, 0, 2), "{keys:?}");
    });
}

#[test]
fn messages_above_the_limit_are_dropped_at_the_end_with_all_that_they_stand_for() {
    for chat in CHATS {
        let server = Server::start(|_, _| Reply::ok());
        let limit: Keys = &[("per_minute", "1"), ("group", "100ms")];
        let pigear = start(&server.url(), &[chat, limit].concat());
        pigear.send_numbered(0..2);
        pigear.deals_with(2);
        pigear.send_numbered(2..5);
        pigear.receives(5);
        assert_eq!(pigear.end(), (2, 0, 3), "{chat:?}");
        assert_eq!(server.requests().len(), 1);
    }
}
