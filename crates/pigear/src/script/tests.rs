use std::sync::Arc;

use pigear_alert::wire::{Decoder, Dialect, encode};
use pigear_alert::{Alert, AlertMessage};
use rhai::{Dynamic, Scope};

use super::*;

/// Ethernet, IPv4 and UDP from 192.0.2.1:40000 to 198.51.100.9:53.
const PACKET: [u8; 46] = [
    2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, // Ethernet
    0x45, 0, 0, 32, 0, 1, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 198, 51, 100, 9, // IPv4
    0x9c, 0x40, 0, 53, 0, 12, 0, 0, // UDP
    b'a', b'b', 0xff, b'c',
];

fn alert_of(dialect: Dialect, msg: &[u8], packet: &[u8]) -> Arc<Alert> {
    let mut message = AlertMessage::default();
    message.msg = msg.into();
    message.pkt = packet.into();
    message.caplen = packet.len().try_into().unwrap();
    message.pktlen = message.caplen;
    (message.sig_generator, message.sig_id, message.sig_rev) = (1, 384, 8);
    (message.priority, message.classification) = (2, 29);
    let decoded = Decoder::default().decode(&encode(&message, dialect)).unwrap();
    Arc::new(Alert::new(decoded, Arc::default(), Arc::default()))
}

fn alert() -> Arc<Alert> {
    alert_of(Dialect::Snort3, b"DNS query", &PACKET)
}

fn passes(script: &str, alert: &Arc<Alert>) -> Result<bool, String> {
    let mut filter = Filter::compile(script).map_err(|problem| problem.to_string())?;
    filter.passes(alert).map_err(|failure| failure.to_string())
}

fn holds(script: &str) {
    assert_eq!(passes(script, &alert()), Ok(true), "{script}");
}

fn value(script: &str, alert: &Arc<Alert>) -> Dynamic {
    let mut scope = Scope::new();
    scope
        .push("msg", SnortMessage(Arc::clone(alert)))
        .push("alert", AlertFields(Arc::clone(alert)));
    engine().eval_with_scope(&mut scope, script).unwrap()
}

fn shown(script: &str) -> String {
    value(script, &alert()).to_string()
}

#[test]
fn scripts_see_what_snort_said_and_what_is_known() {
    for script in [
        "msg.priority <= 2 && msg.msg.contains(\"DNS\")",
        "msg.sig_generator == 1 && msg.sig_id == 384 && msg.sig_rev == 8",
        "msg.pkt.len() == 46 && msg.pkt[12] == 8 && msg.caplen == msg.pktlen",
        "alert.src_ip == \"192.0.2.1\" && alert.dst_port == 53 && alert.proto == \"UDP\"",
        "alert.class == \"misc-activity\" && alert.class_description == \"Misc activity\"",
        "ip_in(alert.src_ip, \"192.0.2.0/24\") && !ip_in(alert.dst_ip, \"10.0.0.0/8\")",
        "alert.dst_ip.ip_in([\"10.0.0.0/8\", \"198.51.100.0/24\"])",
        "alert.payload.contains(\"ab\") && !alert.payload.contains(\"abc\")",
        "text(alert.payload) == \"ab\\ufffdc\" && hex(alert.payload) == \"6162ff63\"",
        "alert.layers.len() == 3 && alert.layers[1].ttl == 64 && alert.layers[2].end == 42",
        "alert.layers.some(|layer| layer.name == \"UDP\")",
        "alert.dialect == \"snort3\" && !alert.untrusted",
        "alert.vlan.is_empty() && alert.references.is_empty()",
        "53 in [53, 80]",
        "let low = alert.dst_port < 1024; low && alert.src_port > 1024",
        "fn low(port) { port < 1024 } low(alert.dst_port)",
    ] {
        holds(script);
    }
}

#[test]
fn what_is_not_known_is_neither_equal_nor_less_nor_greater() {
    let alert = alert_of(Dialect::Snort3, b"", &[]);
    for script in [
        "alert.src_port == 80",
        "alert.src_port < 1024",
        "alert.src_port >= 0",
        "alert.src_ip == \"10.0.0.1\"",
        "alert.src_ip.contains(\"10.\")",
        "ip_in(alert.src_ip, \"0.0.0.0/0\")",
        "alert.sensor == \"dmz\" || msg.app_name == \"DNS\"",
        "alert.proto == \"TCP\"",
    ] {
        assert_eq!(passes(script, &alert), Ok(false), "{script}");
    }
    for script in [
        "alert.src_port in 1..1024",
        "alert.src_port in 1..=1024",
        "alert.src_port in [80, 443]",
        "alert.sensor in \"dmz, lan\"",
        "alert.payload.contains(alert.sensor)",
    ] {
        assert_eq!(passes(script, &alert), Ok(false), "{script}");
    }
    assert_eq!(passes("alert.src_port != 80 && alert.src_port == ()", &alert), Ok(true));
    assert_eq!(value("alert.src_port ?? 7", &alert).as_int(), Ok(7));
}

