//! Filters: on the command line and in a configuration file.

use pigear_alert::AlertMessage;
use pigear_alert::wire::{Dialect, encode};
use serde_json::Value;

use crate::harness::Test;
use crate::snort::{PING, ping};

const HINT: &str =
    "hint: https://github.com/beezz/pigear/blob/HEAD/docs/script.md has all fields and functions\n";

/// An alert of Snort 3 with this message, and without a packet.
fn alert(msg: &[u8], priority: u32) -> Vec<u8> {
    let mut message = AlertMessage::default();
    message.msg = msg.into();
    (message.sig_generator, message.sig_id, message.priority) = (1, 7, priority);
    encode(&message, Dialect::Snort3)
}

fn printed(msg: &str, priority: u32) -> String {
    format!("1970-01-01T00:00:00.000000Z [**] [1:7:0] {msg} [**] [Priority: {priority}] {{?}}\n")
}

/// `--stats`: received, and of `print` handled, filtered and those of which the filter couldn't tell.
fn counted(counts: [u64; 4]) -> String {
    counted_unknown(counts, 0)
}

/// The same, where fields weren't known for some of those that were filtered.
fn counted_unknown([received, handled, filtered, failed]: [u64; 4], unknown: u64) -> String {
    format!(
        "{{\"received\":{received},\"malformed\":0,\"refused\":0,\"missed\":0,\"handlers\":{{\"print\":\
         {{\"handled\":{handled},\"dropped\":0,\"failed\":0,\"received\":{received},\"waiting\":0,\"filtered\":{filtered},\
         \"filtered_unknown\":{unknown},\"filter_failed\":{failed}}}}}}}\n"
    )
}

/// Three alerts are sent; all of them count, whatever the filter does.
fn filtered(filter: &str) -> Test {
    Test::new().args(["--count", "3", "--filter", filter]).send_all([
        ping(),
        alert(b"SIP scan", 2),
        alert(b"SIP scan", 1),
    ])
}

/// That an alert was left out only because this field isn't known.
fn left_out(field: &str) -> String {
    format!(
        "warning: handler print: the filter left out an alert only because {field} is not known; \
         --complete-from adds it from Snort's log; filtered_unknown in --stats counts such alerts\n"
    )
}

#[test]
fn alerts_that_are_left_out_only_because_a_field_is_not_known_are_counted_and_reported_once() {
    // The ping has no ports; the others have another priority than 2, or might have the port.
    filtered("alert.dst_port == 5060 && msg.priority == 2")
        .stderr(left_out("alert.dst_port"))
        .stats(counted_unknown([3, 0, 3, 0], 1))
        .success();
}

#[test]
fn no_priority_is_no_high_one() {
    let filter = |filter| Test::new().args(["--count", "2", "--filter", filter]);
    filter("alert.priority <= 2")
        .send_all([alert(b"none", 0), alert(b"high", 1)])
        .stdout(printed("high", 1))
        .success();
    filter("msg.priority <= 2")
        .send_all([alert(b"none", 0), alert(b"high", 1)])
        .stdout(printed("none", 0) + &printed("high", 1))
        .success();
}

fn refused(filter: &str, stderr: &str) {
    let stderr = format!("error: --filter: {stderr}\n{HINT}");
    Test::new().args(["--filter", filter]).stderr(stderr).status(2);
}

#[test]
fn only_alerts_for_which_the_filter_is_true_are_handled() {
    filtered("msg.priority <= 2 && msg.msg.contains(\"SIP\")")
        .stdout(printed("SIP scan", 2) + &printed("SIP scan", 1))
        .stats(counted([3, 2, 1, 0]))
        .success();
    filtered("ip_in(alert.src_ip, \"192.168.0.0/16\") && alert.proto == \"icmp\"")
        .stdout(PING)
        .stderr(left_out("alert.src_ip"))
        .stats(counted_unknown([3, 1, 2, 0], 2))
        .success();
}

