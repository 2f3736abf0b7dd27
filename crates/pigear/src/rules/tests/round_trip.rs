use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::rules::statements::{StatementKind, statements};
use crate::rules::{Distance, Rule};

/// What a rule says, to be written in the syntax of either Snort.
#[derive(Clone, Debug)]
struct Spec {
    msg: Vec<u8>,
    contents: Vec<SpecContent>,
    reference: String,
    numbers: (u32, u32, u32, u32),
}

#[derive(Clone, Debug)]
struct SpecContent {
    bytes: Vec<u8>,
    is_negated: bool,
    nocase: bool,
    numbers: [Option<i32>; 4],
}

const MODIFIERS: [&str; 4] = ["offset", "depth", "distance", "within"];

prop_compose! {
    fn content()(
        bytes in vec(any::<u8>(), 0..20),
        is_negated in any::<bool>(),
        nocase in any::<bool>(),
        numbers in proptest::array::uniform4(option::of(-100_i32..1_000)),
    ) -> SpecContent {
        SpecContent { bytes, is_negated, nocase, numbers }
    }
}

prop_compose! {
    fn spec()(
        msg in vec(any::<u8>().prop_filter("one line", |byte| !b"\n".contains(byte)), 0..40),
        contents in vec(content(), 0..4),
        reference in "[a-z0-9./?=&()#-]{0,20}",
        numbers in any::<(u32, u32, u32, u32)>(),
    ) -> Spec {
        Spec { msg, contents, reference, numbers }
    }
}

/// The bytes of a content, partly as text.
fn written(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        match byte {
            b'"' | b'\\' | b'|' | b';' => {
                let _ = write!(text, "\\{}", char::from(*byte));
            }
            b' '..=b'~' => text.push(char::from(*byte)),
            _ => {
                let _ = write!(text, "|{byte:02X}|");
            }
        }
    }
    text
}

impl Spec {
    fn text(&self, is_snort3: bool) -> Vec<u8> {
        let mut text = b"alert tcp any any -> any any (msg:\"".to_vec();
        for &byte in &self.msg {
            if b"\"\\;:".contains(&byte) {
                text.push(b'\\');
            }
            text.push(byte);
        }
        text.extend(b"\"; ");
        for content in &self.contents {
            text.extend(content.text(is_snort3).into_bytes());
        }
        let (gid, sid, rev, priority) = self.numbers;
        let rest = format!(
            "reference:url,{}; gid:{gid}; sid:{sid}; rev:{rev}; priority:{priority};)",
            self.reference
        );
        text.extend(rest.into_bytes());
        text
    }
}

impl SpecContent {
    fn text(&self, is_snort3: bool) -> String {
        let mark = if self.is_negated { "!" } else { "" };
        let mut text = format!("content:{mark}\"{}\"", written(&self.bytes));
        let (before, between) = if is_snort3 { (",", " ") } else { ("; ", ":") };
        if self.nocase {
            let _ = write!(text, "{before}nocase");
        }
        for (name, number) in MODIFIERS.iter().zip(self.numbers) {
            if let Some(number) = number {
                let _ = write!(text, "{before}{name}{between}{number}");
            }
        }
        text + "; "
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(spec in spec(), is_snort3 in any::<bool>()) {
        let text = spec.text(is_snort3);
        let rule = Rule::parse(&text).unwrap();
        prop_assert_eq!(rule.msg.as_ref(), Some(&spec.msg));
        prop_assert_eq!((rule.gid, rule.sid), (spec.numbers.0, spec.numbers.1));
        prop_assert_eq!((rule.rev, rule.priority), (Some(spec.numbers.2), Some(spec.numbers.3)));
        let reference = (b"url".to_vec(), spec.reference.clone().into_bytes());
        prop_assert_eq!(&rule.references, &vec![reference]);
        prop_assert_eq!(rule.contents.len(), spec.contents.len());
        for (content, spec) in rule.contents.iter().zip(&spec.contents) {
            prop_assert_eq!(&content.bytes, &spec.bytes);
            prop_assert_eq!((content.is_negated, content.nocase), (spec.is_negated, spec.nocase));
            let numbers = [&content.offset, &content.depth, &content.distance, &content.within];
            let numbers = numbers.map(|number| number.as_ref().and_then(Distance::bytes));
            prop_assert_eq!(numbers, spec.numbers);
        }
        // In a file it is one statement, also on several lines.
        let all: Vec<_> = statements(&text).collect();
        prop_assert_eq!(all.len(), 1);
        prop_assert_eq!(&Rule::parse(&all[0].text).unwrap(), &rule);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in vec(any::<u8>(), 0..300)) {
        for statement in statements(&bytes) {
            let _ = Rule::parse(&statement.text);
        }
        let _ = Rule::parse(&bytes);
    }

    #[test]
    fn a_spoiled_rule_is_read_without_a_panic_and_hides_none(
        spec in spec(),
        is_snort3 in any::<bool>(),
        spoils in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        packet in vec(any::<u8>(), 0..200),
    ) {
        let mut text = spec.text(is_snort3);
        for (index, byte) in spoils {
            let index = index.index(text.len());
            text[index] = byte;
        }
        if let Ok(rule) = Rule::parse(&text) {
            let payload = 0..packet.len();
            for found in rule.find(&packet, payload) {
                let len = rule.contents[found.content].bytes.len();
                for range in found.ranges {
                    prop_assert!(range.end <= packet.len() && range.len() == len);
                }
            }
        }
        let is_continued = text.trim_ascii_end().ends_with(b"\\");
        text.extend(b"\nalert udp any any -> any any (sid:1234567;)");
        let last = statements(&text).last().unwrap();
        let hides = is_continued
            || text.windows(2).any(|pair| pair == b"/*")
            || text.starts_with(b"#begin");
        if !hides && last.kind == StatementKind::Rule {
            prop_assert!(last.text.starts_with(b"alert udp any any -> any any (sid:1234567;)"));
        }
    }

    #[test]
    fn a_content_is_found_where_it_was_put(
        before in vec(any::<u8>(), 0..50),
        bytes in vec(any::<u8>(), 1..10),
        after in vec(any::<u8>(), 0..50),
    ) {
        let text = format!("alert tcp (content:\"{}\"; sid:1;)", written(&bytes));
        let rule = Rule::parse(text.as_bytes()).unwrap();
        let packet = [&before[..], &bytes, &after].concat();
        let found = rule.find(&packet, 0..packet.len());
        prop_assert!(found[0].ranges.contains(&(before.len()..before.len() + bytes.len())));
        prop_assert!(found[0].ranges.iter().all(|range| packet[range.clone()] == bytes[..]));
        prop_assert!(found[0].ranges.is_sorted_by_key(|range| range.start));
    }
}
