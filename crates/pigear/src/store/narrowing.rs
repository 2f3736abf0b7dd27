//! What a condition on alerts says that the index can tell.

use std::ops::Range;

use pigear_alert::Alert;

use crate::network::Network;

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
    /// The time must be within this span, in microseconds since 1970.
    Time(Range<i64>),
}

/// A condition on signatures.
pub(crate) struct SignatureTest {
    /// The signature ids that may meet it; `None` for all.
    pub(crate) sids: Option<Vec<u32>>,
    /// Whether an alert with only a signature may be wanted.
    pub(crate) accepts: Box<dyn Fn(&Alert) -> bool>,
}
