//! A receiver that is down for a while.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Pigear, numbered};
use crate::ports::free_address;
use crate::server::{Reply, Request, Server};

const RATE: u32 = 500;

/// How long the receiver is down, in seconds.
const SHORT: u32 = 3;
const LONG: u32 = 30;

/// Sends 500 alerts a second to a receiver that is down for so long, and for a second more after it is
/// back. It gets all of them, in order, and none twice if it looks at the key.
fn gets_everything_once_it_is_back(
    down: u32,
    keys: &[(&str, &str)],
    receiver_answers: fn(usize) -> Reply,
) {
    let address = free_address();
    let url = format!("http://{address}/");
    let pigear = Pigear::start(&[&[("url", &*url)], keys].concat());
    let begin = Instant::now();
    let (back, all) = (down * RATE, (down + 1) * RATE);
    send_evenly(&pigear, begin, 0..back);
    let server = Server::start_at(address, move |n, _| receiver_answers(n));
    let waited = pigear.counters();
    assert_eq!((waited.handled, waited.dropped), (0, 0), "it was to be down");
    send_evenly(&pigear, begin, back..all);
    let last_sent = begin.elapsed();
    pigear.deals_with(u64::from(all));
    let caught_up = begin.elapsed();
    assert_eq!(pigear.end(), (u64::from(all), 0, 0));
    let requests = server.requests();
    let mut known = BTreeSet::new();
    let news = requests.iter().filter(|request| known.insert(request.key()));
    let news: Vec<_> = news.flat_map(Request::numbers).collect();
    assert_eq!(news, (0..u64::from(all)).collect::<Vec<_>>());
    eprintln!(
        "down for {down} s at {RATE} alerts a second: all {all} in order, none twice by their key, \
         in {} requests, {} of them for the first time; the last was sent after {:.1} s, and handled \
         after {:.1} s",
        requests.len(),
        known.len(),
        last_sent.as_secs_f64(),
        caught_up.as_secs_f64(),
    );
}

/// Sends these alerts at the rate; `begin` is when the alert 0 was to be sent.
fn send_evenly(pigear: &Pigear, begin: Instant, numbers: std::ops::Range<u32>) {
    for number in numbers {
        let time = begin + Duration::from_secs(1) * number / RATE;
        thread::sleep(time.saturating_duration_since(Instant::now()));
        pigear.send(numbered(number));
    }
}

const LINES: &[(&str, &str)] = &[("encoding", "ndjson")];

fn takes(_: usize) -> Reply {
    Reply::ok()
}

/// Closes now and then, once it has the request.
fn takes_without_saying_so(n: usize) -> Reply {
    if n % 7 == 3 { Reply::Close } else { Reply::ok() }
}

#[test]
fn lines_wait_for_a_receiver_that_is_down() {
    gets_everything_once_it_is_back(SHORT, LINES, takes);
}

#[test]
fn single_alerts_wait_for_a_receiver_that_is_down() {
    gets_everything_once_it_is_back(SHORT, &[], takes);
}

#[test]
fn a_receiver_that_takes_alerts_without_saying_so_can_tell_by_the_key() {
    let keys = [LINES, &[("batch", "50")]].concat();
    gets_everything_once_it_is_back(SHORT, &keys, takes_without_saying_so);
}

#[test]
#[ignore = "takes half a minute; `make outage` runs it"]
fn lines_wait_half_a_minute() {
    gets_everything_once_it_is_back(LONG, LINES, takes_without_saying_so);
}

#[test]
#[ignore = "takes half a minute; `make outage` runs it"]
fn single_alerts_wait_half_a_minute() {
    // Each pause holds up all that come behind.
    let rarely_silent = |n: usize| if n % 700 == 3 { Reply::Close } else { Reply::ok() };
    gets_everything_once_it_is_back(LONG, &[], rarely_silent);
}
