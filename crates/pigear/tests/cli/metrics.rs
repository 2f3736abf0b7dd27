//! `--metrics`: what is counted, and whether the program is well.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::harness::{Test, program, until};
use crate::scrape::{address, ask, measured, scrape, shows};
use crate::snort::{data, ping};

#[test]
fn counters_are_those_of_the_other_outputs() {
    let test = measured(Test::new()).args(["filter=msg.sig_id != 1000134", "limit=1000"]);
    let mut running = test.start();
    for datagram in [ping(), b"bad".to_vec(), ping()] {
        running.send(&datagram);
    }
    let address = address(&mut running);
    let text = shows(address, "pigear_handler_filtered_total{handler=\"print\"} 2");
    for sample in [
        "pigear_received_total 2",
        "pigear_rejected_total{reason=\"malformed\"} 1",
        "pigear_rejected_total{reason=\"refused\"} 0",
        "pigear_receive_delay_seconds_count 2",
        "pigear_receiver_up{socket=\"log/snort_alert\"} 1",
        "pigear_socket_reachable{socket=\"log/snort_alert\"} 1",
        "pigear_handler_received_total{handler=\"print\"} 2",
        "pigear_handler_handled_total{handler=\"print\"} 0",
        "pigear_handler_muted_total{handler=\"print\"} 0",
        "pigear_handler_waiting{handler=\"print\"} 0",
        "pigear_handler_up{handler=\"print\"} 1",
        "pigear_handling_seconds_count{handler=\"print\"} 0",
    ] {
        assert!(text.lines().any(|line| line == sample), "{sample} is not in {text}");
    }
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().1.status, Some(0));
    assert!(TcpStream::connect(address).is_err(), "it still serves");
}

#[test]
fn a_client_gets_the_form_that_it_asks_for() {
    let mut running = measured(Test::new()).start();
    let address = address(&mut running);
    let plain = ask(address, "/metrics", "");
    assert!(plain.head.contains("content-type: text/plain; version=0.0.4"), "{}", plain.head);
    assert!(plain.text().contains("# TYPE pigear_received_total counter\n"), "{}", plain.text());
    let accept = "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n\
        Accept-Encoding: gzip\r\n";
    let open = ask(address, "/metrics", accept);
    let kind = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert!(open.head.contains(kind) && open.head.contains("content-encoding: gzip"));
    let mut text = String::new();
    GzDecoder::new(&*open.body).read_to_string(&mut text).unwrap();
    assert!(text.contains("# TYPE pigear_received counter\npigear_received_total 0\n"), "{text}");
    assert!(text.ends_with("\n# EOF\n"), "{text}");
    assert_eq!(ask(address, "/nothing", "").status(), "404");
    assert_eq!(ask(address, "/healthz", "").text(), "ok\n");
    until("all lanes are open", || ask(address, "/readyz", "").text() == "ok\n");
}

#[test]
fn the_file_has_an_address_or_a_table() {
    for text in ["metrics = '127.0.0.1:0'\n", "[metrics]\nlisten = '127.0.0.1:0'\n"] {
        let test = Test::new().loud().file("c.toml", text).args(["--config", "c.toml"]);
        let mut running = test.start();
        assert_eq!(ask(address(&mut running), "/healthz", "").status(), "200");
    }
}

#[test]
fn an_address_that_can_not_be_used_is_said_at_the_start() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap();
    let error =
        format!("error: cannot serve metrics at {taken}: Address already in use (os error 98)\n");
    let hint = "another program, perhaps another Pigear, has the port";
    Test::new()
        .args(["--metrics", &taken.to_string()])
        .stderr(format!("{error}hint: {hint}; ss -ltnp sport = :{} says which\n", taken.port()))
        .status(1);
    Test::new()
        .file("a b.toml", format!("metrics = '{taken}'\n"))
        .args(["--config", "a b.toml"])
        .stderr(format!("{error}hint: {hint}; pigear doctor --config 'a b.toml' says which\n"))
        .status(1);
    let wrong = "expected an address and a port, such as 127.0.0.1:9187 or [::1]:9187";
    let usage = format!(
        "error: invalid value '9187' for '--metrics <ADDRESS>': {wrong}\n\n\
         For more information, try '--help'.\n"
    );
    Test::new().args(["--metrics", "9187"]).stderr(usage).status(2);
}

