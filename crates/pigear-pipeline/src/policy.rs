//! What is decided before anything runs: when to stop, when to wait, how much to hold.
//!
//! This file is the ground of the crate: queues, lanes and handlers all look down to it.

use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

/// A handler gets no more alerts than this at once, unless it asks for more.
pub const MAX_BATCH: usize = 512;

/// What an error does to the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// The first error stops everything.
    #[default]
    Stop,
    /// An error is logged and counted, and the next alert is handled.
    GoOn,
}

/// What a lane does with an alert that finds its queue full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// A source that can wait waits for room: a log or a recording. From a socket, the new alert is
    /// dropped.
    #[default]
    AsSource,
    /// The new alert is dropped and counted; a line is logged at powers of two.
    DropNewest,
    /// The source waits for room. From a socket this **holds up Snort**, which inspects no packets
    /// meanwhile.
    Wait,
}

/// Whether a source can wait until there is room for its alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// It can't: Snort stands still as long as nobody reads its socket.
    Live,
    /// It can: what is in a log or in a recording stays there.
    Patient,
}

impl WhenFull {
    /// Whether a source waits for room.
    pub(crate) fn waits(self, patience: Patience) -> bool {
        match self {
            Self::AsSource => patience == Patience::Patient,
            Self::DropNewest => false,
            Self::Wait => true,
        }
    }
}

/// No policy has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown policy {name:?}; known are drop-newest, wait")]
pub struct UnknownPolicy {
    /// The name that was asked for.
    pub name: String,
}

impl FromStr for WhenFull {
    type Err = UnknownPolicy;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "drop-newest" => Ok(Self::DropNewest),
            "wait" => Ok(Self::Wait),
            _ => Err(UnknownPolicy { name: name.to_owned() }),
        }
    }
}

/// How many alerts a lane collects before it calls its handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchPolicy {
    /// The handler is called at once when this many alerts are there.
    pub enough: usize,
    /// It gets no more than these at once.
    pub most: usize,
    /// Fewer than `enough` wait this long for more, counted from when the handler is free for the first.
    pub delay: Duration,
}

impl Default for BatchPolicy {
    /// Whatever there is, at once.
    fn default() -> Self {
        Self { enough: 1, most: MAX_BATCH, delay: Duration::ZERO }
    }
}

/// How much a lane holds, and what it does with alerts before its handler gets them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneSettings {
    /// Alerts that wait or are being handled, at most.
    pub max_alerts: usize,
    /// Bytes of memory that these take, at most.
    pub max_bytes: usize,
    /// What becomes of an alert that doesn't fit.
    pub when_full: WhenFull,
    /// Alerts of the same signature, source and priority within this time become one.
    pub group: Option<Duration>,
    /// The handler gets at most this many alerts (or groups) in any minute; the others wait.
    pub per_minute: Option<NonZeroU32>,
    /// The handler gets at most this many alerts in any minute; the others are left out and counted
    /// as muted.
    pub limit: Option<NonZeroU32>,
}

impl Default for LaneSettings {
    /// 65,536 alerts, 64 MiB, [`WhenFull::AsSource`], and every alert by itself.
    fn default() -> Self {
        Self {
            max_alerts: 65_536,
            max_bytes: 64 << 20,
            when_full: WhenFull::AsSource,
            group: None,
            per_minute: None,
            limit: None,
        }
    }
}
