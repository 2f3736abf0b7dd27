//! Words: texts that are compared without case.

use super::checks::refused;
use super::{alert, holds, passes};
#[cfg(feature = "web")]
use crate::script::{layers_json, tree};

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
    ] {
        holds(script);
    }
}

#[test]
fn other_functions_than_comparisons_get_an_ordinary_text_of_a_word() {
    for script in [
        "let p = (); p = alert.proto; p == \"udp\" && p.len == 3 && p.len() == 3 && p[0] == 'U' && p[-1] == 'P'",
        "alert.proto != () && !(alert.proto == ()) && alert.proto != 200 && !(alert.proto in [(), 200])",
        "\"<\" + alert.proto + \">\" == \"<UDP>\" && alert.proto + \"!\" == \"UDP!\" && `${alert.proto}` == \"UDP\"",
        "let s = \"\"; s += alert.proto; s == \"UDP\" && type_of(s) == \"string\" && [alert.proto].to_string() == \"[\\\"UDP\\\"]\"",
        "alert.class.split(\"-\")[1] == \"activity\" && alert.class.sub_string(5..9) == \"acti\" && \"a UDP\".contains(alert.proto)",
        "#{UDP: 17}[text(alert.proto)] == 17 && alert.proto in #{UDP: 17} && alert.proto.to_upper() == \"UDP\"",
        "alert.class.split().len() == 1 && \"x UDP y\".split(alert.proto).len() == 2 && \"x UDP\".index_of(alert.proto) == 2",
        "print(alert.proto) == () && debug(alert.proto) == () && 1 + alert.proto == \"1UDP\" && [alert.proto].len() == 1",
        "#{p: alert.proto, all: [#{p: alert.class}]}.to_json() == `{\"all\":[{\"p\":\"misc-activity\"}],\"p\":\"UDP\"}`",
        "let n = \"\"; try { throw alert.proto } catch (e) { n = e } n == \"udp\"",
        "switch alert.proto.to_lower() { \"udp\" => true, _ => false }",
    ] {
        holds(script);
    }
}

#[test]
fn words_are_refused_where_they_would_be_compared_with_case_or_never_match() {
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
fn a_failure_says_what_a_text_without_case_is() {
    for (script, failure) in [
        ("throw alert.proto", "UDP"),
        (
            "let n = #{}; let c = [alert.proto]; n[c[0]] = 1; true",
            "data type incorrect: text without case (expecting text); write text(…)",
        ),
        ("alert.proto - 1 == 0", "no such function: - (text without case, number)"),
        ("[alert.proto][0]", "its value is neither true nor false, but text without case"),
    ] {
        assert_eq!(passes(script, &alert()), Err(failure.to_owned()), "{script}");
    }
}

#[cfg(feature = "web")]
#[test]
fn the_fields_of_a_header_have_the_same_order_as_json_as_in_the_tree() {
    let alert = alert();
    let layers = layers_json(&alert);
    let json: Vec<_> =
        layers.iter().map(|layer| serde_json::to_string(layer).unwrap().replace('"', "")).collect();
    let tree = tree(&alert);
    let lines: Vec<_> = tree.lines().take(layers.len()).collect();
    assert!(json.len() == 3 && lines[2].contains("UDP"), "{tree}");
    for (json, line) in json.iter().zip(lines) {
        // `name=value` of the tree is `name:value` of the object.
        let fields = line.split_once("] ").unwrap().1.replace(' ', ",").replace('=', ":");
        assert!(json.ends_with(&format!("fields:{{{fields}}}}}")), "{json} {fields}");
    }
}