/// A handler that never comes back, for which the receiving thread waits.
#[cfg(feature = "exec")]
#[test]
fn a_receiving_thread_that_is_stuck_is_ill() {
    let config = "[[handler]]\ntype = 'exec'\ncommand = \"sh -c 'echo $$ >pid; exec sleep 600'\"\n\
        timeout = '600s'\nqueue = 1\nwhen_full = 'wait'\n";
    let test = measured(Test::new()).file("c.toml", config).args(["--config", "c.toml"]);
    let mut running = test.start();
    let address = address(&mut running);
    for _ in 0..3 {
        running.send(&ping());
    }
    until("the thread is stuck", || ask(address, "/healthz", "").status() == "503");
    let said = ask(address, "/readyz", "");
    assert_eq!(said.status(), "503");
    assert!(said.text().starts_with("log/snort_alert: nothing received for "), "{}", said.text());
    let text = scrape(address);
    assert!(text.contains("\npigear_receiver_up{socket=\"log/snort_alert\"} 0\n"), "{text}");
    let program = running.room().read("pid").trim().parse().unwrap();
    // That kills Pigear, which leaves its program behind.
    drop(running);
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(program), Signal::SIGKILL).unwrap();
}

#[cfg(feature = "store")]
#[test]
fn the_store_and_its_lanes_are_measured() {
    let args = ["--store", "a.db", "--keep-days", "7", "--keep-bytes", "1GB"];
    let keys = ["--data-handler", "file", "path=out", "durable=true"];
    let mut running = measured(Test::new()).args(args).args(keys).start();
    running.send(&ping());
    let address = address(&mut running);
    let mut text = shows(address, "pigear_lane_handled_total{lane=\"file\"} 1");
    // The handler may have its alert before the one that stores has counted it, and what the store says is seconds old.
    for sample in [
        "pigear_store_up 1",
        "pigear_store_origins 1",
        "pigear_store_alerts 1",
        "pigear_store_last_id 1",
        "pigear_store_keep_seconds 604800",
        "pigear_store_keep_bytes 1000000000",
        "pigear_lane_lag_seconds{lane=\"file\"} 0",
        "pigear_handler_lag_seconds{handler=\"file\"} 0",
        "pigear_handling_seconds_count{handler=\"store\"} 1",
    ] {
        if !text.lines().any(|line| line == sample) {
            text = shows(address, sample);
        }
    }
}

#[cfg(feature = "store")]
#[test]
fn each_sensor_and_socket_whose_alerts_are_stored_is_an_origin() {
    let test = measured(Test::new()).args(["--store", "a.db", "--instances", "2"]);
    let mut running = test.start();
    let address = address(&mut running);
    shows(address, "pigear_store_origins 0");
    for socket in ["log/0_snort_alert", "log/1_snort_alert"] {
        running.room().send_to(socket, &ping());
    }
    shows(address, "pigear_store_origins 2");
}

#[cfg(feature = "web")]
#[test]
fn the_live_streams_of_the_page_are_counted() {
    let args = ["--store", "a.db", "--data-handler", "web", "listen=127.0.0.1:0"];
    let mut running = measured(Test::new()).args(args).start();
    let address = address(&mut running);
    running.warns("the page is at http://");
    let stderr = running.stderr_so_far();
    let (_, page) = stderr.split_once("the page is at http://").unwrap();
    let page = page.split_once('/').unwrap().0;
    shows(address, "pigear_web_streams 0");
    let stream = || {
        let mut stream = TcpStream::connect(page).unwrap();
        write!(stream, "GET /api/v1/stream HTTP/1.1\r\nHost: {page}\r\n\r\n").unwrap();
        stream
    };
    let streams = [stream(), stream()];
    let text = shows(address, "pigear_web_streams 2");
    assert!(text.contains("\npigear_web_streams_refused_total 0\n"), "{text}");
    assert!(text.contains("\npigear_web_streams_stalled_total 0\n"), "{text}");
    drop(streams);
    shows(address, "pigear_web_streams 0");
}

