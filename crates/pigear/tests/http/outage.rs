//! A receiver that is down for a while.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Pigear, free_address, numbered};
use crate::server::{Reply, Request, Server};

/// 500 alerts a second.
const INTERVAL: Duration = Duration::from_millis(2);

fn gets_everything_once_it_is_back(keys: &[(&str, &str)], receiver_answers: fn(usize) -> Reply) {
    let address = free_address();
    let url = format!("http://{address}/");
    let pigear = Pigear::start(&[&[("url", &*url)], keys].concat());
    let begin = Instant::now();
    let mut sent = 0;
    let mut server = None;
    // Down for the first three seconds of four.
    while begin.elapsed() < Duration::from_secs(4) {
        pigear.send(numbered(sent));
        sent += 1;
        if server.is_none() && begin.elapsed() > Duration::from_secs(3) {
            server = Some(Server::start_at(address, move |n, _| receiver_answers(n)));
        }
        thread::sleep(INTERVAL);
    }
    pigear.deals_with(u64::from(sent));
    assert_eq!(pigear.end(), (u64::from(sent), 0, 0));
    let server = server.unwrap();
    let requests = server.requests();
    // None twice, for a receiver that looks at the key; all of them, in order.
    let mut known = BTreeMap::new();
    let news: Vec<_> = requests
        .iter()
        .filter(|request| known.insert(request.key(), request.body.clone()).is_none())
        .flat_map(Request::numbers)
        .collect();
    assert_eq!(news, (0..u64::from(sent)).collect::<Vec<_>>());
}

#[test]
fn lines_wait_for_a_receiver_that_is_down() {
    gets_everything_once_it_is_back(&[("encoding", "ndjson")], |_| Reply::ok());
}

#[test]
fn single_alerts_wait_for_a_receiver_that_is_down() {
    gets_everything_once_it_is_back(&[], |_| Reply::ok());
}

#[test]
fn a_receiver_that_takes_alerts_without_saying_so_can_tell_by_the_key() {
    let answers = |n: usize| if n % 7 == 3 { Reply::Close } else { Reply::ok() };
    gets_everything_once_it_is_back(&[("encoding", "ndjson"), ("batch", "50")], answers);
}
