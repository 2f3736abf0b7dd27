//! Servers that take alerts, and don't acknowledge them.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::server::{JETSTREAM, Server, generations};
use super::{arrive, central, numbered, send, sensor};
use crate::harness::Test;
use crate::peer::{ends_in_time, saying};

/// The client's library alone needs a little longer than this to notice: the handler's own times are far shorter.
const LIBRARY_TIMEOUT: Duration = Duration::from_secs(10);

/// A server that greets, and never acknowledges.
#[test]
fn a_server_that_never_acknowledges_is_noticed_and_holds_nobody_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            let info = r#"INFO {"server_id":"x","version":"2.9.0","proto":1,"headers":true,"max_payload":1048576}"#;
            let _ = socket.write_all(format!("{info}\r\n").as_bytes());
            std::thread::spawn(move || {
                let mut reader = BufReader::new(socket.try_clone().unwrap());
                let mut line = String::new();
                while reader.read_line(&mut line).is_ok_and(|len| len > 0) {
                    if line.starts_with("PING") {
                        let _ = socket.write_all(b"PONG\r\n");
                    }
                    line.clear();
                }
            });
        }
    });
    let url = format!("url=nats://127.0.0.1:{port}");
    let test =
        Test::new().args(["--serve-forever", "--data-handler", "nats", "timeout=500ms", &url]);
    let begun = Instant::now();
    let mut running = test.start();
    running.send(&saying(b"alert"));
    running.warns("it has no leader, or the server doesn't answer");
    let took = begun.elapsed();
    assert!(took < LIBRARY_TIMEOUT, "{took:?}");
    ends_in_time(running);
}

/// A server that stands still keeps its connections.
#[test]
fn a_missing_acknowledgement_is_said_when_its_time_is_over() {
    for generation in generations() {
        let server = Server::start(&generation, JETSTREAM);
        let mut here = sensor(&server.url(), &["heartbeat=250ms"]).start();
        send(&mut here, 0..10);
        let there = central(&server.url()).start();
        assert_eq!(arrive(&there, 10), numbered(0..10));
        server.signal(Signal::SIGSTOP);
        let begun = Instant::now();
        send(&mut here, 10..20);
        here.warns("the server doesn't acknowledge");
        let took = begun.elapsed();
        assert!(took < LIBRARY_TIMEOUT, "{took:?}");
        here.warns(
            "heartbeats can't be sent: bucket PIGEAR_SENSORS: the server doesn't acknowledge\n",
        );
        server.signal(Signal::SIGCONT);
        assert_eq!(arrive(&there, 20), numbered(0..20));
    }
}
