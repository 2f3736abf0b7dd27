//! What other languages have, and misspelt names.

use super::checks::refused;

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
        ("alert.dst_port = 80", "`=` assigns; to compare, write ==", "= 80"),
        ("msg.priority = 1 && true", "`=` assigns; to compare, write ==", "= 1"),
        (
            "dst_port = 80",
            "unknown variable `dst_port`; did you mean `alert.dst_port`? To compare, write == instead of =",
            "dst_port",
        ),
        ("msg.priority === 1", "write == instead of ===", "==="),
        ("msg.priority <> 1", "write != instead of <>", "<>"),
        ("alert.dst_port in (80, 443)", "write a list in square brackets: in [80, 443]", "("),
        ("alert.dst_port in {80, 443}", "write a list in square brackets: in [80, 443]", "{"),
        ("alert.dst_port in 80, 443", "write a list in square brackets: in [80, 443]", "80"),
    ] {
        refused(script, why, mark);
    }
}

#[test]
fn misspelt_names_are_refused_with_the_right_ones() {
    for (script, why, mark) in [
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
