//! Messages for people: grouped, and not too many.

use crate::harness::{Pigear, datagram, numbered};
use crate::server::{Reply, Server};

fn server() -> Server {
    Server::start(|_, _| Reply::ok())
}

#[test]
fn alike_alerts_become_one_message_with_a_count() {
    let server = server();
    let pigear = Pigear::start(&[("url", &server.url()), ("group", "500ms")]);
    pigear.send_numbered(0..100);
    let requests = server.gets(1);
    assert_eq!(requests[0].json()["count"], 100);
    assert_eq!(requests[0].json()["event_id"], 0);
    pigear.send_numbered(100..101);
    assert_eq!(server.gets(2)[1].json()["count"], 1);
    assert_eq!(pigear.end(), (101, 0, 0));
}

#[test]
fn a_more_severe_alert_has_a_message_of_its_own_at_once() {
    let server = server();
    let pigear = Pigear::start(&[("url", &server.url()), ("group", "1h")]);
    (0..5).for_each(|_| pigear.send(datagram(b"low", 3)));
    pigear.send(datagram(b"high", 1));
    let requests = server.gets(1);
    assert_eq!(
        (&requests[0].json()["msg"], &requests[0].json()["count"]),
        (&"high".into(), &1.into())
    );
    // The others are told of at the end.
    assert_eq!(pigear.end(), (6, 0, 0));
    let last = server.requests().pop().unwrap().json();
    assert_eq!((&last["msg"], &last["count"]), (&"low".into(), &5.into()));
}

#[test]
fn there_are_only_so_many_messages_a_minute_and_the_worst_go_first() {
    let server = server();
    let pigear = Pigear::start(&[("url", &server.url()), ("per_minute", "2"), ("group", "300ms")]);
    for priority in [4, 3, 1, 2] {
        pigear.send(datagram(b"x", priority));
    }
    let requests = server.gets(2);
    pigear.deals_with(4);
    assert_eq!(pigear.end(), (4, 0, 0));
    assert_eq!(server.requests().len(), 2, "the others were not to be sent");
    let worst = requests.iter().filter(|request| request.json()["priority"] == 1).count();
    assert_eq!(worst, 1);
}

#[test]
fn alerts_in_a_message_that_is_refused_stay_handled() {
    let server = Server::start(|n, _| Reply::status(if n == 0 { 400 } else { 200 }));
    let pigear = Pigear::start(&[("url", &server.url()), ("group", "100ms")]);
    pigear.send_numbered(0..5);
    server.gets(1);
    pigear.send_numbered(5..10);
    server.gets(2);
    assert_eq!(pigear.end(), (10, 0, 0));
}

#[test]
fn a_template_says_how_many() {
    let server = server();
    let keys = [("url", &*server.url()), ("group", "400ms"), ("template", "preset:slack")];
    let pigear = Pigear::start(&keys);
    (0..3).for_each(|n| pigear.send(numbered(n)));
    let text = server.gets(1)[0].json()["text"].clone();
    assert_eq!(text, "[low] alert 0 [1:384:8] (3 times)");
    assert_eq!(pigear.end(), (3, 0, 0));
}
