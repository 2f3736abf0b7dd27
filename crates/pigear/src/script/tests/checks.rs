//! What is refused before the first alert, and what a filter says of fields that aren't known.

use std::sync::Arc;

use pigear_alert::wire::{Decoder, Dialect, encode};
use pigear_alert::{Alert, AlertMessage};

use super::{Filter, PACKET, alert, alert_of, holds, passes};

/// What is refused, and why; the mark is below `mark`.
fn refused(script: &str, why: &str, mark: &str) {
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
fn protocols_have_names_and_numbers_up_to_255() {
    for (script, why, mark) in [
        ("alert.proto == 300", "alert.proto is never 300: it is from 0 to 255", "300"),
        ("alert.proto in [200, 256]", "alert.proto is never 256: it is from 0 to 255", "256"),
        ("alert.proto > 6", "protocols have names and no order; write alert.proto == \"TCP\"", "6"),
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
fn words_that_a_field_never_has_are_refused_with_all_that_it_has() {
    let all = "it is \"allowed\", \"blocked\", \"would_block\", \"cannot_block\", \"held\"";
    for (script, why, mark) in [
        (
            "alert.action == \"hold\"",
            "alert.action is never \"hold\"; write alert.action == \"held\"",
            "\"hold",
        ),
        (
            "alert.action in [\"blocked\", \"quarantined\"]",
            &format!("alert.action is never \"quarantined\"; {all}"),
            "\"quar",
        ),
        (
            "alert.action != \"blokced\"",
            "alert.action is never \"blokced\"; write alert.action != \"blocked\"",
            "\"blok",
        ),
        (
            "alert.action.starts_with(\"drop\")",
            &format!("alert.action never starts with \"drop\"; {all}"),
            "\"drop",
        ),
        ("alert.proto.contains(\"http\")", "alert.proto never contains \"http\"", "\"http"),
        (
            "alert.action in \"hold, drop\"",
            &format!("alert.action is never in \"hold, drop\"; {all}"),
            "\"hold",
        ),
        (
            "alert.source.ends_with(\"log\")",
            "alert.source never ends with \"log\"; it is \"unified2\"",
            "\"log",
        ),
    ] {
        refused(script, why, mark);
    }
    for word in ["allowed", "blocked", "would_block", "Cannot_Block", "held"] {
        let script = format!("alert.action == \"{word}\" || alert.action.contains(\"{word}\")");
        assert_eq!(passes(&script, &alert()), Ok(false), "{word}");
    }
    holds("alert.class != \"my-own-class\" && !alert.class.contains(\"own\")");
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
fn what_other_languages_have_is_refused_with_the_right_form() {
    for (script, why, mark) in [
        ("alert.dst_port == 80 and msg.priority == 1", "write && instead of `and`", "and"),
        ("alert.dst_port == 80 OR msg.priority == 1", "write || instead of `OR`", "OR"),
        ("not alert.untrusted", "write !(…) instead of `not`", "not"),
        ("not(alert.untrusted)", "write !(…) instead of `not`", "not"),
        ("alert.dst_port not in [80]", "write !in instead of `not in`", "not"),
        ("alert.dst_port is 80", "write == instead of `is`", "is"),
        ("alert.src_port == null", "write () instead of `null`, for what isn't known", "null"),
        ("alert.src_port == None", "write () instead of `None`, for what isn't known", "None"),
        ("alert.proto == 'TCP'", "write texts in double quotes: \"TCP\"", "'TCP'"),
        (
            "alert.proto == TCP",
            "unknown variable `TCP`; write texts in double quotes: \"TCP\"",
            "TCP",
        ),
        ("alert.src_ip == 10.0.0.1", "write addresses in double quotes: \"10.0.0.1\"", "10.0"),
        (
            "ip_in(alert.src_ip, fe80::/64)",
            "write networks in double quotes, as in ip_in(alert.src_ip, \"fe80::/64\")",
            "fe80",
        ),
        ("msg.sig_id == 2 && msg.priority = 1", "`=` assigns; to compare, write ==", "= 1"),
        ("(msg.priority = 1)", "`=` assigns; to compare, write ==", "="),
        ("msg.priority === 1", "write == instead of ===", "==="),
        ("msg.priority <> 1", "write != instead of <>", "<>"),
        ("alert.dst_port in (80, 443)", "write a list in square brackets: in [80, 443]", "("),
        ("alert.dst_port in {80, 443}", "write a list in square brackets: in [80, 443]", "{"),
        ("alert.dst_port in 80, 443", "write a list in square brackets: in [80, 443]", "80"),
        (
            "priority <= 2",
            "unknown variable `priority`; did you mean `alert.priority`?",
            "priority",
        ),
        ("sig_id == 2", "unknown variable `sig_id`; did you mean `msg.sig_id`?", "sig_id"),
        ("scr_ip == \"::1\"", "unknown variable `scr_ip`; did you mean `alert.src_ip`?", "scr"),
        (
            "alert.dst_prt == 80",
            "alert has no field `dst_prt`; did you mean `dst_port`?",
            "dst_prt",
        ),
        (
            "msg.src_ip == \"::1\"",
            "msg has no field `src_ip`; did you mean `alert.src_ip`?",
            "src_ip",
        ),
        (
            "fn f(a) { a.sorce == \"x\" } f(alert)",
            "a has no field `sorce`; did you mean `source`?",
            "sorce",
        ),
        (
            "let a = alert; a.prto == \"TCP\"",
            "a has no field `prto`; did you mean `proto`?",
            "prto",
        ),
        (
            "alert.layers.some(|l| alert.prto == \"TCP\")",
            "alert has no field `prto`; did you mean `proto`?",
            "prto",
        ),
    ] {
        refused(script, why, mark);
    }
}

#[test]
fn protocols_and_other_words_are_compared_without_case() {
    for script in [
        "alert.proto == \"udp\" && \"Udp\" == alert.proto && alert.proto != \"tcp\"",
        "alert.proto in [\"tcp\", \"Udp\"] && alert.proto in \"tcp,udp\" && alert.proto in [\"udp\", 200]",
        "alert.proto.starts_with(\"u\") && alert.proto.contains(\"dp\")",
        "alert.class == \"Misc-Activity\" && alert.dialect == \"SNORT3\"",
        "let a = alert; a.proto == \"udp\"",
        "let all = alert.layers; all.some(|layer| layer.name == \"UDP\" && alert.proto == \"udp\")",
        "fn udp(a) { a.proto == \"udp\" } udp(alert)",
        "/* ü */ alert.class_description == \"Misc activity\" &&\n alert.proto == \"udp\"",
        "alert.proto.to_lower() == \"udp\" && alert.proto == \"U\\x44P\"",
        "let p = alert.proto; p == \"udp\" && !(p != \"udp\") && p in [\"udp\"] && p < \"uEp\"",
        "let all = [\"udp\", \"tcp\"]; alert.proto in all && all.contains(alert.proto)",
        "let all = [\"udp\", \"tcp\"]; all.some(|it| it == alert.proto) && all.index_of(alert.proto) == 0",
        "let p = alert.proto; [\"udp\"].some(|it| it == p) && [\"udp\"].filter(|it| p == it).len() == 1",
        "[alert.proto] == [\"udp\"] && [alert.proto].contains(\"udp\") && \"udp\" in [alert.proto]",
        "alert.proto == \"\\u0075dp\" && alert.proto == \"u\" + \"dp\" && alert.proto == `u${\"dp\"}`",
        "(alert.proto ?? \"\") == \"udp\" && alert.proto.contains('u') && alert.proto.ends_with(\"dp\")",
        "let low = |it| it == \"udp\"; low.call(alert.proto)",
        "alert.layers.some(|layer| layer.name == \"UDP\") && !alert.layers.some(|layer| layer.name == \"udp\")",
        "alert.proto.to_lower() != \"UDP\" && msg.msg != \"dns query\" && !msg.msg.contains(\"dns\")",
        "let p = alert.proto; p.trim(); p.replace(\"UDP\", \"tcp\"); p == \"tcp\" && p != \"TCP\"",
        "let p = (); p = alert.proto; p == \"udp\" && p.len == 3 && p.len() == 3 && p[0] == 'U' && p[-1] == 'P'",
        "alert.proto != () && !(alert.proto == ()) && alert.proto != 200 && !(alert.proto in [(), 200])",
        "\"<\" + alert.proto + \">\" == \"<UDP>\" && alert.proto + \"!\" == \"UDP!\" && `${alert.proto}` == \"UDP\"",
        "let s = \"\"; s += alert.proto; s == \"UDP\" && type_of(s) == \"string\" && [alert.proto].to_string() == \"[\\\"UDP\\\"]\"",
        "alert.class.split(\"-\")[1] == \"activity\" && alert.class.sub_string(5..9) == \"acti\" && \"a UDP\".contains(alert.proto)",
        "#{UDP: 17}[text(alert.proto)] == 17 && alert.proto in #{UDP: 17} && alert.proto.to_upper() == \"UDP\"",
        "alert.class.split().len() == 1 && \"x UDP y\".split(alert.proto).len() == 2 && \"x UDP\".index_of(alert.proto) == 2",
        "switch alert.proto.to_lower() { \"udp\" => true, _ => false }",
    ] {
        holds(script);
    }
    for (script, why, mark) in [
        (
            "alert.proto == \"tpc\"",
            "alert.proto is never \"tpc\"; write alert.proto == \"TCP\"",
            "\"tpc",
        ),
        ("alert.proto == 6", "write alert.proto == \"TCP\"", "6"),
        (
            "switch alert.proto { \"udp\" => true, _ => false }",
            "`switch` compares with case; write switch alert.proto.to_lower(), and the cases in lower case",
            "alert",
        ),
        (
            "#{UDP: 17}[alert.proto] == 17",
            "the key of a map is compared with case; write text(alert.proto) in the brackets",
            "alert",
        ),
        (
            "alert.proto == \"17\"",
            "alert.proto is never \"17\"; write alert.proto == \"UDP\"",
            "\"17",
        ),
        (
            "alert.proto == \"ipv6-icmp\"",
            "alert.proto is never \"ipv6-icmp\"; write alert.proto == \"ICMPv6\"",
            "\"ip",
        ),
        (
            "alert.action == \"drop\"",
            "alert.action is never \"drop\"; write alert.action == \"blocked\"",
            "\"drop",
        ),
        (
            "alert.dialect == \"snort30\"",
            "alert.dialect is never \"snort30\"; write alert.dialect == \"snort3\"",
            "\"snort",
        ),
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

#[test]
fn priority_0_is_no_priority() {
    let mut message = AlertMessage::default();
    message.priority = 0;
    let decoded = Decoder::default().decode(&encode(&message, Dialect::Snort3)).unwrap();
    let alert = Arc::new(Alert::new(decoded, Arc::default(), Arc::default()));
    assert_eq!(passes("msg.priority <= 2", &alert), Ok(true));
    assert_eq!(passes("alert.priority <= 2", &alert), Ok(false));
    assert_eq!(passes("alert.priority == ()", &alert), Ok(true));
    holds("alert.priority == 2 && alert.priority <= msg.priority");
}

/// Why a filter left an alert out, if only because a field wasn't known.
fn unknown(script: &str, alert: &Arc<Alert>) -> Option<String> {
    let mut filter = Filter::compile(script).unwrap();
    assert_eq!(filter.passes(alert), Ok(false), "{script}");
    filter.unknown().map(ToOwned::to_owned)
}

#[test]
fn it_is_told_when_an_alert_is_left_out_only_because_a_field_is_not_known() {
    let alert = alert_of(Dialect::Snort3, b"DNS", &[]);
    for (script, field) in [
        ("alert.src_ip == \"10.0.0.1\"", "alert.src_ip"),
        ("msg.priority <= 2 && alert.dst_port == 80", "alert.dst_port"),
        ("alert.dst_port == 80 && msg.priority <= 2", "alert.dst_port"),
        ("!(alert.dst_port != 80)", "alert.dst_port"),
        ("msg.priority == 1 || alert.proto == \"tcp\"", "alert.proto"),
        ("ip_in(alert.src_ip, \"10.0.0.0/8\")", "alert.src_ip"),
        ("alert.payload.contains(\"x\")", "alert.payload"),
        ("alert.action == \"blocked\"", "alert.action"),
        ("let p = alert.dst_port; p == 80", "alert.dst_port"),
    ] {
        let reason = format!("{field} is not known; --complete-from adds it from Snort's log");
        assert_eq!(unknown(script, &alert), Some(reason), "{script}");
    }
    for script in [
        "msg.priority == 1",
        "alert.dst_port == 80 && msg.priority == 1",
        "msg.priority == 1 && alert.dst_port == 80",
        "!(alert.dst_port == 80 || msg.priority == 2)",
        "alert.dst_port != () && alert.dst_port == 80",
        "(alert.dst_port ?? 0) == 80",
        "alert.sensor == \"dmz\"",
    ] {
        assert_eq!(unknown(script, &alert), None, "{script}");
    }
    let old = alert_of(Dialect::Snort297AppId, b"x", &PACKET);
    assert!(
        unknown("alert.priority <= 2", &old).unwrap().starts_with("alert.priority is not known")
    );
    // It is known that an ARP packet has no addresses.
    let arp = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 6];
    assert_eq!(
        unknown("alert.src_ip == \"10.0.0.1\"", &alert_of(Dialect::Snort3, b"", &arp)),
        None
    );
}
