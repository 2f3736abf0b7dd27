//! Comparisons that are never true are refused before the first alert.

use super::{alert, holds, passes};
use crate::script::Filter;

/// What is refused, and why; the mark is below `mark`.
pub(super) fn refused(script: &str, why: &str, mark: &str) {
    let error = passes(script, &alert()).expect_err(script);
    let column = script[..script.find(mark).unwrap()].chars().count();
    assert_eq!(error, format!("{why}\n  | {script}\n  | {:column$}^", ""), "{script}");
}

#[test]
fn a_comparison_that_is_never_true_is_refused_with_the_right_form() {
    for (script, why, mark) in [
        (
            "msg.priority == \"1\"",
            "msg.priority is a number, not a text; write msg.priority == 1",
            "\"1\"",
        ),
        (
            "\"2\" >= msg.priority",
            "msg.priority is a number, not a text; write msg.priority <= 2",
            "\"2\"",
        ),
        ("msg.priority == \"high\"", "msg.priority is a number, not a text", "\"high\""),
        ("msg.msg < 1", "msg.msg is a text, not a number; write msg.msg < \"1\"", "1"),
        (
            "alert.class == 5",
            "alert.class is a text, not a number; write msg.classification == 5",
            "5",
        ),
        (
            "alert.dst_port == [80, 443]",
            "alert.dst_port is a number, not a list; write alert.dst_port in [80, 443]",
            "[80",
        ),
        (
            "alert.dst_port == 1..5",
            "alert.dst_port is a number, not a range; write alert.dst_port in 1..5",
            "..",
        ),
        ("alert.vlan == 20", "alert.vlan is a list, not a number; write 20 in alert.vlan", "20"),
        (
            "alert.payload == \"x\"",
            "alert.payload is bytes, not a text; write alert.payload.contains(\"x\"), or text(alert.payload) == \"x\"",
            "\"x\"",
        ),
    ] {
        refused(script, why, mark);
    }
}

#[test]
fn a_comparison_with_a_whole_or_with_a_truth_is_refused_with_the_right_form() {
    for (script, why, mark) in [
        (
            "alert.untrusted == \"false\"",
            "alert.untrusted is true or false, not a text; write !alert.untrusted",
            "\"false\"",
        ),
        (
            "alert.untrusted == 1",
            "alert.untrusted is true or false, not a number; write alert.untrusted",
            "1",
        ),
        (
            "alert.sender == 1",
            "alert.sender is a map, not a number; write alert.sender.pid == …",
            "1",
        ),
        (
            "msg == 1",
            "msg is a whole message; compare one of its fields, such as msg.priority",
            "1",
        ),
        (
            "alert.dst_port == 70000",
            "alert.dst_port is never 70000: it is from 0 to 65535",
            "70000",
        ),
        ("msg.sig_id < 0", "msg.sig_id is never < 0: it is from 0 to 4294967295", "0"),
        (
            "alert.priority == 0",
            "alert.priority isn't known where Snort sends 0; write alert.priority == (), or msg.priority == 0",
            "0",
        ),
        (
            "msg.sig_id == 1 && msg.sig_id == 2",
            "msg.sig_id is never 1 and 2 at once; write msg.sig_id in [1, 2]",
            "2",
        ),
        ("true || msg.msg == msg.priority", "msg.msg is a text, not a number", "msg.priority"),
    ] {
        refused(script, why, mark);
    }
}

#[test]
fn a_comparison_of_a_variable_is_refused_with_the_right_form() {
    for (script, why, mark) in [
        ("let p = msg.priority; p == \"1\"", "p is a number, not a text; write p == 1", "\"1\""),
        (
            "fn low(p) { p < \"3\" } low(msg.priority)",
            "p is a number, not a text; write p < 3",
            "\"3\"",
        ),
        (
            "fn f(m) { m.priority == \"1\" } f(alert.message)",
            "m.priority is a number, not a text; write m.priority == 1",
            "\"1\"",
        ),
        (
            "alert.layers.some(|l| msg.priority == \"1\")",
            "msg.priority is a number, not a text; write msg.priority == 1",
            "\"1\"",
        ),
    ] {
        refused(script, why, mark);
    }
}

