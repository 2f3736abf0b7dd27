//! What is asked of one field.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use memchr::memmem::Finder;
use pigear_alert::Alert;
use pigear_alert::packet::IpProtocol;

use super::moment::TimeTest;
use super::operand::{Operator, UsedField};
use super::text::{Case, TextTest, order};
use crate::network::Network;
use crate::script::fields::Read;
use crate::script::unknown::UnknownField;

/// What is asked of a field, or of two.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    pub(super) question: Question,
    pub(super) field: UsedField,
    /// With which it is compared.
    pub(super) other: Option<UsedField>,
}

#[derive(Clone, Debug)]
pub(super) enum Question {
    Number(fn(&Alert) -> Option<i64>, NumberTest),
    Numbers([fn(&Alert) -> Option<i64>; 2], Operator),
    Text(fn(&Alert) -> Option<Cow<'_, str>>, TextTest),
    Word(fn(&Alert) -> Option<Cow<'_, str>>, TextTest),
    Protocol(fn(&Alert) -> Option<IpProtocol>, ProtocolTest),
    Address(fn(&Alert) -> Option<IpAddr>, AddressTest),
    /// Whether bytes contain others.
    Bytes(fn(&Alert) -> Option<&[u8]>, Arc<Finder<'static>>),
    Truth(fn(&Alert) -> bool, Operator, bool),
    Time(fn(&Alert) -> Timestamp, TimeTest),
    /// Whether its value is `()`, or is not.
    IsUnknown(bool),
}

#[derive(Clone, Debug)]
pub(super) enum NumberTest {
    Compare(Operator, i64),
    /// `in` a list, which is sorted.
    Among(Box<[i64]>),
    /// From one to another.
    Within(i64, i64),
}

/// What is asked of a protocol, which is a name without case, or a number.
#[derive(Clone, Debug)]
pub(super) enum ProtocolTest {
    Compare(Operator, ProtocolValue),
    Among(Box<[ProtocolValue]>),
}

#[derive(Clone, Debug)]
pub(super) enum ProtocolValue {
    Name(Box<str>),
    Number(i64),
}

#[derive(Clone, Debug)]
pub(super) enum AddressTest {
    Compare(Operator, IpAddr),
    Among(Box<[IpAddr]>),
    /// In one of these networks.
    Within(Box<[Network]>),
}

impl Leaf {
    /// The answer for an alert.
    pub(super) fn is_met(&self, alert: &Alert) -> bool {
        match &self.question {
            Question::Number(read, test) => test.is_true_of(read(alert)),
            Question::Numbers([one, other], op) => match (one(alert), other(alert)) {
                (Some(one), Some(other)) => op.holds(one.cmp(&other)),
                (None, None) => *op == Operator::Equal,
                _ => op.holds_between_types(),
            },
            Question::Text(read, test) => test.is_true_of(read(alert).as_deref(), Case::Matters),
            Question::Word(read, test) => test.is_true_of(read(alert).as_deref(), Case::Ignored),
            Question::Protocol(read, test) => test.is_true_of(read(alert)),
            Question::Address(read, test) => test.is_true_of(read(alert)),
            Question::Bytes(read, part) => {
                read(alert).is_some_and(|bytes| part.find(bytes).is_some())
            }
            Question::Truth(read, op, truth) => op.holds(read(alert).cmp(truth)),
            Question::Time(read, test) => test.is_true_of(read(alert)),
            Question::IsUnknown(answer) => is_known(self.field.field.read, alert) != *answer,
        }
    }

    /// The field that isn't known, unless this tests for it.
    pub(super) fn unknown(&self, alert: &Alert) -> Option<UnknownField> {
        if matches!(self.question, Question::IsUnknown(_)) {
            return None;
        }
        self.fields().find_map(|field| field.unknown(alert))
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = &UsedField> {
        std::iter::once(&self.field).chain(&self.other)
    }

    pub(super) fn reads_bytes(&self) -> bool {
        matches!(self.field.field.read, Read::Bytes(_))
    }
}

impl NumberTest {
    fn is_true_of(&self, number: Option<i64>) -> bool {
        match (self, number) {
            (Self::Compare(op, other), Some(number)) => op.holds(number.cmp(other)),
            (Self::Compare(op, _), None) => op.holds_between_types(),
            (Self::Among(all), Some(number)) => all.binary_search(&number).is_ok(),
            (Self::Within(first, last), Some(number)) => (*first..=*last).contains(&number),
            (_, None) => false,
        }
    }
}

impl ProtocolTest {
    fn is_true_of(&self, protocol: Option<IpProtocol>) -> bool {
        match (self, protocol) {
            (Self::Compare(op, value), Some(protocol)) => value.compare(*op, protocol),
            (Self::Compare(op, _), None) => op.holds_between_types(),
            (Self::Among(all), Some(protocol)) => {
                all.iter().any(|value| value.compare(Operator::Equal, protocol))
            }
            (Self::Among(_), None) => false,
        }
    }
}

impl ProtocolValue {
    fn compare(&self, op: Operator, protocol: IpProtocol) -> bool {
        match (protocol.name(), self) {
            (Some(name), Self::Name(other)) => match op {
                Operator::Equal => Case::Ignored.equal(name, other),
                Operator::NotEqual => !Case::Ignored.equal(name, other),
                _ => op.holds(order(name, other)),
            },
            (None, Self::Number(number)) => op.holds(i64::from(protocol.0).cmp(number)),
            _ => op.holds_between_types(),
        }
    }
}

impl AddressTest {
    fn is_true_of(&self, ip: Option<IpAddr>) -> bool {
        match (self, ip) {
            (Self::Compare(op, other), Some(ip)) => op.holds(ip.cmp(other)),
            (Self::Compare(op, _), None) => op.holds_between_types(),
            (Self::Among(all), Some(ip)) => all.contains(&ip),
            (Self::Within(networks), Some(ip)) => {
                networks.iter().any(|network| network.contains(ip))
            }
            (_, None) => false,
        }
    }
}

fn is_known(read: Read, alert: &Alert) -> bool {
    match read {
        Read::Number(read) => read(alert).is_some(),
        Read::Text(read) | Read::Word(read) => read(alert).is_some(),
        Read::Address(read) => read(alert).is_some(),
        Read::Protocol(read) => read(alert).is_some(),
        Read::Bytes(read) => read(alert).is_some(),
        Read::Truth(_) | Read::Time(_) | Read::Other(_) => true,
    }
}
