//! A filter that runs natively gives what the engine gives.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use pigear_alert::unified2::{self, Assembler};
use pigear_alert::{Origin, Sender};
use pigear_pipeline::AlertFactory;
use pigear_pipeline::recording::Reader;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::script::fields::{ALERT, Field, MSG, Read};

/// All recorded alerts: as they were sent, from the logs of the same Snorts, and completed with these.
pub(crate) static RECORDED: LazyLock<Vec<Arc<Alert>>> = LazyLock::new(|| {
    let mut all = Vec::new();
    for (n, recording) in recordings().iter().enumerate() {
        let origin = match n % 3 {
            0 => Origin::default(),
            n => Origin {
                sensor: Some(format!("sensor {n}")),
                socket: Some(PathBuf::from("/run/snort_alert")),
                thread: u32::try_from(n).ok(),
                ..Origin::default()
            },
        };
        let sent =
            sent(recording, &AlertFactory { origin: Arc::new(origin), ..Default::default() });
        for (alert, logged) in sent.iter().zip(logged(recording)) {
            let (origin, names) = (Arc::clone(&alert.origin), Arc::clone(alert.names()));
            all.push(Arc::new(Alert::from_log(logged.clone(), origin, names)));
            let mut completed = Alert::clone(alert);
            completed.complete(logged);
            all.push(Arc::new(completed));
        }
        all.extend(sent);
    }
    assert!(all.len() > 3_000);
    all
});

fn recordings() -> Vec<PathBuf> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pigear-alert/tests/data");
    let (mut found, mut dirs) = (Vec::new(), vec![data]);
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.to_string_lossy().ends_with(".dgrams.gz") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn sent(recording: &Path, factory: &AlertFactory) -> Vec<Arc<Alert>> {
    let mut reader = Reader::open(recording).unwrap();
    let (mut datagram, mut alerts) = (Vec::new(), Vec::new());
    while reader.read(&mut datagram).unwrap() {
        let sender = Some(Sender { pid: 4711, uid: 33 });
        // Some are there to be refused.
        alerts.extend(factory.take(&datagram, sender, false).ok());
    }
    alerts
}

fn logged(recording: &Path) -> Vec<unified2::Logged> {
    let path = recording.with_file_name("unified2.log.gz");
    let Ok(file) = fs::File::open(path) else { return Vec::new() };
    let mut log = Vec::new();
    flate2::read::MultiGzDecoder::new(file).read_to_end(&mut log).unwrap();
    let (mut assembler, mut rest, mut logged) = (Assembler::default(), &*log, Vec::new());
    while let Ok(Some((record, length))) = unified2::read(rest) {
        logged.extend(assembler.take(&record));
        rest = &rest[length..];
    }
    logged.extend(assembler.finish());
    logged
}

/// That both ways give the same for these alerts.
#[track_caller]
fn gives_the_same<'a>(script: &str, alerts: impl Iterator<Item = &'a Arc<Alert>>) {
    let mut native = Filter::compile(script).unwrap();
    let mut engine = Filter::compile(script).unwrap().by_engine();
    for alert in alerts {
        assert!(native.passes_natively(alert).is_some(), "{script} needs the engine");
        assert_eq!(native.passes(alert), engine.passes(alert), "{script} for {alert:?}");
        assert_eq!(native.unknown(), engine.unknown(), "{script} for {alert:?}");
    }
}

/// A literal for each of some values of a field, and parts of texts.
fn literals(field: &Field) -> Vec<String> {
    let mut all = BTreeSet::new();
    for alert in RECORDED.iter().step_by(23) {
        let value = field.get(alert);
        if let Ok(number) = value.as_int() {
            all.extend([number - 1, number, number + 1].map(|number| number.to_string()));
        } else if let Some(text) = text_of(&value).filter(|text| !text.contains(['"', '\\', '\n']))
        {
            let letters: Vec<char> = text.chars().collect();
            let part = |from: usize, to: usize| letters[from..to].iter().collect::<String>();
            let (half, len) = (letters.len() / 2, letters.len());
            let texts = [part(0, half), part(half, len), part(half / 2, half), text.to_uppercase()];
            let texts = texts.into_iter().chain([text.to_lowercase(), text.clone(), text + "x"]);
            all.extend(texts.map(|text| format!("\"{text}\"")));
        }
    }
    all.into_iter().collect()
}

