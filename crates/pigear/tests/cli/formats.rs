//! Snort's own formats, what can be left out of others, and the sensor's name.

use std::process::Output;

use serde_json::Value;

use crate::harness::{Test, program};
use crate::snort::data;

/// Plays recorded alerts of this case to the program, whose zone is five hours west of UTC.
fn played(case: &str, args: &[&str]) -> Output {
    let mut program = program();
    program.env("TZ", "EST5").args(["--socket-handler", "play", "--from"]);
    program.arg(data().join(case).join("alerts.dgrams.gz")).args(args).output().unwrap()
}

fn lines(case: &str, args: &[&str]) -> Vec<String> {
    let output = played(case, args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn object(args: &[&str]) -> Value {
    serde_json::from_str(&lines("v2919/ssh", args)[0]).unwrap()
}

#[test]
fn snorts_times_are_local_unless_utc_is_given() {
    let line = &lines("v2919/ssh", &["format=snort"])[0];
    assert!(line.starts_with("06/15-19:06:40.223370  [**] [1:1000170:4] SSH version 1 "), "{line}");
    let line = &lines("v2919/ssh", &["format=snort", "utc=yes"])[0];
    assert!(line.starts_with("06/16-00:06:40.223370  [**] [1:1000170:4] "), "{line}");
    let line = &lines("v3122/dns", &["format=csv", "fields=timestamp,sid,dst_ap", "utc=yes"])[0];
    assert_eq!(line, "06/15-16:06:40.500001, 1000110, 192.0.2.53:53");
}

#[test]
fn packets_and_payloads_are_left_out_of_eve_and_json() {
    let eve = object(&["format=eve", "packet=no", "max_bytes=4"]);
    assert_eq!((&eve["packet"], &eve["packet_info"]), (&Value::Null, &Value::Null));
    assert_eq!(eve["payload"].as_str().unwrap().len(), 8);
    assert!(eve["payload_length"].as_u64().unwrap() > 4);
    let json = object(&["format=json", "packet=no"]);
    assert_eq!(json["pkt"], Value::Null);
    assert!(json["caplen"].as_u64().unwrap() > 0);
}

#[test]
fn the_sensor_is_the_host_unless_it_has_a_name() {
    let host = nix::unistd::gethostname().unwrap().into_string().unwrap();
    for (format, pointer) in [
        ("format=json", "/sensor"),
        ("format=eve", "/host"),
        ("format=ecs", "/observer/name"),
        ("format=ocsf", "/unmapped/sensor"),
    ] {
        let sensor = |args: &[&str]| {
            let object = object(&[args, &[format]].concat());
            object.pointer(pointer).map(|name| name.as_str().unwrap().to_owned())
        };
        assert_eq!(sensor(&[]).as_deref(), Some(&*host), "{format}");
        assert_eq!(sensor(&["--sensor", "dmz"]).as_deref(), Some("dmz"), "{format}");
        assert_eq!(sensor(&["--sensor", ""]), None, "{format}");
    }
    let cef = |args: &[&str]| lines("v2919/ssh", &[args, &["format=cef"]].concat()).swap_remove(0);
    assert!(cef(&[]).contains(&format!(" dvchost={host} ")));
    assert!(!cef(&["--sensor", ""]).contains("dvchost="));
}

#[test]
fn what_a_format_does_not_have_is_refused_at_the_start() {
    for (args, expected) in [
        (
            ["format=cef", "packet=no"],
            "error: handler print: format=cef writes neither packet nor payload; packet, payload and max_bytes \
             are for json, eve, ecs and full\n",
        ),
        (
            ["format=ecs", "packet=no"],
            "error: handler print: format=ecs writes no packet; packet is for json, eve and full\n",
        ),
        (
            ["format=full", "payload=no"],
            "error: handler print: format=full writes no payload apart from its packet; payload is for json, eve \
             and ecs, and packet=no leaves out the whole packet\n",
        ),
        (
            ["format=json", "utc=yes"],
            "error: handler print: utc is for snort, alert_json and csv; format=json is always in UTC\n",
        ),
        (
            ["format=csv", "fields=src,sid"],
            "error: handler print: fields: \"src,sid\": \"src\" is a field of Snort 2, but \"sid\" one of Snort 3\n",
        ),
    ] {
        let output = played("v2919/ssh", &args);
        let expected = format!("{expected}hint: pigear --help lists handlers and keys\n");
        assert_eq!(String::from_utf8_lossy(&output.stderr), expected);
        assert_eq!((&*output.stdout, output.status.code()), (&b""[..], Some(2)));
    }
}

#[test]
fn syslog_takes_no_key_that_would_have_no_effect() {
    for (key, problem) in [
        ("utc=yes", "utc has no effect: format=snort has no time of its own in syslog"),
        (
            "packet=no",
            "format=snort writes neither packet nor payload; packet, payload and max_bytes are for json, \
            eve, ecs and full",
        ),
        ("fields=msg", "format=snort has no choice of fields; only alert_json and csv have one"),
    ] {
        Test::new()
            .args(["--data-handler", "syslog", "target=udp://127.0.0.1:1", key])
            .stderr(format!(
                "error: handler syslog: {problem}\nhint: pigear --help lists handlers and keys\n"
            ))
            .status(2);
    }
}
