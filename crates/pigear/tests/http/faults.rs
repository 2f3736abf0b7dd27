//! What can go wrong with a server.

use crate::harness::{Pigear, complaint};
use crate::logged;
use crate::ports::free_address;
use crate::server::{Reply, Request, Server};

/// Sends one alert to a server that first does something else, and looks at what came.
fn after(first: Reply, keys: &[(&str, &str)]) -> Vec<Request> {
    let server = Server::start(move |n, _| if n == 0 { first.clone() } else { Reply::ok() });
    let url = server.url();
    let pigear = Pigear::start(&[&[("url", &*url)], keys].concat());
    pigear.send_numbered(7..8);
    pigear.deals_with(1);
    assert_eq!(pigear.end(), (1, 0, 0));
    let requests = server.requests();
    let keys: Vec<_> = requests.iter().map(Request::key).collect();
    assert!(keys.iter().all(|key| *key == keys[0] && key.len() == 32), "{keys:?}");
    assert!(requests.iter().all(|request| request.numbers() == [7]));
    requests
}

#[test]
fn what_may_pass_is_tried_again_with_the_same_key() {
    for status in [408, 429, 500, 502, 503, 504, 599] {
        assert_eq!(after(Reply::status(status), &[]).len(), 2, "{status}");
    }
    for reply in [Reply::HalfWay, Reply::Garbage, Reply::Close] {
        assert_eq!(after(reply.clone(), &[]).len(), 2, "{reply:?}");
    }
}

#[test]
fn a_server_that_hangs_is_given_up_and_tried_again() {
    assert_eq!(after(Reply::Hang, &[("timeout", "100ms")]).len(), 2);
}

#[test]
fn a_slow_server_is_waited_for() {
    assert_eq!(after(Reply::Slow, &[]).len(), 1);
}

#[test]
fn a_server_says_when_to_come_again() {
    let begin = std::time::Instant::now();
    after(Reply::status(429).header("retry-after", "1"), &[]);
    assert!(begin.elapsed().as_millis() >= 1000);
    let date = "Wed, 21 Oct 2015 07:28:00 GMT";
    assert_eq!(after(Reply::status(503).header("retry-after", date), &[]).len(), 2);
}

