//! What the index can tell of a condition, resolved for a store.

use std::cell::Cell;
use std::ops::{Range, RangeInclusive};

use pigear_alert::wire::Dialect;

use crate::network::Network;
use crate::store::error::StoreProblem;
use crate::store::id_hash::IdSet;
use crate::store::interned;
use crate::store::narrowing::{IndexedNumber, Narrowing, NativeCondition, SignatureTest};
use crate::store::segment_index::{Blocks, IndexReader, Key, KeyKind};

/// The most networks, or ranges of numbers, that are looked up one after the other.
const MAX_LOOK_UPS: usize = 16;

/// What wanted alerts must meet.
pub(super) enum Narrowed {
    Anything,
    All(Vec<Self>),
    Any(Vec<Self>),
    Signature(SignatureSet),
    Address(KeyKind, Vec<Network>),
    Number(IndexedNumber, Vec<RangeInclusive<u32>>),
}

/// The ids of some signatures.
pub(super) struct SignatureSet {
    pub(super) ids: IdSet,
    /// From the least to the greatest; `None` if there are none.
    keys: Option<RangeInclusive<Key>>,
}

impl Narrowed {
    pub(super) fn of(
        narrowing: &Narrowing,
        dialects: &[Dialect],
        index: IndexReader<'_>,
    ) -> Result<Self, StoreProblem> {
        let each = |parts: &[Narrowing]| {
            let part = |part| Self::of(part, dialects, index);
            parts.iter().map(part).collect::<Result<_, StoreProblem>>()
        };
        Ok(match narrowing {
            // Of the time, the span is known; and bytes are searched for in each record.
            Narrowing::Anything | Narrowing::Time(_) | Narrowing::Bytes(_) => Self::Anything,
            Narrowing::All(parts) => Self::All(each(parts)?),
            Narrowing::Any(parts) => Self::Any(each(parts)?),
            Narrowing::Signature(test) => of_signatures(test, dialects, index)?,
            Narrowing::Source(networks) => Self::Address(KeyKind::Source, networks.clone()),
            Narrowing::Destination(networks) => {
                Self::Address(KeyKind::Destination, networks.clone())
            }
            Narrowing::Number(number, ranges) => Self::Number(*number, ranges.clone()),
        })
    }

    /// The signatures of wanted alerts; `None` for all. What the blocks need not be looked up for again is
    /// removed.
    pub(super) fn take_signatures(&mut self) -> Option<IdSet> {
        match self {
            Self::Signature(set) => {
                let ids = std::mem::take(&mut set.ids);
                *self = Self::Anything;
                Some(ids)
            }
            Self::All(parts) => {
                let found = parts.iter_mut().filter_map(Self::take_signatures);
                let common = |one: IdSet, other: IdSet| one.intersection(&other).copied().collect();
                found.reduce(common)
            }
            Self::Any(_) => self.signatures(),
            _ => None,
        }
    }

    fn signatures(&self) -> Option<IdSet> {
        match self {
            Self::Signature(set) => Some(set.ids.clone()),
            Self::All(parts) => parts
                .iter()
                .filter_map(Self::signatures)
                .reduce(|one, other| one.intersection(&other).copied().collect()),
            Self::Any(parts) => {
                let sets: Option<Vec<_>> = parts.iter().map(Self::signatures).collect();
                Some(sets?.into_iter().flatten().collect())
            }
            Self::Anything | Self::Address(..) | Self::Number(..) => None,
        }
    }

    /// The blocks of a segment that may have wanted alerts.
    pub(super) fn blocks(
        &self,
        index: IndexReader<'_>,
        segment: i64,
    ) -> Result<Blocks, StoreProblem> {
        match self {
            Self::Anything => Ok(Blocks::ALL),
            Self::All(parts) => {
                let mut blocks = Blocks::ALL;
                for part in parts {
                    blocks &= part.blocks(index, segment)?;
                }
                Ok(blocks)
            }
            Self::Any(parts) => {
                let mut blocks = Blocks::default();
                for part in parts {
                    blocks |= part.blocks(index, segment)?;
                }
                Ok(blocks)
            }
            Self::Signature(set) => set.blocks(index, segment),
            Self::Address(kind, networks) => {
                let mut blocks = Blocks::default();
                for several in spans(networks) {
                    blocks |= with_addresses(index, *kind, segment, several)?;
                }
                Ok(blocks)
            }
            Self::Number(number, ranges) => {
                let mut blocks = Blocks::default();
                for several in spans(ranges) {
                    blocks |= with_numbers(index, *number, segment, several)?;
                }
                Ok(blocks)
            }
        }
    }
}

/// The time of wanted alerts, in microseconds since 1970.
pub(super) fn span(narrowing: &Narrowing) -> Range<i64> {
    let all = i64::MIN..i64::MAX;
    match narrowing {
        Narrowing::Time(span) => span.clone(),
        Narrowing::All(parts) => parts
            .iter()
            .map(span)
            .fold(all, |one, other| one.start.max(other.start)..one.end.min(other.end)),
        Narrowing::Any(parts) => {
            let both = |one: Range<i64>, other: Range<i64>| {
                one.start.min(other.start)..one.end.max(other.end)
            };
            parts.iter().map(span).reduce(both).unwrap_or(all)
        }
        _ => all,
    }
}

