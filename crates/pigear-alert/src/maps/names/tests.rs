use super::*;

fn names() -> Names {
    let rules = "#v2\n1||1||1||misc-attack||2||cut here é and on||cve,2021-1||nobody,1||url,x.org\n\
        1||2||1||x||1||a\\; b \\\"c\\\" d\n119||1||1||x||1||http: from the rules\n";
    let generators =
        "1||3||rule\n116||1||decoder: not IPv4\n119||1||http: other\n119||2||http: two\n";
    Names {
        rules: SidMsgMap::parse(rules).value,
        generators: GenMsgMap::parse(generators).value,
        ..Names::default()
    }
}

fn message(generator: u32, sid: u32, sent: &[u8]) -> String {
    String::from_utf8_lossy(&names().message(generator, sid, sent)).into_owned()
}

#[test]
fn a_cut_message_is_completed() {
    assert_eq!(message(1, 1, b"cut here"), "cut here é and on");
    assert_eq!(message(3, 1, b"cut here"), "cut here é and on");
    assert_eq!(message(1, 1, "cut here é and on".as_bytes()), "cut here é and on");
}

#[test]
fn a_message_cut_within_a_letter_is_completed() {
    assert_eq!(message(1, 1, b"cut here \xc3"), "cut here é and on");
}

#[test]
fn an_empty_message_is_completed() {
    assert_eq!(message(1, 1, b""), "cut here é and on");
    assert_eq!(message(1, 9, b""), "");
}

#[test]
fn a_latin_1_message_is_completed() {
    assert_eq!(message(1, 1, b"cut here \xe9 an"), "cut here é and on");
    assert_eq!(*names().message(1, 1, b"cut here \xe8"), *b"cut here \xe8");
}

#[test]
fn a_message_that_the_map_does_not_begin_with_stays() {
    assert_eq!(message(1, 1, b"something else"), "something else");
    assert_eq!(message(1, 1, "cut here é and on and on".as_bytes()), "cut here é and on and on");
    assert_eq!(message(1, 9, b"unknown rule"), "unknown rule");
}

#[test]
fn a_map_with_a_rules_escapes_is_understood() {
    assert_eq!(message(1, 2, b"a; b \"c"), "a; b \"c\" d");
    assert_eq!(message(1, 2, b"a\\; b"), "a\\; b \\\"c\\\" d");
}

#[test]
fn other_generators_have_their_own_map() {
    assert_eq!(message(116, 1, b"decoder"), "decoder: not IPv4");
    assert_eq!(message(119, 1, b"http:"), "http: from the rules");
    assert_eq!(message(119, 1, b"http: o"), "http: other");
    assert_eq!(message(119, 2, b""), "http: two");
    assert_eq!(message(1, 3, b""), "");
}

#[test]
fn references_of_unknown_systems_are_shown_as_snort_does() {
    let names = names();
    let addresses: Vec<String> = names.references(3, 1).collect();
    assert_eq!(
        addresses,
        ["https://www.cve.org/CVERecord?id=CVE-2021-1", "nobody 1", "http://x.org"]
    );
    assert_eq!(names.rule(1, 1).map(|rule| rule.references().count()), Some(3));
    assert_eq!(names.references(1, 9).count(), 0);
}

#[test]
fn the_default_has_the_stock_lists() {
    let names = Names::default();
    assert_eq!(names.class(38).map(|class| &*class.name), Some("client-side-exploit"));
    assert!(names.references.prefix("msb").is_some());
    assert!(names.rules.is_empty() && names.generators.is_empty());
}

#[test]
fn what_was_looked_up_once_takes_the_place_of_all_else() {
    let class = Names::default().class(21).cloned();
    let references = vec!["https://x.org".to_owned()];
    let looked = Looked { message: b"whole"[..].into(), class: class.clone(), references };
    let names = Names::from(looked);
    assert_eq!(*names.message(1, 384, b"sent"), *b"whole");
    assert_eq!(names.class(7), class.as_ref());
    assert!(names.references(1, 384).eq(["https://x.org"]));
    assert_eq!(Names::from(Looked::default()).class(21), None);
}