fn text_of(value: &Dynamic) -> Option<String> {
    let word = value.read_lock::<crate::script::caseless::Word>().map(|word| word.0.to_string());
    word.or_else(|| value.clone().into_string().ok())
}

const OPERATORS: [&str; 6] = ["==", "!=", "<", "<=", ">", ">="];

/// Conditions on one field.
fn leaves(of: &'static str, field: &'static Field) -> BoxedStrategy<String> {
    let name = format!("{of}.{}", field.name);
    let mut known = literals(field);
    match field.read {
        Read::Number(_) => known.extend(["0", "-1", "80", "4294967295"].map(str::to_owned)),
        Read::Text(_) | Read::Word(_) | Read::Time(_) => {
            known.extend(["\"\"", "\"a\"", "\"é\""].map(str::to_owned));
        }
        Read::Protocol(_) => known.extend(["\"tcp\"", "\"Udp\"", "255", "61"].map(str::to_owned)),
        Read::Address(_) => known.extend(["\"10.0.0.1\"", "\"::1\""].map(str::to_owned)),
        Read::Bytes(_) => known.extend(["\"GET\"", "\"\"", "\"é\""].map(str::to_owned)),
        Read::Truth(_) => known.extend(["true", "false"].map(str::to_owned)),
        Read::Other(_) => return Just("true".to_owned()).boxed(),
    }
    let literal = select(known);
    let compared = (select(&OPERATORS[..]), literal.clone(), any::<bool>());
    let compared = {
        let name = name.clone();
        compared.prop_map(move |(op, literal, is_first)| {
            if is_first {
                format!("{name} {op} {literal}")
            } else {
                format!("{literal} {op} {name}")
            }
        })
    };
    let list = prop::collection::vec(literal.clone(), 1..4).prop_map(|all| all.join(", "));
    let among = {
        let name = name.clone();
        (list, select(&["in", "!in"][..]))
            .prop_map(move |(list, op)| format!("{name} {op} [{list}]"))
    };
    let unknown = {
        let name = name.clone();
        select(&["==", "!="][..]).prop_map(move |op| format!("{name} {op} ()"))
    };
    let special = special(&name, field, literal);
    match field.read {
        Read::Bytes(_) | Read::Truth(_) => prop_oneof![1 => unknown, 4 => special].boxed(),
        Read::Time(_) => prop_oneof![4 => compared, 1 => unknown].boxed(),
        _ => prop_oneof![4 => compared, 2 => among, 1 => unknown, 4 => special].boxed(),
    }
}

