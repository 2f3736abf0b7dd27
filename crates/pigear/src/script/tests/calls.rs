//! What fails for every alert is refused before the first one.

use super::checks::refused;
use super::holds;

#[test]
fn what_fails_for_every_alert_is_refused() {
    for (script, why, mark) in [
        (
            "msg.priority",
            "a filter needs a condition, but msg.priority is a number; compare it, such as msg.priority == 1",
            "msg",
        ),
        (
            "alert.class",
            "a filter needs a condition, but alert.class is a text; compare it, such as alert.class == \"…\"",
            "alert",
        ),
        ("alert", "a filter needs a condition, but alert is a whole alert", "alert"),
        (
            "msg.msg && true",
            "`&&` needs conditions, but msg.msg is a text; compare it, such as msg.msg == \"…\"",
            "msg",
        ),
        ("!alert.dst_port", "`!` needs a condition, but alert.dst_port is a number", "alert"),
        ("msg.msg * 2 == 1", "`*` needs numbers, but msg.msg is a text", "msg"),
        (
            "msg.priority.contains(\"1\")",
            "msg.priority is a number, and has no `contains`; write msg.priority == 1",
            "contains",
        ),
        (
            "msg.contains(\"x\")",
            "msg is a whole message, and has no `contains`; write msg.msg.contains(…)",
            "contains",
        ),
        (
            "alert.payload.starts_with(\"GET\")",
            "alert.payload is bytes, and has no `starts_with`; write text(alert.payload).starts_with(…)",
            "starts_with",
        ),
        (
            "alert.references.starts_with(\"x\")",
            "alert.references is a list, and has no `starts_with`; write alert.references.some(|one| one.starts_with(…))",
            "starts_with",
        ),
        (
            "alert.layers.some(|l| l.id == alert.dst_port)",
            "`some` can't use `alert` while it goes through a list of it; write let list = alert.layers; list.some(…)",
            "some",
        ),
        ("msg.msg.contains(80)", "`contains` needs a text; write msg.msg.contains(\"80\")", "80"),
    ] {
        refused(script, why, mark);
    }
}

#[test]
fn wrong_numbers_of_arguments_are_refused() {
    for (script, why, mark) in [
        (
            "ip_in(alert.src_ip)",
            "`ip_in` takes 2 arguments, not 1; write ip_in(alert.src_ip, \"10.0.0.0/8\")",
            "ip_in",
        ),
        ("alert.src_ip.ip_in()", "`ip_in` takes 1 argument, not 0", "ip_in"),
        ("msg.msg.contains(\"a\", \"b\")", "`contains` takes 1 argument, not 2", "contains"),
        ("alert.proto.to_lower(1) == \"\"", "`to_lower` takes no arguments, not 1", "to_lower"),
        ("msg.msg.sub_string() == \"\"", "`sub_string` takes 1 to 2 arguments, not 0", "sub_"),
        ("fn low(p) { p < 3 } low(1, 2)", "`low` takes 1 argument, not 2", "low(1"),
    ] {
        refused(script, why, mark);
    }
}

#[test]
fn wrong_arguments_are_refused_with_the_right_form() {
    for (script, why, mark) in [
        (
            "ip_in(\"10.0.0.0/8\", alert.src_ip)",
            "the address comes first; write ip_in(alert.src_ip, \"10.0.0.0/8\")",
            "\"10",
        ),
        (
            "\"10.0.0.0/8\".ip_in(alert.src_ip)",
            "the address comes first; write ip_in(alert.src_ip, \"10.0.0.0/8\")",
            "\"10",
        ),
        ("ip_in(\"host\", \"10.0.0.0/8\")", "\"host\" is not an address", "\"host"),
        (
            "alert.format(\"xml\") == \"\"",
            "unknown format \"xml\"; known are fast, full, json, eve, ecs, ocsf, cef, snort, alert_json, csv",
            "\"xml",
        ),
        (
            "format(msg.msg, \"json\") == \"\"",
            "`format` needs a whole alert, but msg.msg is a text; write format(alert, …)",
            "\"json",
        ),
    ] {
        refused(script, why, mark);
    }
}

#[test]
fn operators_of_bits_are_not_those_of_conditions() {
    for (script, why, mark) in [
        ("alert.dst_port == 80 | 53", "`|` is for numbers; write alert.dst_port in [80, 53]", "53"),
        (
            "alert.class == \"x\" | \"y\"",
            "`|` is for numbers; write alert.class in [\"x\", \"y\"]",
            "\"y",
        ),
        (
            "alert.untrusted & msg.priority",
            "`&` is for numbers; write && or || between conditions",
            "msg",
        ),
        (
            "80 | 53",
            "a filter needs a condition, but this is a number; compare it, such as this == 1",
            "|",
        ),
    ] {
        refused(script, why, mark);
    }
}

#[test]
fn a_field_is_not_the_key_of_a_map() {
    for (script, why, mark) in [
        (
            "alert[\"dst_prt\"] == 80",
            "alert has no field `dst_prt`; did you mean `dst_port`?",
            "\"dst",
        ),
        ("alert[\"dst_port\"] == 80", "alert is not a map; write alert.dst_port", "\"dst"),
        ("msg[\"msg\"].contains(\"x\")", "msg is not a map; write msg.msg", "\"msg"),
        ("alert[0] == 80", "alert is neither a list nor a map; write alert.timestamp", "0"),
    ] {
        refused(script, why, mark);
    }
}

#[test]
fn calls_that_may_succeed_are_allowed() {
    for script in [
        "\"192.0.2.1\".ip_in(\"192.0.2.0/24\") && ip_in(\"192.0.2.1\", alert.src_ip)",
        "format(alert, \"json\").contains(\"UDP\") && msg.format(\"fast\").len() > 9",
        "alert.dst_port == (49 | 4) && (alert.dst_port & 1) == 1 && (true | alert.untrusted)",
        "fn twice() { this * 2 } let n = 2; n.twice() == 4 && [3].map(|n| n + 1)[0] == 4",
        "alert.references.split(1) == [] && alert.payload.split(1).len() == 3",
        "[1, 2].reduce(|sum, n| sum + n, 0) == 3 && [2, 1].index_of(1) == 1 && [1, 2].some(|n, i| i == 1)",
        "let f = |a, b| a + b; f.call(1, 2) == 3 && call(f, 1, 2) == 3 && is_def_fn(\"f\", 1) == false",
        "min(1, 2) == 1 && \"x\".pad(3, \"-\") == () && max(\"a\", \"b\") == \"b\" && print(1) == ()",
    ] {
        holds(script);
    }
}