fn of_signatures(
    test: &SignatureTest,
    dialects: &[Dialect],
    index: IndexReader<'_>,
) -> Result<Narrowed, StoreProblem> {
    let is_one_left_out = Cell::new(test.sids.is_some());
    let sids = test.sids.as_deref().unwrap_or_default();
    let ids = interned::signatures(index.connection, index.damage, sids, |signature| {
        let may_be = signature.examples(dialects).any(|alert| (test.accepts)(&alert));
        is_one_left_out.set(is_one_left_out.get() || !may_be);
        may_be
    })?;
    let is_narrow = is_one_left_out.get();
    Ok(if is_narrow { Narrowed::Signature(SignatureSet::new(ids)) } else { Narrowed::Anything })
}

/// Whether an alert's signature and time decide whether it meets the condition, in a store with these dialects.
pub(super) fn is_decided(
    native: &NativeCondition,
    dialects: &[Dialect],
    index: IndexReader<'_>,
) -> Result<bool, StoreProblem> {
    let mut is_decided = native.is_exact;
    for part in native.parts() {
        is_decided = is_decided
            && match part {
                Narrowing::Anything | Narrowing::Time(_) => true,
                Narrowing::Signature(test) => is_decided_by_signature(test, dialects, index)?,
                _ => false,
            };
    }
    Ok(is_decided)
}

fn is_decided_by_signature(
    test: &SignatureTest,
    dialects: &[Dialect],
    index: IndexReader<'_>,
) -> Result<bool, StoreProblem> {
    let sids = test.sids.as_deref().unwrap_or_default();
    let undecided = interned::signatures(index.connection, index.damage, sids, |signature| {
        let mut answers = signature.examples(dialects).map(|alert| (test.accepts)(&alert));
        answers.next().is_some_and(|one| answers.any(|other| other != one))
    })?;
    Ok(undecided.is_empty())
}

impl SignatureSet {
    pub(super) fn new(ids: IdSet) -> Self {
        let ends = ids.iter().min().zip(ids.iter().max());
        let keys = ends.map(|(a, b)| Key::signature(*a)..=Key::signature(*b));
        Self { ids, keys }
    }

    /// The blocks of a segment with alerts of these signatures.
    pub(super) fn blocks(
        &self,
        index: IndexReader<'_>,
        segment: i64,
    ) -> Result<Blocks, StoreProblem> {
        let Some(keys) = &self.keys else { return Ok(Blocks::default()) };
        let is_wanted = |key: Key| key.as_signature().is_some_and(|id| self.ids.contains(&id));
        index.look_up(KeyKind::Signature, segment, keys, is_wanted)
    }
}

/// The networks or ranges, each alone, or all at once if there are many.
fn spans<T>(all: &[T]) -> std::slice::Chunks<'_, T> {
    all.chunks(if all.len() > MAX_LOOK_UPS { all.len() } else { 1 })
}

/// The blocks of a segment with a number in one of some ranges.
pub(super) fn with_numbers(
    index: IndexReader<'_>,
    number: IndexedNumber,
    segment: i64,
    ranges: &[RangeInclusive<u32>],
) -> Result<Blocks, StoreProblem> {
    let kinds = match number {
        IndexedNumber::SourcePort => &[KeyKind::SourcePort][..],
        IndexedNumber::DestinationPort => &[KeyKind::DestinationPort],
        IndexedNumber::CapturedLength => &[KeyKind::CapturedLength],
        // Where it is the captured length, it has no key of its own.
        IndexedNumber::WireLength => &[KeyKind::WireLength, KeyKind::CapturedLength],
    };
    let mut blocks = Blocks::default();
    for kind in kinds {
        let of_range = |range: &RangeInclusive<u32>| {
            let last = kind.key(*range.end()).or_else(|| kind.key(u16::MAX.into()))?;
            kind.key(*range.start()).map(|first| first..=last)
        };
        let wanted: Vec<_> = ranges.iter().filter_map(of_range).collect();
        let first = wanted.iter().map(|keys| *keys.start()).min();
        let last = wanted.iter().map(|keys| *keys.end()).max();
        let Some((first, last)) = first.zip(last) else { continue };
        let is_wanted = |key: Key| wanted.iter().any(|keys| keys.contains(&key));
        blocks |= index.look_up(*kind, segment, &(first..=last), is_wanted)?;
    }
    Ok(blocks)
}

/// The blocks of a segment with an address in one of some networks.
pub(super) fn with_addresses(
    index: IndexReader<'_>,
    kind: KeyKind,
    segment: i64,
    networks: &[Network],
) -> Result<Blocks, StoreProblem> {
    let ends = || networks.iter().map(|network| network.ends());
    let first = ends().map(|(first, _)| Key::from(first)).min();
    let last = ends().map(|(_, last)| Key::from(last)).max();
    let Some((first, last)) = first.zip(last) else { return Ok(Blocks::default()) };
    let is_wanted = |key: Key| {
        key.as_ip().is_some_and(|ip| networks.iter().any(|network| network.contains(ip)))
    };
    index.look_up(kind, segment, &(first..=last), is_wanted)
}
