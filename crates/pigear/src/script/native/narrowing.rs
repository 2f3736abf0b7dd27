//! What of a condition the store's index can tell.

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::Native;
use super::condition::Condition;
use super::leaf::{AddressTest, Leaf, NumberTest, Question};
use super::operand::Operator;
use crate::network::Network;
use crate::store::{IndexedNumber, Narrowing, NativeCondition, SignatureTest};

/// The fields that all alerts of one signature in a store share. The class and the priority also depend on the
/// dialect.
const OF_SIGNATURES: [(&str, &str); 8] = [
    ("msg", "msg"),
    ("msg", "sig_generator"),
    ("msg", "sig_id"),
    ("msg", "classification"),
    ("msg", "priority"),
    ("alert", "priority"),
    ("alert", "class"),
    ("alert", "class_description"),
];

impl Native {
    /// The condition with what alerts that pass must meet. An alert from a socket or a log is never above the engine's
    /// limits.
    pub(in crate::script) fn for_searches(&self) -> NativeCondition {
        let native = self.clone();
        NativeCondition {
            narrowing: of(&self.condition, true),
            is_exact: is_exact(&self.condition, true),
            passes: Box::new(move |alert| native.can_take(alert).then(|| native.passes(alert))),
        }
    }
}

/// Whether the narrowing for this answer says all that the condition does, but for the dialect.
fn is_exact(condition: &Condition, answer: bool) -> bool {
    match condition {
        Condition::Not(part) => is_exact(part, !answer),
        Condition::All(parts) if answer => parts.iter().all(|part| is_exact(part, answer)),
        Condition::Any(parts) if !answer => parts.iter().all(|part| is_exact(part, answer)),
        Condition::Leaf(Leaf { question: Question::Time(_, test), .. }) => {
            test.span(answer).is_some()
        }
        other => {
            let mut is_of_signatures = true;
            other.each_leaf(&mut |leaf| is_of_signatures &= self::is_of_signatures(leaf));
            is_of_signatures
        }
    }
}

fn is_of_signatures(leaf: &Leaf) -> bool {
    leaf.fields().all(|field| OF_SIGNATURES.contains(&(field.of, field.field.name)))
}

/// What alerts must meet for which the condition has this answer.
fn of(condition: &Condition, answer: bool) -> Narrowing {
    let each = |parts: &[Condition]| parts.iter().map(|part| of(part, answer)).collect();
    match condition {
        Condition::Always(is_met) if *is_met == answer => Narrowing::Anything,
        Condition::Always(_) => Narrowing::Any(Vec::new()),
        Condition::Not(part) => of(part, !answer),
        Condition::All(parts) if answer => all(each(parts)),
        Condition::Any(parts) if !answer => all(each(parts)),
        Condition::All(parts) | Condition::Any(parts) => any(each(parts)),
        Condition::Leaf(leaf) => of_leaf(leaf, answer),
    }
}

/// What all of these say, with one test of signatures.
fn all(parts: Vec<Narrowing>) -> Narrowing {
    let parts = parts.into_iter().flat_map(|part| match part {
        Narrowing::All(parts) => parts,
        part => vec![part],
    });
    let parts = parts.collect();
    let (tests, mut rest) = apart(parts);
    rest.retain(|part| !matches!(part, Narrowing::Anything));
    if !tests.is_empty() {
        let sids = tests.iter().find_map(|test| test.sids.clone());
        let accepts: Box<dyn Fn(&_) -> _ + Send + Sync> =
            Box::new(move |alert| tests.iter().all(|test| (test.accepts)(alert)));
        rest.insert(0, Narrowing::Signature(SignatureTest { sids, accepts }));
    }
    match rest.len() {
        0 => Narrowing::Anything,
        1 => rest.remove(0),
        _ => Narrowing::All(rest),
    }
}

/// What one of these says, with one test of signatures.
fn any(parts: Vec<Narrowing>) -> Narrowing {
    let (tests, mut rest) = apart(parts);
    if rest.iter().any(|part| matches!(part, Narrowing::Anything)) {
        return Narrowing::Anything;
    }
    if !tests.is_empty() {
        let sids: Option<Vec<_>> = tests.iter().map(|test| test.sids.clone()).collect();
        let accepts: Box<dyn Fn(&_) -> _ + Send + Sync> =
            Box::new(move |alert| tests.iter().any(|test| (test.accepts)(alert)));
        let sids = sids.map(|sids| sids.concat());
        rest.insert(0, Narrowing::Signature(SignatureTest { sids, accepts }));
    }
    if rest.len() == 1 { rest.remove(0) } else { Narrowing::Any(rest) }
}