#[test]
fn what_is_not_known_is_not_equal_and_not_less() {
    filtered("alert.src_port == 80 || alert.src_port < 1024 || alert.dst_ip == \"10.0.0.1\"")
        .stderr(left_out("alert.src_port"))
        .stats(counted_unknown([3, 0, 3, 0], 2))
        .success();
}

#[test]
fn each_handler_may_have_a_filter_of_its_own() {
    let room = Test::new()
        .args(["--count", "3", "--filter", "msg.sig_id == 7", "--stats", "stats.json"])
        .args(["--data-handler", "print", "--data-handler", "file", "file.path=alerts"])
        .args(["file.format=fast", "file.filter=msg.priority == 1"])
        .send_all([ping(), alert(b"one", 1), alert(b"two", 2)])
        .stdout(printed("one", 1) + &printed("two", 2))
        .success();
    assert_eq!(room.read("alerts"), printed("one", 1));
    let stats: Value = serde_json::from_str(&room.read("stats.json")).unwrap();
    let filtered = |name: &str| stats["handlers"][name]["filtered"].as_u64();
    assert_eq!((filtered("print"), filtered("file")), (Some(1), Some(2)));
}

#[test]
fn a_file_has_filters_for_all_and_for_one() {
    Test::new()
        .file(
            "pigear.toml",
            "filter = 'msg.sig_id == 7'\n[[handler]]\ntype = 'print'\nfilter = 'msg.priority < 2'\n",
        )
        .args(["--config", "pigear.toml", "--count", "3"])
        .send_all([ping(), alert(b"one", 1), alert(b"two", 2)])
        .stdout(printed("one", 1))
        .success();
}

#[test]
fn a_filter_that_makes_no_sense_is_refused_with_the_place() {
    refused(
        "mgs.priority <= 2",
        "unknown variable `mgs`; did you mean `msg`?\n  | mgs.priority <= 2\n  | ^",
    );
    refused(
        "msg.priority <= 2 && alert.src_ipp == \"x\"",
        "alert has no field `src_ipp`; did you mean `src_ip`?\n  \
         | msg.priority <= 2 && alert.src_ipp == \"x\"\n  \
         |                            ^",
    );
    refused(
        "msg.priority == \"1\"",
        "msg.priority is a number, not a text; write msg.priority == 1\n  \
         | msg.priority == \"1\"\n  |                 ^",
    );
    refused(
        "alert.src_ip in \"192.168.0.0/16\"",
        "`in` looks for a part of a text; write ip_in(alert.src_ip, \"192.168.0.0/16\")\n  \
         | alert.src_ip in \"192.168.0.0/16\"\n  |                 ^",
    );
    refused(
        "alert.dst_port == 80 and msg.priority == 1",
        "write && instead of `and`\n  | alert.dst_port == 80 and msg.priority == 1\n  \
         |                      ^",
    );
    refused("msg.priority <", "unexpected end\n  | msg.priority <\n  |               ^");
    refused(
        "msg.priority = 1",
        "`=` assigns; to compare, write ==\n  | msg.priority = 1\n  |              ^",
    );
    refused("", "a filter needs an expression");
    refused(
        "open(\"/etc/passwd\") == \"\"",
        "unknown function `open`\n  | open(\"/etc/passwd\") == \"\"\n  | ^",
    );
}

#[test]
fn a_filter_of_a_file_is_refused_with_file_and_line() {
    Test::new()
        .file(
            "pigear.toml",
            "[[handler]]\ntype = 'print'\nfilter = '''\nmsg.priority <= 2 &&\n  alert.service == 5060\n'''\n",
        )
        .args(["--config", "pigear.toml"])
        .stderr(format!(
            "error: pigear.toml:3:10: alert has no field `service`; it has timestamp, received, src_ip, \
             src_port, dst_ip, dst_port, proto, priority, vlan, class, class_description, references, layers, payload, \
             sensor, socket, thread, sender, dialect, source, action, inspected, extra, message, dissection_differs, count, untrusted\n  \
             |   alert.service == 5060\n  |         ^\n{HINT}"
        ))
        .status(2);
}

