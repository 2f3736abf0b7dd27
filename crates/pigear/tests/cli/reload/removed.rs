//! What is left of a handler that a reload removed.

use std::net::SocketAddr;

use nix::sys::signal::Signal;

use super::{file, reload, started};
use crate::harness::{Test, until};
use crate::running::Running;
use crate::scrape::{address, ask, scrape, shows};
use crate::snort::ping;

/// Has these handlers from now on.
fn change(running: &Running, config: &str) {
    running.room().write("pigear.toml", config);
    reload(running);
}

/// Whether all handlers get alerts.
fn is_ready(address: SocketAddr) -> bool {
    ask(address, "/readyz", "").text() == "ok\n"
}

#[test]
fn a_handler_that_a_reload_removed_is_not_missed() {
    let base = "serve_forever = true\nmetrics = '127.0.0.1:0'\n[[handler]]\ntype = \"print\"\n";
    let both = format!("{base}{}", file("file", "a", ""));
    let mut running = started(Test::new(), &both);
    let address = address(&mut running);
    running.send(&ping());
    shows(address, "pigear_handler_up{handler=\"file\"} 1");
    shows(address, "pigear_handler_handled_total{handler=\"file\"} 1");
    change(&running, base);
    until("nothing is missed", || is_ready(address));
    // A moment later what was gathered before is not shown any more.
    until("no handler is down", || {
        !scrape(address).contains("pigear_handler_up{handler=\"file\"}")
    });
    let text = shows(address, "pigear_handler_up{handler=\"print\"} 1");
    assert!(text.contains("\npigear_handler_handled_total{handler=\"file\"} 1\n"), "{text}");
    change(&running, &both);
    running.send(&ping());
    shows(address, "pigear_handler_up{handler=\"file\"} 1");
    shows(address, "pigear_handler_handled_total{handler=\"file\"} 2");
    assert!(is_ready(address));
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().1.status, Some(0));
}

#[test]
fn a_handler_that_ended_by_itself_is_missed_until_a_reload_removes_it() {
    let base = "serve_forever = true\nmetrics = '127.0.0.1:0'\n[[handler]]\ntype = \"null\"\n";
    let test = Test::new().file("pigear.toml", format!("{base}[[handler]]\ntype = \"print\"\n"));
    let test = test.loud().args(["--config", "pigear.toml"]);
    let mut running = test.start_piped().read_stderr();
    let address = address(&mut running);
    running.close_stdout();
    until("the handler has ended", || {
        running.send(&ping());
        ask(address, "/readyz", "").text() == "handler print: has ended\n"
    });
    shows(address, "pigear_handler_up{handler=\"print\"} 0");
    change(&running, base);
    assert!(is_ready(address));
    until("no handler is down", || {
        !scrape(address).contains("pigear_handler_up{handler=\"print\"}")
    });
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().1.status, Some(0));
}

/// A store, and a durable handler of this name whose receiver is down.
#[cfg(all(feature = "http", feature = "store"))]
fn down(name: &str) -> String {
    format!(
        "serve_forever = true\nmetrics = '127.0.0.1:0'\nstats = 'stats.json'\n[store]\npath = 'a.db'\n\
         [[handler]]\ntype = 'http'\nname = '{name}'\nurl = 'http://127.0.0.1:1/'\n"
    )
}

/// Three alerts wait for the handler `http`, which a reload calls `siem`.
#[cfg(all(feature = "http", feature = "store"))]
fn renamed() -> (Running, SocketAddr) {
    let mut running = started(Test::new(), &down("http"));
    let address = address(&mut running);
    for _ in 0..3 {
        running.send(&ping());
    }
    shows(address, "pigear_handler_waiting{handler=\"http\"} 3");
    change(&running, &down("siem"));
    (running, address)
}

#[cfg(all(feature = "http", feature = "store"))]
#[test]
fn alerts_that_a_removed_handler_leaves_in_the_store_are_named_at_once() {
    let (mut running, address) = renamed();
    running.warns(
        "warning: a.db: 3 alerts wait for the handler http, which isn't configured; they are delivered \
         once it is again. If they are not needed: `pigear lanes drop http --store a.db`\n",
    );
    shows(address, "pigear_handler_waiting{handler=\"siem\"} 0");
    // Nothing waits for this one yet.
    change(&running, &down("http"));
    running.warns(
        "warning: a.db: from now on alerts wait for the handler siem, which isn't configured;",
    );
    running.signal(Signal::SIGTERM);
    let (_, ended) = running.end();
    assert_eq!(ended.stderr.matches("isn't configured").count(), 2, "{}", ended.stderr);
}

#[cfg(all(feature = "http", feature = "store"))]
#[test]
fn nothing_waits_for_a_removed_handler_that_was_dropped_from_the_store() {
    use crate::harness::program;

    let (mut running, address) = renamed();
    running.warns("3 alerts wait for the handler http");
    // They go on to wait for it.
    running.send(&ping());
    shows(address, "pigear_handler_waiting{handler=\"http\"} 4");
    let mut drop = program();
    drop.args(["lanes", "drop", "http", "--store"]).arg(running.room().at("a.db"));
    assert!(drop.output().unwrap().status.success());
    shows(address, "pigear_handler_waiting{handler=\"http\"} 0");
    running.send(&ping());
    let text = shows(address, "pigear_handler_waiting{handler=\"siem\"} 2");
    for sample in ["received_total{handler=\"http\"} 4", "dropped_total{handler=\"http\"} 4"] {
        assert!(text.contains(&format!("\npigear_handler_{sample}\n")), "{text}");
    }
    running.signal(Signal::SIGTERM);
    let stats: serde_json::Value =
        serde_json::from_str(&running.end().0.read("stats.json")).unwrap();
    let http = &stats["handlers"]["http"];
    assert_eq!(
        (&http["received"], &http["dropped"], &http["waiting"]),
        (&4.into(), &4.into(), &0.into())
    );
}