#[test]
fn a_server_that_says_to_come_again_at_once_is_not_asked_in_a_busy_loop() {
    let date = "Wed, 21 Oct 2015 07:28:00 GMT";
    for busy in [
        Reply::status(503).header("retry-after", "0"),
        Reply::status(503).header("retry-after", date),
        Reply::status(429).body(r#"{"retry_after":0}"#),
        Reply::status(429).body(r#"{"parameters":{"retry_after":0.0}}"#),
    ] {
        let server = Server::start(move |n, _| if n < 5 { busy.clone() } else { Reply::ok() });
        let begin = std::time::Instant::now();
        let pigear = Pigear::start(&[("url", &server.url())]);
        pigear.send_numbered(0..1);
        server.gets(5);
        // 0.1, 0.2, 0.4 and 0.8 seconds.
        assert!(begin.elapsed().as_millis() >= 1500, "{:?}", begin.elapsed());
        assert_eq!(pigear.end(), (1, 0, 0));
        assert_eq!(server.requests().len(), 6);
    }
}

/// Sends three alerts to a server that refuses the second, and counts.
fn refused(reply: Reply, keys: &[(&str, &str)]) -> (u64, u64, u64) {
    let server = Server::start(move |n, _| if n == 1 { reply.clone() } else { Reply::ok() });
    let url = server.url();
    let pigear = Pigear::start(&[&[("url", &*url)], keys].concat());
    pigear.send_numbered(0..3);
    pigear.deals_with(3);
    let numbers: Vec<_> = server.requests().iter().flat_map(Request::numbers).collect();
    assert_eq!(numbers, [0, 1, 2]);
    pigear.end()
}

#[test]
fn what_is_refused_for_good_counts_as_failed_and_is_not_tried_again() {
    for status in [400, 401, 403, 404, 410, 413, 422, 304] {
        assert_eq!(refused(Reply::status(status), &[]), (2, 1, 0), "{status}");
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = Server::start(|_, _| Reply::ok());
    for status in [301, 302, 303, 307, 308] {
        let reply = Reply::status(status).header("location", elsewhere.url());
        assert_eq!(refused(reply, &[]), (2, 1, 0));
    }
    assert!(elsewhere.requests().is_empty());
}

#[test]
fn alerts_behind_one_that_was_refused_are_not_sent_twice() {
    let server =
        Server::start(|_, request| Reply::status(if request.numbers() == [2] { 400 } else { 200 }));
    let pigear = Pigear::start(&[("url", &server.url()), ("in_flight", "8")]);
    pigear.send_numbered(0..50);
    pigear.deals_with(50);
    assert_eq!(pigear.end(), (49, 1, 0));
    let mut numbers: Vec<_> = server.requests().iter().flat_map(Request::numbers).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..50).collect::<Vec<_>>());
}

#[test]
fn a_connection_is_used_again_and_replaced_once_it_is_closed() {
    let server = Server::start(|n, _| match n {
        4 => Reply::ok().header("connection", "close"),
        _ => Reply::ok(),
    });
    let pigear = Pigear::start(&[("url", &server.url())]);
    pigear.send_numbered(0..10);
    pigear.deals_with(10);
    assert_eq!(pigear.end(), (10, 0, 0));
    let connections: Vec<_> = server.requests().iter().map(|request| request.connection).collect();
    assert!(connections.iter().all(|&connection| connection <= 1), "{connections:?}");
}

#[test]
fn at_the_end_what_can_not_be_sent_is_dropped_in_time() {
    let refuses = format!("http://{}/", free_address());
    let hangs = Server::start(|_, _| Reply::Hang);
    let drain = std::time::Duration::from_secs(20);
    let drops = |url: &str| {
        let pigear = Pigear::start_patient(&[("url", url)], drain);
        pigear.send_numbered(0..20);
        pigear.receives(20);
        let begin = std::time::Instant::now();
        assert_eq!(pigear.end(), (0, 0, 20), "{url}");
        // It was not abandoned: it has a tenth of the time left.
        assert!(begin.elapsed() < drain, "{url}: {:?}", begin.elapsed());
    };
    std::thread::scope(|scope| {
        for url in [&*refuses, "http://does-not-exist.invalid/", &*hangs.url()] {
            let url = url.to_owned();
            scope.spawn(move || drops(&url));
        }
    });
}

#[test]
fn at_the_end_what_is_in_hand_is_tried_once_more() {
    let server = Server::start(|n, _| match n {
        0 => Reply::status(503).header("retry-after", "3600"),
        _ => Reply::ok(),
    });
    logged::keep();
    let pigear = Pigear::start(&[("url", &server.url())]);
    pigear.send_numbered(0..1);
    logged::is(&[&server.address.to_string(), "503", "attempt 1"]);
    assert_eq!(pigear.end(), (1, 0, 0));
}

#[test]
fn wrong_settings_are_refused_at_the_start() {
    let url = ("url", "http://127.0.0.1/");
    let cases: [(&[(&str, &str)], &str); 24] = [
        (&[], "give url or url_file"),
        (
            &[("url", "nonsense")],
            "url: relative URL without a base; expected http://SERVER/… or https://SERVER/…",
        ),
        (&[("url", "ftp://x/")], "url: expected http:// or https://, not ftp:"),
        (&[url, ("encoding", "xml")], "encoding: \"xml\": expected json, ndjson, array or form"),
        (&[url, ("batch", "3")], "batch=3 needs encoding=ndjson or encoding=array"),
        (&[url, ("encoding", "array"), ("batch", "0")], "batch=0: expected at least 1"),
        (
            &[url, ("encoding", "array"), ("format", "fast")],
            "encoding=array needs JSON, which format=fast is not",
        ),
        (&[url, ("in_flight", "0")], "in_flight=0: expected at least 1"),
        (
            &[url, ("auth", "s3cret")],
            "auth: expected basic:USER:PASS, bearer:TOKEN, splunk:TOKEN or apikey:KEY",
        ),
        (
            &[("url", "http://me:s3cret@x/"), ("auth", "bearer:s3cret")],
            "the URL has a user name and password; remove them or auth",
        ),
        (
            &[url, ("auth_env", "PIGEAR_NO_SUCH")],
            "auth_env=PIGEAR_NO_SUCH: environment variable not found",
        ),
        (
            &[url, ("ca", "/nowhere.pem")],
            "cannot read /nowhere.pem: No such file or directory (os error 2)",
        ),
        (&[url, ("key", "/nowhere.pem")], "key needs its certificate; give cert"),
        (
            &[url, ("template", "preset:telegram")],
            "preset:telegram needs param.chat_id: where to send",
        ),
        (&[url, ("url_file", "/etc/hostname")], "give only one of url and url_file"),
        (&[("url", "localhost:8080")], "url: expected http:// or https://, not localhost:"),
        (
            &[("url", "http://h/{{ msg")],
            "url:1: unexpected end of input, expected end of variable block",
        ),
        (&[url, ("timeout", "0")], "timeout=0: must be greater than 0"),
        (
            &[url, ("proxy", "nonsense:")],
            "proxy: expected http://SERVER:PORT or https://SERVER:PORT",
        ),
        (&[url, ("escape", "url")], "escape needs a template"),
        (&[url, ("param.x", "y")], "param needs a template, of the body or the URL"),
        (
            &[url, ("template", "preset:loki"), ("encoding", "ndjson")],
            "preset:loki has its own encoding; leave it out",
        ),
        (&[url, ("header", "x")], "header: write header.NAME=VALUE"),
        (
            &[url, ("timeout", "soon")],
            "timeout: \"soon\": expected a time (500ms, 10s, 1m), at most 365d",
        ),
    ];
    for (keys, expected) in cases {
        assert_eq!(complaint(keys), format!("handler http: {expected}"));
    }
}

#[test]
fn what_waits_for_its_answer_does_not_come_again_in_another_request_after_a_reload() {
    let server = Server::start(|n, _| if n == 0 { Reply::Slow } else { Reply::ok() });
    let url = server.url();
    let keys = |batch| [("url", &*url), ("encoding", "ndjson"), ("delay", "1ms"), ("batch", batch)];
    let pigear = Pigear::start(&keys("10"));
    pigear.send_numbered(0..10);
    server.gets(1);
    pigear.change(&keys("3"));
    pigear.send_numbered(10..13);
    pigear.deals_with(13);
    assert_eq!(pigear.end(), (13, 0, 0));
    let numbers: Vec<_> = server.requests().iter().flat_map(Request::numbers).collect();
    assert_eq!(numbers, (0..13).collect::<Vec<_>>());
}

#[test]
fn a_reload_that_makes_the_same_requests_leaves_them_their_keys() {
    let server = Server::start(|n, _| if n == 0 { Reply::Hang } else { Reply::ok() });
    let url = server.url();
    let keys =
        |name| [("url", &*url), ("encoding", "ndjson"), ("delay", "1ms"), ("header.X", name)];
    let pigear = Pigear::start(&keys("old"));
    pigear.send_numbered(0..1);
    server.gets(1);
    // These wait behind it.
    pigear.send_numbered(1..10);
    pigear.receives(10);
    pigear.change(&keys("new"));
    pigear.deals_with(10);
    assert_eq!(pigear.end(), (10, 0, 0));
    let requests = server.requests();
    let [old, new] = ["old", "new"].map(|name| requests.iter().find(|it| it.header("x") == name));
    let (old, new) = (old.unwrap(), new.unwrap());
    assert_eq!((old.numbers(), old.key()), (new.numbers(), new.key()));
}

#[test]
fn after_a_reload_nothing_more_is_sent_by_the_old_keys() {
    let server = Server::start(|n, _| if n < 2 { Reply::Slow } else { Reply::ok() });
    let url = server.url();
    let keys = |name| [("url", &*url), ("header.X", name)];
    let pigear = Pigear::start(&keys("old"));
    pigear.send_numbered(0..1);
    server.gets(1);
    pigear.send_numbered(1..5);
    // The handler gets these together, once it has the first answer.
    pigear.receives(5);
    server.gets(2);
    pigear.change(&keys("new"));
    pigear.deals_with(5);
    assert_eq!(pigear.end(), (5, 0, 0));
    let requests = server.requests();
    let by: Vec<_> = requests.iter().map(|it| it.header("x")).collect();
    assert_eq!(by, ["old", "old", "new", "new", "new"]);
}