#[test]
fn a_filter_of_one_handler_is_refused_with_its_name() {
    Test::new()
        .args(["--data-handler", "null", "filter=nothing"])
        .stderr(format!(
            "error: null.filter: unknown variable `nothing`; there are `msg` and `alert`\n  | nothing\n  | ^\n{HINT}"
        ))
        .status(2);
}

/// All three alerts come through, and a line is logged for the first and for the second.
fn lets_all_through(filter: &str, why: &str) {
    let warning = |n: u32| {
        format!(
            "warning: handler print: the filter failed, so the alert passes: {why}; {n} failed so far\n"
        )
    };
    filtered(filter)
        .stdout(PING.to_owned() + &printed("SIP scan", 2) + &printed("SIP scan", 1))
        .stderr(warning(1) + &warning(2))
        .stats(counted([3, 3, 0, 3]))
        .success();
}

#[test]
fn a_filter_that_fails_lets_the_alert_through() {
    lets_all_through("#{n: msg.priority}.n", "its value is neither true nor false, but number");
    lets_all_through("if msg.priority > 0 { throw \"no\" }", "no");
    lets_all_through(
        "#{n: msg.priority}.n.contains(\"1\")",
        "no such function: contains (number, text)",
    );
}

#[test]
fn a_filter_cannot_run_or_grow_without_end() {
    lets_all_through("loop {}", "it runs for too long");
    lets_all_through("fn f(n) { f(n) } f(1)", "its functions call each other too deep");
    lets_all_through("let s = \"x\"; loop { s += s; }", "length of string too large");
}

#[test]
fn what_an_attacker_wrote_is_shown_escaped_also_by_a_filter_that_fails() {
    let hostile = b"\x1b[2J\x07 caf\xe9\n";
    Test::new()
        .args(["--count", "1", "--filter", "throw msg.msg"])
        .send(alert(hostile, 1))
        .stdout(printed("\\x1b[2J\\x07 caf\u{fffd}\\x0a", 1))
        .stderr(
            "warning: handler print: the filter failed, so the alert passes: \
             \\x1b[2J\\x07 caf\u{fffd}\\x0a; 1 failed so far\n",
        )
        .success();
    Test::new()
        .args([
            "--count",
            "1",
            "--filter",
            "msg.msg.contains(\"caf\\uFFFD\") && print(msg.msg) == ()",
        ])
        .send(alert(hostile, 1))
        .stdout(printed("\\x1b[2J\\x07 caf\u{fffd}\\x0a", 1))
        .success();
}

#[test]
fn a_filter_without_a_value_is_no_false() {
    lets_all_through(
        "let low = msg.priority < 2;",
        "its value is neither true nor false, but nothing",
    );
}

#[test]
fn a_class_that_no_list_has_is_warned_of_with_the_near_name() {
    let said = |filter: &str, args: &[&str]| {
        let test =
            Test::new().args(["--filter", filter, "--count", "1"]).args(args.iter().copied());
        let mut running =
            test.file("one.config", "config classification: mine,My class,1\n").start();
        running.send(&ping());
        running.end().1.stderr
    };
    let warning = |name: &str, hint: &str| {
        format!("warning: --filter: no class in the list is named {name:?}{hint}\n")
    };
    let near = warning("troyan-activity", "; did you mean trojan-activity?");
    assert_eq!(said("alert.class == \"troyan-activity\"", &[]), near);
    assert_eq!(said("\"troyan-activity\" != alert.class", &[]), near);
    assert_eq!(said("alert.class in [\"misc-attack\", \"troyan-activity\"]", &[]), near);
    assert_eq!(said("alert.class == \"nothing-like-it\"", &[]), warning("nothing-like-it", ""));
    assert_eq!(said("alert.class == \"Trojan-Activity\"", &[]), "");
    let mine = ["--class-config", "one.config"];
    assert_eq!(said("alert.class == \"mine\"", &mine), "");
    assert_eq!(said("alert.class == \"trojan-activity\"", &mine), warning("trojan-activity", ""));
}
