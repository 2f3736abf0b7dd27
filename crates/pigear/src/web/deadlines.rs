//! Tests: a client that doesn't go on is not waited for.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pigear_pipeline::Handler;
use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;

use super::options::{Listen, Options};
use super::server::{Running, Server};
use super::timeouts::Timeouts;
use crate::store::{Store, Unstorable, test_alerts};

/// Longer than any of the short times, and shorter than all usual ones.
const DEADLINE: Duration = Duration::from_secs(5);

/// A server that waits for no client, and its address.
fn server(dir: &TempDir, mut options: Options) -> (Running, String) {
    options.listen = Listen(([127, 0, 0, 1], 0).into());
    options.store = Some(dir.path().join("a.db"));
    let mut server = Server::bind(options, crate::rules::SharedRules::default()).unwrap();
    let short = Duration::from_millis(100);
    server.set_timeouts(Timeouts {
        handshake: short,
        head: short,
        body: short,
        write: short,
        stream: short,
        heartbeat: short,
    });
    let address = server.url().split('/').nth(2).unwrap().to_owned();
    (server.start(None).unwrap(), address)
}

/// What comes until the connection is closed, after this was sent.
fn sent(address: &str, bytes: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(bytes.as_bytes()).unwrap();
    let mut read = Vec::new();
    stream.read_to_end(&mut read).unwrap();
    String::from_utf8(read).unwrap()
}

#[test]
fn a_head_or_a_body_that_does_not_come_is_not_waited_for() {
    let dir = TempDir::new().unwrap();
    let (running, address) = server(&dir, Options::default());
    assert_eq!(sent(&address, ""), "");
    assert_eq!(sent(&address, "GET / HTTP/1.1\r\nHost: loc"), "");
    let body = "POST /api/v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
        Content-Length: 100\r\n\r\n{";
    let answer = sent(&address, body);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    // A body for a path that reads none is not waited for either.
    let unread = "GET /nope HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n";
    assert!(sent(&address, unread).starts_with("HTTP/1.1 404 "));
    running.stop();
}

#[test]
fn a_handshake_that_does_not_end_is_not_waited_for() {
    let dir = TempDir::new().unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let pem = params.self_signed(&key).unwrap().pem() + key.serialize_pem().as_str();
    let path = dir.path().join("page.pem");
    std::fs::write(&path, pem).unwrap();
    let options = Options { tls_cert: Some(path), ..Options::default() };
    let (running, address) = server(&dir, options);
    assert_eq!(sent(&address, ""), "");
    // The begin of a record that would be longer.
    assert_eq!(sent(&address, "\x16\x03\x01\x01"), "");
    running.stop();
}

#[test]
fn a_stream_whose_filter_meets_nothing_of_a_busy_store_has_heartbeats() {
    let dir = TempDir::new().unwrap();
    let store = Store::open(&dir.path().join("a.db")).unwrap();
    let (mut handler, alerts) = (store.handler(Unstorable::HandOn), test_alerts());
    let (running, address) = server(&dir, Options::default());
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let target = "/api/v1/stream?filter=msg.sig_id==999999";
    write!(stream, "GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    let mut ids = lines.filter_map(|line| {
        let (id, _) = line.strip_prefix("id: ")?.split_once('-')?;
        id.parse::<u64>().ok()
    });
    let first = ids.next().unwrap();
    let has_enough = AtomicBool::new(false);
    let later = thread::scope(|scope| {
        scope.spawn(|| {
            while !has_enough.load(Ordering::Relaxed) {
                handler.handle(&alerts).unwrap();
            }
        });
        let later = ids.find(|id| *id > first);
        has_enough.store(true, Ordering::Relaxed);
        later
    });
    assert!(later.is_some());
    running.stop();
}

#[test]
fn a_stream_that_reads_nothing_ends_and_holds_no_other_up() {
    let dir = TempDir::new().unwrap();
    let store = Store::open(&dir.path().join("a.db")).unwrap();
    let (mut handler, alerts) = (store.handler(Unstorable::HandOn), test_alerts());
    // More than the system keeps for a client that reads nothing.
    let mut count = 0;
    while count < 20_000 {
        handler.handle(&alerts).unwrap();
        count += alerts.len();
    }
    let (running, address) = server(&dir, Options::default());
    let open = || {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let target = "/api/v1/stream?last_event_id=0";
        write!(stream, "GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        stream
    };
    let (_stalled, reading) = (open(), open());
    let lines = BufReader::new(reading).lines().map_while(Result::ok);
    assert_eq!(lines.filter(|line| line.starts_with("data: ")).take(count).count(), count);
    let end = Instant::now() + DEADLINE;
    loop {
        let health = "GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        if sent(&address, health).contains(r#""streams":{"open":0,"#) {
            break;
        }
        assert!(Instant::now() < end, "it is waited for");
    }
    running.stop();
}
