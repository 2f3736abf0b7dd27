//! How long a lane and its handler take, and whether they are there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use crate::latency::{Histogram, Latency};

/// How often a handler failed and tried again, or will. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Retries(Arc<AtomicU64>);

impl Retries {
    /// Counts a failure after which the handler itself tries again.
    pub fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// What is measured of a lane while it runs.
#[derive(Debug, Default)]
pub(crate) struct LaneTimes {
    /// From the receipt of an alert until the handler had processed it.
    pub(crate) handling: Histogram,
    /// Each call of the handler.
    pub(crate) delivery: Histogram,
    /// How often the handler said that it will try again.
    pub(crate) retries: Retries,
    phase: AtomicU8,
}

/// Whether a lane processes alerts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LanePhase {
    /// Its handler is being started.
    #[default]
    Starting,
    /// Its handler gets alerts.
    Open,
    /// It has ended by itself, or with the run.
    Ended,
    /// It was removed while the pipeline runs. It may still process what it has.
    Removed,
}

/// How long a lane and its handler take, at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct LaneTiming {
    /// From the receipt of an alert until the handler had processed it.
    pub handling: Latency,
    /// Each call of the handler, which processes or delivers one alert or several.
    pub delivery: Latency,
    /// How often the handler failed and alerts were to be tried again.
    pub retries: u64,
    /// Whether it processes alerts.
    pub phase: LanePhase,
}

impl LaneTimes {
    /// Nothing follows on its removal.
    pub(crate) fn enter(&self, phase: LanePhase) {
        self.phase.fetch_max(phase as u8, Ordering::Relaxed);
    }

    /// Adds what was measured of a lane that has ended.
    pub(crate) fn add(&self, last: &Self) {
        self.handling.add(&last.handling);
        self.delivery.add(&last.delivery);
        self.retries.0.fetch_add(last.retries.0.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> LaneTiming {
        let phase = match self.phase.load(Ordering::Relaxed) {
            0 => LanePhase::Starting,
            1 => LanePhase::Open,
            2 => LanePhase::Ended,
            _ => LanePhase::Removed,
        };
        LaneTiming {
            handling: self.handling.read(),
            delivery: self.delivery.read(),
            retries: self.retries.0.load(Ordering::Relaxed),
            phase,
        }
    }
}
