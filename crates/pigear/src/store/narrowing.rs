//! What a condition on alerts says that the index can tell.

use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use memchr::memmem::Finder;
use pigear_alert::Alert;

use crate::network::Network;

/// A condition that needs no engine, as searches use it.
pub(crate) struct NativeCondition {
    /// What the index can tell of it.
    pub(crate) narrowing: Narrowing,
    /// Whether the narrowing says all of it, unless the dialect matters, too.
    #[cfg_attr(not(feature = "script"), expect(dead_code, reason = "filters have conditions"))]
    pub(crate) is_exact: bool,
    /// Whether an alert meets it; `None` if only the engine can tell.
    pub(crate) passes: NativeTest,
}

/// A condition on alerts that any thread may ask.
pub(crate) type NativeTest = Box<dyn Fn(&Alert) -> Option<bool> + Send + Sync>;

impl NativeCondition {
    /// Both conditions must be met.
    #[cfg(feature = "script")]
    pub(super) fn and(self, other: Self) -> Self {
        let [one, another] = [self.passes, other.passes];
        Self {
            narrowing: Narrowing::All(
                self.narrowing.into_parts().chain(other.narrowing.into_parts()).collect(),
            ),
            is_exact: self.is_exact && other.is_exact,
            passes: Box::new(move |alert| match (one(alert), another(alert)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            }),
        }
    }

    /// This condition must be met, and others that need the engine.
    #[cfg(feature = "script")]
    pub(super) fn among_others(self) -> Self {
        let passes = self.passes;
        Self {
            narrowing: self.narrowing,
            is_exact: false,
            passes: Box::new(move |alert| passes(alert).filter(|passes| !passes)),
        }
    }

    /// What must be met, all of it.
    pub(super) fn parts(&self) -> &[Narrowing] {
        match &self.narrowing {
            Narrowing::All(parts) => parts,
            one => std::slice::from_ref(one),
        }
    }
}

/// What alerts must meet to be wanted, as far as the index can tell: more alerts may meet it, never fewer.
#[cfg_attr(not(feature = "script"), expect(dead_code, reason = "filters have conditions"))]
pub(crate) enum Narrowing {
    /// Any alert may be wanted.
    Anything,
    /// All of these must be met.
    All(Vec<Self>),
    /// One of these must be met.
    Any(Vec<Self>),
    /// The signature must meet this.
    Signature(SignatureTest),
    /// The source must be in one of these networks.
    Source(Vec<Network>),
    /// The destination must be in one of these networks.
    Destination(Vec<Network>),
    /// The number must be within one of these ranges.
    Number(IndexedNumber, Vec<RangeInclusive<u32>>),
    /// The time must be within this span, in microseconds since 1970.
    Time(Range<i64>),
    /// The packet, or the part of a stream that Snort inspected, must contain these bytes.
    Bytes(Arc<Finder<'static>>),
}

/// A number of alerts that the index has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "script"), expect(dead_code, reason = "filters have conditions"))]
pub(crate) enum IndexedNumber {
    SourcePort,
    DestinationPort,
    /// The bytes of the packet that were captured.
    CapturedLength,
    /// The bytes of the packet on the wire.
    WireLength,
}

impl Narrowing {
    /// Whether it says anything of bytes.
    pub(super) fn is_of_bytes(&self) -> bool {
        match self {
            Self::Bytes(_) => true,
            Self::All(parts) => parts.iter().any(Self::is_of_bytes),
            Self::Any(parts) => parts.iter().all(Self::is_of_bytes),
            _ => false,
        }
    }

    /// Whether an alert with this record may be wanted, by the bytes of its packet and of what Snort inspected, which
    /// are in the record as they are.
    pub(super) fn may_have(&self, record: &[u8]) -> bool {
        match self {
            Self::Bytes(finder) => finder.find(record).is_some(),
            Self::All(parts) => parts.iter().all(|part| part.may_have(record)),
            Self::Any(parts) => parts.iter().any(|part| part.may_have(record)),
            _ => true,
        }
    }
}

#[cfg(feature = "script")]
impl Narrowing {
    fn into_parts(self) -> impl Iterator<Item = Self> {
        let parts = match self {
            Self::All(parts) => parts,
            one => vec![one],
        };
        parts.into_iter()
    }
}

/// A condition on signatures.
pub(crate) struct SignatureTest {
    /// The signature ids that may meet it; `None` for all.
    pub(crate) sids: Option<Vec<u32>>,
    /// Whether an alert with only a signature may be wanted.
    pub(crate) accepts: Box<dyn Fn(&Alert) -> bool + Send + Sync>,
}