#[test]
fn without_a_page_nothing_is_said_of_streams() {
    let mut running = measured(Test::new()).start();
    assert!(!scrape(address(&mut running)).contains("pigear_web_"));
}

/// An alert that can't be delivered is as old as the lag says.
#[cfg(all(feature = "http", feature = "store"))]
#[test]
fn the_lag_of_a_stored_alert_is_its_age() {
    let args = ["--store", "a.db", "--data-handler", "http", "url=http://127.0.0.1:1/"];
    let mut running = measured(Test::new()).args(args).start();
    running.send(&ping());
    let sent = Instant::now();
    let address = address(&mut running);
    let value = |text: &str, name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().parse::<f64>().ok()
    };
    until("the alert waits for a second", || {
        let lag = value(&scrape(address), "pigear_handler_lag_seconds{handler=\"http\"}");
        assert!(lag.is_none_or(|lag| lag <= sent.elapsed().as_secs_f64() + 5.0), "{lag:?}");
        lag.is_some_and(|lag| lag >= 1.0)
    });
    let text = scrape(address);
    assert!(value(&text, "pigear_handler_retries_total{handler=\"http\"}") >= Some(1.0), "{text}");
    assert_eq!(value(&text, "pigear_lane_waiting{lane=\"http\"}"), Some(1.0), "{text}");
}

/// The metrics in the manual.
fn documented() -> BTreeSet<&'static str> {
    let manual = include_str!("../../../../docs/metrics.md");
    let rows = manual.lines().filter_map(|line| line.strip_prefix("| `")?.split_once(" | "));
    rows.flat_map(|(names, _)| names.split(", ")).map(|name| name.trim_matches('`')).collect()
}

#[test]
fn each_metric_is_in_the_manual() {
    let manual = documented();
    assert!(manual.len() > 50, "{manual:?}");
    let mut running = measured(Test::new()).start();
    let text = scrape(address(&mut running));
    let names = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    for (name, _) in names {
        assert!(manual.contains(name), "{name} is not in docs/metrics.md");
    }
}

/// Does to metrics whatever clients can do wrong, until it is to end. Returns how often a whole answer came.
fn flood(address: SocketAddr, end: &AtomicBool, connections: &AtomicU64) {
    let mut idle = Vec::new();
    while !end.load(Ordering::Relaxed) {
        let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_millis(100))
        else {
            idle.clear();
            continue;
        };
        let n = connections.fetch_add(1, Ordering::Relaxed);
        // One in three says nothing, one begins, one asks and takes nothing of the answer.
        let _ = match n % 3 {
            0 => Ok(()),
            1 => stream.write_all(b"GET /metrics HTTP/1.1\r\nX: "),
            _ => stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"),
        };
        idle.push(stream);
        if idle.len() > 40 {
            idle.clear();
        }
    }
}

#[test]
fn a_flood_of_connections_loses_no_alert() {
    let alerts = 20_000;
    let test = measured(Test::new()).args(["--data-handler", "null"]);
    let mut running = test.start();
    running.listens();
    let address = address(&mut running);
    let (end, connections) = (AtomicBool::new(false), AtomicU64::new(0));
    let played = thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| flood(address, &end, &connections));
        }
        until("the flood has begun", || connections.load(Ordering::Relaxed) > 200);
        let recording = data().join("v2919/http/alerts.dgrams.gz");
        let mut player = program();
        player.arg("play").arg(recording).args(["--loop", "--json", "--count"]);
        player.arg(alerts.to_string()).arg("--logdir").arg(running.room().at("log"));
        let played = player.output();
        end.store(true, Ordering::Relaxed);
        played.unwrap()
    });
    let report: Value = serde_json::from_slice(&played.stdout).unwrap();
    eprintln!("{} connections; {report}", connections.load(Ordering::Relaxed));
    assert_eq!(report["sent"], alerts);
    // What was left of the flood is gone in seconds.
    let text =
        shows(address, &format!("pigear_handler_handled_total{{handler=\"null\"}} {alerts}"));
    assert!(text.contains("\npigear_handler_dropped_total{handler=\"null\"} 0\n"), "{text}");
    assert_eq!(ask(address, "/healthz", "").status(), "200");
}