/// What can be asked of fields of this kind only.
fn special(
    name: &str,
    field: &Field,
    literal: impl Strategy<Value = String> + Clone + 'static,
) -> BoxedStrategy<String> {
    let name = name.to_owned();
    match field.read {
        Read::Number(_) => {
            let ends = (-1_i64..70_000, 0_i64..5_000_000, any::<bool>());
            let within = name.clone();
            let range = ends.prop_map(move |(first, more, is_whole)| {
                let op = if is_whole { "..=" } else { ".." };
                format!("{within} in {first}{op}{}", first + more)
            });
            let numbers = numbers();
            let fields = (select(&OPERATORS[..]), select(numbers))
                .prop_map(move |(op, other)| format!("{name} {op} {other}"));
            prop_oneof![range, fields].boxed()
        }
        Read::Text(_) | Read::Word(_) => {
            let methods = select(&["contains", "starts_with", "ends_with"][..]);
            let asked = name.clone();
            let method =
                (methods, literal.clone(), 0..3).prop_map(move |(method, part, how)| match how {
                    0 => format!("{method}({asked}, {part})"),
                    1 if method == "contains" => format!("{part} in {asked}"),
                    _ => format!("{asked}.{method}({part})"),
                });
            let part_of = literal.prop_map(move |whole| format!("{name} in {whole}"));
            prop_oneof![3 => method, 1 => part_of].boxed()
        }
        Read::Address(_) => (literal, select(&["", "/8", "/24", "/0"][..]), 0..3)
            .prop_map(move |(ip, bits, how)| {
                let network = format!("{}{bits}\"", ip.trim_end_matches('"'));
                match how {
                    0 => format!("ip_in({name}, {network})"),
                    1 => format!("{name}.ip_in({network})"),
                    _ => format!("!ip_in({name}, [{network}, \"2001:db8::/32\"])"),
                }
            })
            .boxed(),
        Read::Bytes(_) => literal
            .prop_map(move |part| format!("{name}.contains({part}) || {part} in {name}"))
            .boxed(),
        Read::Truth(_) => (select(&OPERATORS[..]), literal, any::<bool>())
            .prop_map(
                move |(op, literal, is_alone)| {
                    if is_alone { name.clone() } else { format!("{name} {op} {literal}") }
                },
            )
            .boxed(),
        _ => select(&["true", "false"][..]).prop_map(str::to_owned).boxed(),
    }
}

/// The fields that are numbers.
fn numbers() -> Vec<String> {
    let is_number = |field: &&Field| matches!(field.read, Read::Number(_)) && field.name != "count";
    let names = |of: &'static str, fields: &'static [Field]| {
        fields.iter().filter(is_number).map(move |field| format!("{of}.{}", field.name))
    };
    names("msg", MSG).chain(names("alert", ALERT)).collect()
}

/// Filters of these leaves.
pub(crate) fn filters() -> impl Strategy<Value = String> {
    let fields = |of: &'static str, fields: &'static [Field]| {
        fields.iter().filter(|field| field.name != "count").map(move |field| leaves(of, field))
    };
    let all = fields("msg", MSG).chain(fields("alert", ALERT)).chain(fields("alert.message", MSG));
    let leaf = prop::strategy::Union::new(all);
    leaf.prop_recursive(3, 8, 3, |inner| {
        let several = || prop::collection::vec(inner.clone(), 2..4);
        let joined = |op: &'static str| {
            move |parts: Vec<String>| {
                parts.iter().map(|part| format!("({part})")).collect::<Vec<_>>().join(op)
            }
        };
        prop_oneof![
            several().prop_map(joined(" && ")),
            several().prop_map(joined(" || ")),
            inner.clone().prop_map(|part| format!("!({part})")),
        ]
    })
}

/// Runs a property in as many cases as `PROPTEST_CASES` says, or in 256.
#[test]
fn random_filters_give_the_same_natively_and_by_the_engine() {
    const STEP: usize = 29;
    let (mut refused, mut run, mut passed) = (0, 0, 0);
    let mut runner = prop::test_runner::TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let counts = std::cell::RefCell::new((&mut refused, &mut run, &mut passed));
    let result = runner.run(&(filters(), 0..STEP), |(script, from)| {
        let mut counts = counts.borrow_mut();
        let Ok(mut filter) = Filter::compile(&script) else {
            *counts.0 += 1;
            return Ok(());
        };
        let alerts = || RECORDED.iter().skip(from).step_by(STEP);
        gives_the_same(&script, alerts());
        *counts.1 += 1;
        *counts.2 += usize::from(alerts().any(|alert| filter.passes(alert) == Ok(true)));
        Ok(())
    });
    result.unwrap();
    println!("{run} filters, of which {passed} let alerts pass; {refused} were refused");
    assert!(run > refused && passed > run / 3, "{run} {passed} {refused}");
}