/// The tests of signatures, and the rest.
fn apart(parts: Vec<Narrowing>) -> (Vec<SignatureTest>, Vec<Narrowing>) {
    let (mut tests, mut rest) = (Vec::new(), Vec::new());
    for part in parts {
        match part {
            Narrowing::Signature(test) => tests.push(test),
            other => rest.push(other),
        }
    }
    (tests, rest)
}

fn of_leaf(leaf: &Leaf, answer: bool) -> Narrowing {
    if is_of_signatures(leaf) {
        let (sids, leaf) = (sids(leaf, answer), leaf.clone());
        let accepts: Box<dyn Fn(&_) -> _ + Send + Sync> =
            Box::new(move |alert| leaf.is_met(alert) == answer);
        return Narrowing::Signature(SignatureTest { sids, accepts });
    }
    match &leaf.question {
        Question::Address(_, test) => match (networks(test, answer), leaf.field.field.name) {
            (Some(networks), "src_ip") => Narrowing::Source(networks),
            (Some(networks), "dst_ip") => Narrowing::Destination(networks),
            _ => Narrowing::Anything,
        },
        Question::Time(_, test) => test.span(answer).map_or(Narrowing::Anything, Narrowing::Time),
        Question::Number(_, test) => of_number(leaf, test, answer).unwrap_or(Narrowing::Anything),
        Question::Bytes(_, part) if answer => Narrowing::Bytes(Arc::clone(part)),
        _ => Narrowing::Anything,
    }
}

/// The signature ids with this answer, if these are known.
fn sids(leaf: &Leaf, answer: bool) -> Option<Vec<u32>> {
    let Question::Number(_, test) = &leaf.question else { return None };
    let numbers = match (test, answer) {
        (NumberTest::Compare(Operator::Equal, number), true)
        | (NumberTest::Compare(Operator::NotEqual, number), false) => std::slice::from_ref(number),
        (NumberTest::Among(numbers), true) => numbers,
        _ => return None,
    };
    let is_id = (leaf.field.of, leaf.field.field.name) == ("msg", "sig_id");
    is_id.then(|| numbers.iter().filter_map(|number| u32::try_from(*number).ok()).collect())
}

/// What of a number the index can tell.
fn of_number(leaf: &Leaf, test: &NumberTest, answer: bool) -> Option<Narrowing> {
    // Only lengths are always known, and compared with something in any case.
    let (number, is_known) = match (leaf.field.of, leaf.field.field.name) {
        ("alert", "src_port") => (IndexedNumber::SourcePort, false),
        ("alert", "dst_port") => (IndexedNumber::DestinationPort, false),
        ("msg", "caplen") => (IndexedNumber::CapturedLength, true),
        ("msg", "pktlen") => (IndexedNumber::WireLength, true),
        _ => return None,
    };
    let test = if answer {
        test.clone()
    } else {
        match test {
            NumberTest::Compare(Operator::NotEqual, other) => {
                NumberTest::Compare(Operator::Equal, *other)
            }
            NumberTest::Compare(op, other) if is_known => NumberTest::Compare(op.negated(), *other),
            _ => return None,
        }
    };
    let within = |first: i64, last: i64| -> Option<RangeInclusive<u32>> {
        let last = u32::try_from(last.min(u32::MAX.into())).ok()?;
        u32::try_from(first.max(0)).ok().filter(|first| *first <= last).map(|first| first..=last)
    };
    let ranges: Vec<_> = match &test {
        NumberTest::Compare(op, other) => {
            let (first, last) = op.range(*other)?;
            within(first, last).into_iter().collect()
        }
        NumberTest::Among(all) => all.iter().filter_map(|one| within(*one, *one)).collect(),
        NumberTest::Within(first, last) => within(*first, *last).into_iter().collect(),
    };
    Some(Narrowing::Number(number, ranges))
}

/// The networks of the addresses with this answer, if it says so much.
fn networks(test: &AddressTest, answer: bool) -> Option<Vec<Network>> {
    match (test, answer) {
        (AddressTest::Compare(Operator::Equal, ip), true)
        | (AddressTest::Compare(Operator::NotEqual, ip), false) => Some(vec![(*ip).into()]),
        (AddressTest::Among(all), true) => Some(all.iter().map(|ip| (*ip).into()).collect()),
        (AddressTest::Within(networks), true) => Some(networks.to_vec()),
        _ => None,
    }
}