#[test]
fn what_a_dialect_does_not_send_is_not_known() {
    let alert = alert_of(Dialect::Snort297AppId, b"x", &PACKET);
    assert_eq!(passes("msg.priority == () && msg.event_id == ()", &alert), Ok(true));
    assert_eq!(passes("msg.priority <= 2", &alert), Ok(false));
}

#[test]
fn a_message_that_is_not_utf8_can_be_looked_at() {
    let alert = alert_of(Dialect::Snort3, b"caf\xe9 \x1b[31m", &PACKET);
    assert_eq!(passes("msg.msg.starts_with(\"caf\\ufffd\")", &alert), Ok(true));
    assert_eq!(passes("throw msg.msg", &alert), Err("caf\u{fffd} \\x1b[31m".to_owned()));
}

#[test]
fn a_script_that_makes_no_sense_is_refused_with_the_place() {
    for (script, problem) in [
        (
            "mgs.priority <= 2",
            "unknown variable `mgs`; did you mean `msg`?\n  | mgs.priority <= 2\n  | ^",
        ),
        ("1 +\n  2 )", "expecting ';' to terminate this statement\n  |   2 )\n  |     ^"),
        (
            "ipin(alert.src_ip, \"::1\")",
            "unknown function `ipin`; did you mean `ip_in`?\n  | ipin(alert.src_ip, \"::1\")\n  | ^",
        ),
        (
            "true && alert.src_ip.startswith(\"1\")",
            "unknown function `startswith`; did you mean `starts_with`?",
        ),
        (
            "msg.priority = 2",
            "nothing can be assigned to this; to compare, write ==\n  | msg.priority = 2\n  | ^",
        ),
        (
            "ip_in(alert.src_ip, \"10.0.0.0/40\")",
            "\"10.0.0.0/40\": expected an address or a network, such as 10.0.0.1, 10.0.0.0/8 or \
             2001:db8::/32\n  \
             | ip_in(alert.src_ip, \"10.0.0.0/40\")\n  |                     ^",
        ),
        (
            "ip_in(alert.src_ip, [\"10.0.0.0/8\", \"10.0.0.0/40\"])",
            "\"10.0.0.0/40\": expected an address or a network, such as 10.0.0.1, 10.0.0.0/8 or \
             2001:db8::/32\n  \
             | ip_in(alert.src_ip, [\"10.0.0.0/8\", \"10.0.0.0/40\"])\n  |                                    ^",
        ),
        ("import \"x\" as y; true", "'import' is a reserved"),
        ("eval(\"true\")", "'eval'"),
        ("\"open", "open string is not terminated\n  | \"open\n"),
        ("", "a filter needs an expression"),
    ] {
        let error = passes(script, &alert()).unwrap_err();
        assert!(error.contains(problem), "{script}: {error}");
    }
}

#[test]
fn an_unknown_field_is_refused_wherever_it_stands() {
    for script in ["msg.prio == 1", "true || msg.prio.foo == 1", "if false { msg.prio[1] }"] {
        let error = passes(script, &alert()).unwrap_err();
        assert!(error.starts_with("msg has no field `prio`; it has msg, ts_sec,"), "{error}");
        let column = script.find("prio").unwrap();
        assert!(error.ends_with(&format!("\n  | {script}\n  | {:column$}^", "")), "{error}");
    }
}

#[test]
fn an_unknown_field_is_refused_behind_the_message_too() {
    for script in ["alert.message.prio == 1", "alert.message.prio.foo == 1"] {
        let error = passes(script, &alert()).unwrap_err();
        assert!(error.starts_with("alert.message has no field `prio`; it has msg,"), "{error}");
    }
    holds("alert.message.msg.contains(\"DNS\")");
}