#[test]
fn each_kind_of_condition_gives_the_same_on_every_recorded_alert() {
    for script in [
        "msg.priority <= 2 && msg.sig_generator == 1",
        "alert.dst_port == 80 && ip_in(alert.src_ip, \"192.0.2.0/24\")",
        "alert.src_port < 1024 || alert.src_port !in [80, 443]",
        "!(alert.dst_port != 80)",
        "alert.dst_port in 1..1024 && alert.src_port in 1024..=65535",
        "alert.proto == \"tcp\" || alert.proto in [\"udp\", 255] || alert.proto > \"icm\"",
        "alert.proto != 255 && alert.proto != \"icmpv6\"",
        "alert.class.starts_with(\"WEB\") || alert.class == ()",
        "alert.class in [\"Misc-Activity\", \"web-application-attack\"]",
        "alert.action != \"Blocked\" && alert.source == \"UNIFIED2\"",
        "msg.msg.contains(\"e\") && !msg.msg.ends_with(\"g\") && msg.msg >= \"I\"",
        "alert.sensor in \"sensor 1, sensor 7\" || alert.thread == 2",
        "alert.payload.contains(\"GET\") || \"HTTP\" in msg.pkt || alert.inspected.contains(\"a\")",
        "alert.timestamp >= \"2026\" && alert.timestamp < \"2027-01-01T00:00:00.000000Z\"",
        "alert.src_ip != \"192.168.10.21\" && alert.dst_ip in [\"192.168.10.21\", \"10.0.0.1\"]",
        "alert.untrusted || alert.dissection_differs == true || !alert.untrusted",
        "alert.priority == msg.priority && msg.caplen != msg.pktlen",
        "alert.message.sig_id > 1000 && msg.event_id != ()",
        "false || !true || msg.ts_usec > 500000",
    ] {
        gives_the_same(script, RECORDED.iter());
    }
}

#[test]
fn what_may_fail_or_is_less_simple_is_left_to_the_engine() {
    let alert = alert();
    for script in [
        "alert.proto.contains(\"U\")",
        "alert.proto in 1..=20",
        "msg.priority < 2.5",
        "msg.priority + 1 == 3",
        "msg.msg == 'x' || true",
        "\"D\" == \"D\"",
        "1 == 1",
        "(alert.dst_port ?? 53) == 53",
        "alert.src_port in [(), 80] || true",
        "alert.src_port < ()",
        "text(alert.payload) == \"\"",
        "msg.msg.to_lower() == \"dns query\"",
        "msg.pkt.len() > 3",
        "20 in alert.vlan",
        "alert.layers.some(|layer| layer.name == \"UDP\")",
        "let p = alert.dst_port; p == 53",
        "fn low(port) { port < 1024 } low(alert.dst_port)",
        "if msg.priority == 2 { true } else { false }",
        "alert?.dst_port == 53",
        "[53, 80].contains(alert.dst_port)",
        "alert.sender == ()",
        "(alert.dst_port == 53) == true",
        "print(\"x\"); true",
    ] {
        let filter = Filter::compile(script).unwrap_or_else(|problem| panic!("{problem}"));
        assert_eq!(filter.passes_natively(&alert), None, "{script}");
    }
    let many = vec!["1"; 3_000].join(", ");
    let filter = Filter::compile(&format!("msg.priority in [{many}]")).unwrap();
    assert_eq!(filter.passes_natively(&alert), None, "too many for the engine's bounds");
}

#[test]
fn an_alert_above_the_engines_bounds_is_left_to_the_engine() {
    let mut large = Alert::clone(&alert());
    large.message.pkt = vec![b'x'; crate::script::engine::MAX_LIST + 1].into();
    let large = Arc::new(large);
    let script = "msg.pkt.contains(\"x\")";
    let mut filter = Filter::compile(script).unwrap();
    assert_eq!(filter.passes_natively(&large), None);
    let by_engine = Filter::compile(script).unwrap().by_engine().passes(&large);
    assert_eq!(filter.passes(&large), by_engine);
    assert!(by_engine.is_err(), "{by_engine:?}");
}
