use std::sync::Arc;

use pigear_alert::wire::{Decoder, Dialect, encode};
use pigear_alert::{Alert, AlertMessage};
use rhai::{Dynamic, Scope};

use super::*;

mod calls;
mod checks;
mod languages;
pub(crate) mod native;
mod unknown;
mod words;

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

#[test]
fn a_run_of_few_but_long_operations_is_ended() {
    let script =
        "let t = \"x\"; for i in 0..20 { t += t } for i in 0..20_000 { t.to_upper() } true";
    assert_eq!(passes(script, &alert()), Err("it runs for too long".to_owned()));
    // The next run has its own time.
    holds("true");
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
            "`=` assigns; to compare, write ==\n  | msg.priority = 2\n  |              ^",
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
            "format(alert, \"x\" + \"ml\") == \"\"",
            "unknown format \"xml\"; known are fast, full, json, eve, ecs, ocsf, cef, snort, alert_json, csv",
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
            assert_eq!(fields::brief(&got), fields::brief(&field.get(&alert)));
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

#[test]
fn a_problem_has_a_position_in_the_script() {
    let position = |script: &str| Filter::compile(script).err().unwrap().position();
    assert_eq!(position("mgs.priority <= 2"), Some((1, 1)));
    assert_eq!(position("msg.priority <= 2 &&\n  alert.scr_ip == 1"), Some((2, 9)));
    assert_eq!(position(&format!("{}mgs", "1 == 1 || ".repeat(20))), Some((1, 201)));
    assert_eq!(position(""), None);
}