/// What is refused, and why; the mark is below `mark`.
fn refused(script: &str, why: &str, mark: &str) {
    let error = passes(script, &alert()).unwrap_err();
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
        "alert.proto in [\"tcp\", \"Udp\"] && alert.proto in \"tcp,udp\" && alert.proto in [\"udp\", 47]",
        "alert.proto.starts_with(\"u\") && alert.proto.contains(\"dp\")",
        "alert.class == \"Misc-Activity\" && alert.dialect == \"SNORT3\"",
        "let a = alert; a.proto == \"udp\"",
        "let all = alert.layers; all.some(|layer| layer.name == \"UDP\" && alert.proto == \"udp\")",
        "fn udp(a) { a.proto == \"udp\" } udp(alert)",
        "/* ü */ alert.class_description == \"Misc activity\" &&\n alert.proto == \"udp\"",
        "alert.proto.to_lower() == \"udp\" && alert.proto == \"U\\x44P\"",
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
        ("let p = alert.proto; p == \"udp\"", "p is never \"udp\"; write p == \"UDP\"", "\"udp"),
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

#[test]
fn a_function_that_cannot_see_the_alert_is_refused() {
    for script in
        ["fn low() { msg.priority < 3 } low()", "fn low() { [1].some(|n| n < msg.priority) } low()"]
    {
        let error = passes(script, &alert()).unwrap_err();
        let problem = "a function can't access `msg`; pass it as an argument: f(msg)\n  | ";
        assert!(error.starts_with(problem), "{error}");
        let column = script.find("msg").unwrap();
        assert!(error.ends_with(&format!("\n  | {script}\n  | {:column$}^", "")), "{error}");
    }
    holds("fn low(msg) { msg.priority < 3 } low(msg)");
    holds("alert.layers.some(|layer| layer.name == \"UDP\" && msg.priority == 2)");
}

#[test]
fn a_scripts_own_variables_may_have_any_names_and_fields() {
    holds("alert.layers.some(|alert| alert.name == \"UDP\")");
    holds("let msg = #{count: 1}; msg.count = 2; msg.count == 2");
}

#[test]
fn a_script_that_fails_says_why() {
    for (script, failure) in [
        ("#{n: msg.priority}.n.contains(\"x\")", "no such function: contains (number, text)"),
        ("alert.class.trim(); alert.sensor.trim() == ()", "no such function: trim (nothing)"),
        ("#{n: msg.priority}.n", "its value is neither true nor false, but number"),
        ("msg.pkt[0..4]", "data type incorrect: range (expecting number)"),
        ("msg.pkt[0..=4]", "data type incorrect: range (expecting number)"),
        (
            "let a = [1]; a.some(|n| a.contains(n))",
            "a value can't be used while it is being changed; use a copy",
        ),
        ("#{m: alert.message}.m", "its value is neither true nor false, but AlertMessage"),
        ("msg.msg.pad(3, alert.sensor)", "no such function: pad (text, number, nothing)"),
        ("let x = 1;", "its value is neither true nor false, but nothing"),
        ("#{m: msg.msg}.m && alert.untrusted", "data type incorrect: text (expecting bool)"),
        (
            "ip_in(alert.src_ip, \"10\" + \"/8\")",
            "\"10/8\": expected an address or a network, such as 10.0.0.1, 10.0.0.0/8 or 2001:db8::/32",
        ),
        ("ip_in(#{m: msg.msg}.m, \"10.0.0.0/8\")", "\"DNS query\" is not an address"),
        (
            "format(alert, \"xml\") == \"\"",
            "unknown format \"xml\"; known are fast, full, json, eve, ecs, ocsf, cef",
        ),
    ] {
        assert_eq!(passes(script, &alert()), Err(failure.to_owned()), "{script}");
    }
}

#[test]
fn no_more_than_the_beginning_is_said_of_a_long_failure() {
    let failure = passes("let s = \"\"; s.pad(100000, \"ü\"); throw s", &alert()).unwrap_err();
    assert_eq!(failure, format!("{}…", "ü".repeat(512)));
}

#[test]
fn a_script_cannot_run_or_grow_without_end() {
    // As lanes have it.
    let thread = std::thread::Builder::new().stack_size(8 << 20);
    thread.spawn(run_without_end).unwrap().join().unwrap();
}

fn run_without_end() {
    for (script, failure) in [
        ("loop {}", "it runs for too long"),
        ("fn f(n) { f(n + 1) } f(0)", "its functions call each other too deep"),
        ("let s = \"x\"; loop { s += s }", "length of string too large"),
        ("let a = []; a.pad(1000000, 0); true", "size of array/BLOB too large"),
        ("let a = [\"x\".to_upper()]; loop { a += a }", "size of array/BLOB too large"),
        (
            "fn g(x) { x } fn f(n) { g(g(g(g(g(g(g(g(f(n))))))))) } f(0)",
            "its functions call each other too deep",
        ),
        ("sleep(1000)", "scripts can't sleep"),
        ("sleep(1000.0)", "scripts can't sleep"),
    ] {
        let error = passes(script, &alert()).unwrap_err();
        assert!(error.to_lowercase().contains(&failure.to_lowercase()), "{script}: {error}");
    }
    let deep = format!("{}true{}", "(".repeat(500), ")".repeat(500));
    assert!(passes(&deep, &alert()).unwrap_err().contains("xceed"));
}

#[test]
fn a_script_reaches_no_file() {
    for name in check::names(&engine()) {
        assert!(!["open", "eval_file", "import", "sleep_ms"].contains(&&*name), "{name}");
    }
}

#[test]
fn every_field_has_a_value() {
    let alert = alert();
    for (variable, fields) in [("msg", fields::MSG), ("alert", fields::ALERT)] {
        for field in fields {
            let got = value(&format!("{variable}.{}", field.name), &alert);
            assert_eq!(format!("{got:?}"), format!("{:?}", field.get(&alert)));
        }
    }
}

#[test]
fn a_message_is_shown_as_a_named_tuple() {
    let line = shown("msg.to_string()");
    assert!(line.starts_with("AlertMessage(msg=\"DNS query\", ts_sec=0, "), "{line}");
    assert!(line.contains(", pkt=<46 bytes>, sig_generator=1,"), "{line}");
}

#[test]
fn the_layers_are_shown_as_a_tree() {
    assert_eq!(
        shown("layers(alert)"),
        "Ethernet [0..14] source=02:00:00:00:00:02 destination=02:00:00:00:00:01 ether_type=IPv4\n\
         └─ IPv4 [14..34] source=192.0.2.1 destination=198.51.100.9 protocol=UDP ttl=64 tos=0 \
         identification=1 total_len=32 dont_fragment=false more_fragments=false fragment_offset=0\n   \
         └─ UDP [34..42] source_port=40000 destination_port=53 length=12\n      \
         └─ payload [42..46] 4 bytes\n"
    );
    let cut = alert_of(Dialect::Snort3, b"", &PACKET[..38]);
    let tree = value("layers(msg)", &cut).to_string();
    assert!(
        tree.ends_with("   └─ dissection stopped: UDP at byte 34: needs 8 bytes, but 4 are left\n")
    );
    let nothing = alert_of(Dialect::Snort3, b"", &[]);
    assert_eq!(value("layers(msg)", &nothing).to_string(), "no packet\n");
}

#[test]
fn the_table_has_all_functions() {
    let own: Vec<_> = functions::FUNCTIONS.iter().map(|function| function.name).collect();
    let known: Vec<_> = check::names(&engine()).collect();
    assert!(own.iter().all(|name| known.iter().any(|known| known == name)), "{known:?}");
    assert!(own.is_sorted());
    for function in functions::FUNCTIONS {
        assert!(!value(function.call, &alert()).is_unit());
    }
}

#[test]
fn the_manual_has_all_fields_and_functions() {
    let manual = include_str!("../../../../docs/script.md");
    let field = |variable: &str, field: &fields::Field| {
        format!("| `{variable}.{}` | {} |\n", field.name, field.about)
    };
    let msg = fields::MSG.iter().map(|said| field("msg", said)).collect::<String>();
    let alert = fields::ALERT.iter().map(|known| field("alert", known)).collect::<String>();
    let function =
        |function: &functions::Function| format!("| `{}` | {} |\n", function.call, function.about);
    let functions = functions::FUNCTIONS.iter().map(function).collect::<String>();
    for table in [msg, alert, functions] {
        assert!(
            manual.contains(&format!("|---|---|\n{table}\n")),
            "docs/script.md lacks:\n{table}"
        );
    }
}

#[test]
fn the_manuals_examples_make_sense() {
    let manual = include_str!("../../../../docs/script.md");
    let examples = manual.split("```rhai\n").skip(1).filter_map(|rest| rest.split("```").next());
    let examples: Vec<_> = examples.flat_map(|example| example.split("\n\n")).collect();
    assert!(examples.len() > 5);
    for example in examples {
        passes(example, &alert()).unwrap();
    }
}