#[test]
fn a_key_that_a_map_never_has_is_refused_with_the_one_that_is_meant() {
    for (script, why, mark) in [
        ("alert.sender.foo == 1", "alert.sender has no field `foo`; it has pid, uid", "foo"),
        ("alert.sender.pdi == 1", "alert.sender has no field `pdi`; did you mean `pid`?", "pdi"),
        (
            "alert.extra.http_hots == \"a\"",
            "alert.extra has no field `http_hots`; did you mean `http_host`?",
            "http_hots",
        ),
        ("let s = alert.sender; s.pdi == 1", "s has no field `pdi`; did you mean `pid`?", "pdi"),
    ] {
        refused(script, why, mark);
    }
    for script in
        ["alert.sender == #{pid: 1, uid: 2}", "alert.sender != () && alert.sender.uid == 0"]
    {
        assert!(Filter::compile(script).is_ok(), "{script}");
    }
    assert!(Filter::compile("alert.sender[\"pdi\"] == 1").is_err());
    assert!(Filter::compile("alert.sender[\"pid\"] == 1").is_ok());
}

#[test]
fn chained_comparisons_are_refused_with_the_right_form() {
    for (script, why, mark) in [
        (
            "1000 <= msg.sig_id <= 1010",
            "comparisons can't be chained; write 1000 <= msg.sig_id && msg.sig_id <= 1010",
            "1010",
        ),
        (
            "alert.src_port == alert.dst_port == 80",
            "comparisons can't be chained; write alert.src_port == alert.dst_port && alert.dst_port == 80",
            "80",
        ),
        (
            "msg.sig_id > (msg.sig_rev > 1)",
            "comparisons can't be chained; write a < b && b < c",
            "> 1)",
        ),
    ] {
        refused(script, why, mark);
    }
}

#[test]
fn numbers_outside_of_a_fields_range_are_refused() {
    for (script, why, mark) in [
        (
            "alert.dst_port > 65535",
            "alert.dst_port is never > 65535: it is from 0 to 65535",
            "65535",
        ),
        (
            "65535.5 <= alert.dst_port",
            "alert.dst_port is never >= 65535.5: it is from 0 to 65535",
            "65535",
        ),
        ("alert.priority < 0", "alert.priority is never < 0: it is from 1 to 4294967295", "0"),
        ("alert.dst_port == 80.5", "alert.dst_port is never 80.5: it is a whole number", "80.5"),
        (
            "alert.dst_port in [80, 80.5]",
            "alert.dst_port is never 80.5: it is a whole number",
            "80.5",
        ),
    ] {
        refused(script, why, mark);
    }
}

#[test]
fn what_no_list_or_range_holds_is_refused() {
    for (script, why, mark) in [
        ("alert.dst_port in []", "nothing is in an empty list", "[]"),
        (
            "alert.dst_port in 70000..80000",
            "alert.dst_port is never in 70000..80000: it is from 0 to 65535",
            "..",
        ),
        ("alert.dst_port in 80..20", "the range 80..20 is empty; write 20..=80", ".."),
        ("alert.dst_port in 80..80", "the range 80..80 is empty; write 80..=80", ".."),
        (
            "70000 in alert.vlan",
            "an element of alert.vlan is never 70000: it is from 0 to 65535",
            "alert",
        ),
        (
            "alert.vlan.contains(-1)",
            "an element of alert.vlan is never -1: it is from 0 to 65535",
            "-1",
        ),
        ("msg.sig_id in 5", "5 is a number; write msg.sig_id == 5", "5"),
        (
            "alert.count > 1",
            "alert.count isn't known in filters, which see each alert before grouping",
            "count",
        ),
    ] {
        refused(script, why, mark);
    }
}

#[test]
fn numbers_that_a_field_may_be_are_compared() {
    for script in [
        "msg.sig_id >= 1 && msg.priority == 2 && msg.priority == 2.0 && alert.dst_port < 53.5",
        "(msg.sig_id > 1) == (msg.priority < 3) && (alert.dst_port == 53) == true",
        "alert.dst_port in 1..70000 && alert.dst_port in 53..=53 && alert.dst_port != 70000",
        "alert.proto in [200, \"udp\"] && alert.proto != 200",
        "let none = []; !(alert.dst_port in none)",
    ] {
        holds(script);
    }
}

