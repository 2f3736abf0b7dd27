//! Policies and limits: when to stop, when to wait, how much to hold.
//!
//! This module depends on no other of the crate; queues, lanes and handlers depend on it.

use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

/// The default maximum of alerts in a batch.
pub const MAX_BATCH: usize = 512;

/// What an error in a handler or a datagram does to the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// The first error ends the program.
    #[default]
    Stop,
    /// The error is logged and counted, and the next alert is handled.
    GoOn,
}

/// What a lane does with a new alert when its queue is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// A source that can wait (a log or a recording) waits for room. From a socket, the new alert is
    /// dropped.
    #[default]
    AsSource,
    /// The new alert is dropped and counted; this is logged now and then.
    DropNewest,
    /// The source waits for room. From a socket this **blocks Snort**, which inspects no packets
    /// meanwhile.
    Wait,
}

/// Whether a source can wait for room for its alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SourceMode {
    /// It can't: Snort blocks while its socket is not read.
    Live,
    /// It can: the data stays in the log or recording.
    CanWait,
}

impl WhenFull {
    /// Whether the source waits for room.
    pub(crate) fn waits(self, mode: SourceMode) -> bool {
        match self {
            Self::AsSource => mode == SourceMode::CanWait,
            Self::DropNewest => false,
            Self::Wait => true,
        }
    }
}

/// No policy has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown policy {name:?}; known are drop-newest, wait")]
pub struct UnknownPolicy {
    /// The unknown name.
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
    /// The handler is called at once when this many alerts wait.
    pub enough: usize,
    /// The most alerts in one call.
    pub most: usize,
    /// If fewer than `enough` wait, how long to wait for more, from when the handler is free for the first.
    pub delay: Duration,
}

impl Default for BatchPolicy {
    /// All waiting alerts, at once.
    fn default() -> Self {
        Self { enough: 1, most: MAX_BATCH, delay: Duration::ZERO }
    }
}

/// The limits of a lane, and how it groups alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneSettings {
    /// The most alerts that wait or are being handled.
    pub max_alerts: usize,
    /// The most bytes of memory that these take.
    pub max_bytes: usize,
    /// What happens to an alert that doesn't fit.
    pub when_full: WhenFull,
    /// Alerts of the same signature, source and priority within this time become one.
    pub group: Option<Duration>,
    /// The handler gets at most this many alerts (or groups) a minute; the others wait.
    pub per_minute: Option<NonZeroU32>,
    /// The handler gets at most this many alerts a minute; the others are left out and counted as
    /// muted.
    pub limit: Option<NonZeroU32>,
}

impl Default for LaneSettings {
    /// 65,536 alerts, 64 MiB, [`WhenFull::AsSource`], without grouping.
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
