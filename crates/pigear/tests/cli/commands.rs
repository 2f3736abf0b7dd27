//! The other commands, and what is said about all of them.

use std::process::Output;

use crate::harness::{Test, program};
use crate::room::Room;

fn run(args: &[&str]) -> String {
    let Output { stdout, stderr, status } =
        program().args(args).env("COLUMNS", "100").output().unwrap();
    assert_eq!((String::from_utf8(stderr).unwrap(), status.code()), (String::new(), Some(0)));
    String::from_utf8(stdout).unwrap()
}

#[test]
fn help_says_what_there_is() {
    for (name, args) in [
        ("help", &["--help"][..]),
        ("short_help", &["-h"]),
        ("demo_help", &["demo", "--help"]),
        ("play_help", &["play", "--help"]),
        ("query_help", &["query", "--help"]),
        ("top_help", &["top", "--help"]),
        ("lanes_help", &["lanes", "--help"]),
        ("doctor_help", &["doctor", "--help"]),
        ("sensors_help", &["sensors", "--help"]),
        ("web_help", &["web", "--help"]),
        ("web_user_add_help", &["web", "user", "add", "--help"]),
        ("redeliver_help", &["redeliver", "--help"]),
        ("completions_help", &["completions", "--help"]),
    ] {
        insta::assert_snapshot!(name, run(args));
    }
}

#[test]
fn pages_of_the_manual_are_named_by_their_addresses() {
    let room = Room::new();
    let dir = room.path().to_str().unwrap();
    run(&["man", "--dir", dir]);
    let pages = room.list(".").into_iter().filter(|name| name.ends_with(".1"));
    let mut texts: Vec<_> = pages.map(|name| room.read(&name).replace('\\', "")).collect();
    let stderr = program().args(["--data-handler", "none"]).output().unwrap().stderr;
    let stderr = String::from_utf8(stderr).unwrap();
    let handlers = stderr.lines().next().unwrap().split_once("known are ").unwrap().1;
    for topic in handlers.split(", ") {
        texts.push(run(&["help", topic]));
    }
    texts.extend([run(&["config", "example"]), run(&["config", "schema"])]);
    let mut found = 0;
    for text in texts {
        for (at, name) in text.match_indices("docs/") {
            let (before, page) = (&text[..at], &text[at + name.len()..]);
            let end = page.find(|c: char| !c.is_alphanumeric() && !"-.".contains(c));
            let page = page[..end.unwrap_or(page.len())].trim_end_matches('.');
            assert!(before.ends_with("https://github.com/beezz/pigear/blob/HEAD/"), "{page}");
            let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");
            assert!(std::path::Path::new(root).join(page).is_file(), "{page}");
            found += 1;
        }
    }
    assert!(found > 5, "{found}");
}

#[test]
fn the_manual_has_every_option() {
    let page = run(&["man"]);
    assert!(page.contains(".TH pigear 1"), "{page}");
    let help = run(&["--help"]);
    let options = help.split_whitespace().filter(|word| word.starts_with("--") && word.len() > 3);
    let manual = page.replace('\\', "");
    for option in options.map(|word| word.trim_end_matches(|c: char| !c.is_alphanumeric())) {
        assert!(manual.contains(option), "{option}");
    }
}

#[test]
fn each_command_has_a_manual_page() {
    let room = Room::new();
    let dir = room.path().to_str().unwrap();
    assert_eq!(run(&["man", "--dir", dir]), "");
    for name in ["pigear", "pigear-query", "pigear-lanes-drop", "pigear-help"] {
        let page = room.read(&format!("{name}.1"));
        assert!(page.contains(&format!(".TH {name} 1")), "{page}");
        assert!(page.contains("EXIT STATUS"), "{page}");
    }
    assert_eq!(run(&["man", "lanes", "drop"]), room.read("pigear-lanes-drop.1"));
    let whole = room.read("pigear.1");
    for section in ["FIELDS", "FILES", "ENVIRONMENT"] {
        assert!(whole.contains(&format!(".SH {section}\n")), "{section}:\n{whole}");
    }
}

#[test]
fn help_explains_commands_handlers_and_fields() {
    assert_eq!(run(&["help"]), run(&["--help"]));
    assert_eq!(run(&["help", "completions"]), run(&["completions", "--help"]));
    insta::assert_snapshot!("help_fields", run(&["help", "fields"]));
    insta::assert_snapshot!("help_file", run(&["help", "file"]));
    assert_eq!(run(&["help", "pigear.core.DataHandler"]), run(&["help", "print"]));
    Test::bare()
        .args(["help", "prnt"])
        .stderr(
            "error: no help on \"prnt\"; there is help on commands, on `fields`, and on handlers: exec, file, \
             http, kafka, nats, null, pcap, print, record, shell, socket, syslog, web\n\
             hint: pigear --help lists commands and options\n",
        )
        .status(2);
}

#[test]
fn the_demo_shows_alerts_and_then_what_to_do_next() {
    let Output { stdout, stderr, status } =
        program().args(["demo", "--rate", "1000"]).output().unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(0), "{stderr}");
    assert_eq!(String::from_utf8(stdout).unwrap().lines().count(), 68);
    assert_eq!(
        stderr,
        "pigear: alerts that a real Snort sent, played through a real socket; Ctrl-C ends\n\
         pigear: received 68, malformed 0, refused 0; print: handled 68, dropped 0, failed 0\n\
         pigear: this was a recording. For your own alerts, start Pigear and then Snort:\n  \
         sudo pigear --logdir /var/log/snort\n  \
         Snort 2.9: snort -A unsock -c /etc/snort/snort.conf -l /var/log/snort -i eth0\n  \
         Snort 3:   snort -A alert_unixsock -c /etc/snort/snort.lua -l /var/log/snort -i eth0\n\
         \x20            most alerts about HTTP, SMB and others then lack addresses: see --complete-from\n\
         pigear: the same on a page:\n  \
         pigear demo --web                                  these alerts, spread over a day\n  \
         sudo pigear --store alerts.db --data-handler web   your own\n"
    );
}

#[test]
fn the_version_is_the_packages() {
    assert_eq!(run(&["--version"]), format!("pigear {}\n", env!("CARGO_PKG_VERSION")));
}

#[cfg(all(feature = "nats", feature = "kafka"))]
#[test]
fn what_from_says_of_servers_is_checked_as_options_are() {
    let nats =
        "--from: expected nats://HOST:PORT or tls://HOST:PORT, and several with commas between";
    let topic = "the topic is missing: give --from kafka://HOST:PORT/TOPIC";
    for (args, problem) in [
        (["sensors", "--from", "http://x"].as_slice(), nats.to_owned()),
        (
            ["--socket-handler", "nats", "--from", "http://x"].as_slice(),
            format!("socket handler nats: {nats}"),
        ),
        (
            ["--socket-handler", "kafka", "--from", "kafka://x"].as_slice(),
            format!("socket handler kafka: {topic}"),
        ),
    ] {
        let (_, ended) = Test::bare().args(args).start().end();
        assert!(ended.stderr.starts_with(&format!("error: {problem}\n")), "{}", ended.stderr);
        assert_eq!(ended.status, Some(2), "{args:?}");
    }
}