#[test]
fn an_invalid_address_is_refused_with_the_right_form() {
    for (script, why, mark) in [
        (
            "alert.src_ip in \"192.168.0.0/16\"",
            "`in` looks for a part of a text; write ip_in(alert.src_ip, \"192.168.0.0/16\")",
            "\"192",
        ),
        (
            "alert.src_ip in \"10.0.0.1, 10.0.0.2\"",
            "`in` looks for a part of a text; write ip_in(alert.src_ip, [\"10.0.0.1\", \"10.0.0.2\"])",
            "\"10",
        ),
        (
            "alert.src_ip in [\"10.0.0.1\", \"10.2.0.0/16\"]",
            "this is a network; write ip_in(alert.src_ip, [\"10.0.0.1\", \"10.2.0.0/16\"])",
            "\"10.2",
        ),
        ("alert.src_ip in [\"10.0.0\"]", "\"10.0.0\" is not an address", "\"10"),
        (
            "alert.src_ip == \"10.0.0.0/8\"",
            "this is a network; write ip_in(alert.src_ip, \"10.0.0.0/8\")",
            "\"10",
        ),
        (
            "alert.src_ip != \"10.0.0.0/8\"",
            "this is a network; write !ip_in(alert.src_ip, \"10.0.0.0/8\")",
            "\"10",
        ),
        ("\"10.0.0.256\" == alert.dst_ip", "\"10.0.0.256\" is not an address", "\"10"),
        (
            "alert.src_ip == \"2001:DB8::0\"",
            "write alert.src_ip == \"2001:db8::\", the form in which addresses are shown",
            "\"2001",
        ),
        (
            "alert.src_ip < \"10.0.0.9\"",
            "addresses have no order; write ip_in(alert.src_ip, \"10.0.0.0/8\") for a network",
            "\"10",
        ),
        ("alert.src_ip == 1", "alert.src_ip is an address, not a number", "1"),
    ] {
        refused(script, why, mark);
    }
}

#[test]
fn what_is_no_address_is_in_no_network() {
    for (script, why, mark) in [
        (
            "alert.src_ip.starts_with(\"10.0.0.0/8\")",
            "alert.src_ip holds one address; write ip_in(alert.src_ip, \"10.0.0.0/8\")",
            "\"10",
        ),
        (
            "\"10.0.0.0/8\" in alert.src_ip",
            "alert.src_ip holds one address; write ip_in(alert.src_ip, \"10.0.0.0/8\")",
            "alert",
        ),
        (
            "ip_in(msg.msg, \"10.0.0.0/8\")",
            "`ip_in` needs an address, such as alert.src_ip, but msg.msg is a text",
            "ip_in",
        ),
        ("ip_in(alert.src_ip, 10)", "a network is a text, such as \"10.0.0.0/8\"", "10"),
    ] {
        refused(script, why, mark);
    }
    for script in [
        "ip_in(alert.src_ip, \"192.0.2.1\")",
        "alert.src_ip in [\"192.0.2.1\", \"2001:db8::1\"]",
        "alert.src_ip.starts_with(\"192.0.\") && \"0.2\" in alert.src_ip",
    ] {
        holds(script);
    }
}

#[test]
fn what_is_never_in_a_list_is_refused() {
    for (script, why, mark) in [
        (
            "alert.dst_port in \"80,443\"",
            "a text holds no number; write alert.dst_port in [80, 443]",
            "\"80",
        ),
        (
            "alert.dst_port in [\"80\", 443]",
            "alert.dst_port is a number, not a text; write alert.dst_port == 80",
            "\"80",
        ),
        (
            "\"20\" in alert.vlan",
            "alert.vlan is a list, and none of its elements is a text; write 20 in alert.vlan",
            "alert",
        ),
        (
            "alert.vlan.contains(\"20\")",
            "alert.vlan is a list, and none of its elements is a text; write 20 in alert.vlan",
            "\"20",
        ),
        ("80 in alert.dst_port", "alert.dst_port is a number; write alert.dst_port == 80", "alert"),
        ("alert.class in 1..3", "a range holds numbers, but alert.class is a text", ".."),
    ] {
        refused(script, why, mark);
    }
}

#[test]
fn one_variable_name_may_have_several_kinds() {
    holds("let n = 5; alert.layers.some(|n| n.name == \"UDP\")");
    holds("let n = 5; n = \"x\"; n == \"x\"");
    holds("fn same(a, b) { a == b } same(1, 1) && same(\"x\", \"x\")");
    holds("let f = |n| n == \"x\"; f.call(\"x\")");
}
