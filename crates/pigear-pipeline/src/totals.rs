//! The fates of alerts, counted.

use serde::Serialize;

/// What happened to an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The handler processed it.
    Handled,
    /// It was dropped: there was no room, or no time left.
    Dropped,
    /// It failed: the handler refused it for good.
    Failed,
    /// A filter left it out.
    Filtered,
    /// A limit left it out.
    Muted,
}

/// The fates of some alerts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// The handler processed them.
    pub handled: u64,
    /// They were dropped: there was no room, or no time left.
    pub dropped: u64,
    /// They failed: the handler refused them for good.
    pub failed: u64,
    /// Filters left them out.
    pub filtered: u64,
    /// A limit left them out.
    pub muted: u64,
}

impl Totals {
    pub(crate) fn add(&mut self, fate: Fate, alerts: u64) {
        *match fate {
            Fate::Handled => &mut self.handled,
            Fate::Dropped => &mut self.dropped,
            Fate::Failed => &mut self.failed,
            Fate::Filtered => &mut self.filtered,
            Fate::Muted => &mut self.muted,
        } += alerts;
    }

    pub(crate) fn get(&self, fate: Fate) -> u64 {
        match fate {
            Fate::Handled => self.handled,
            Fate::Dropped => self.dropped,
            Fate::Failed => self.failed,
            Fate::Filtered => self.filtered,
            Fate::Muted => self.muted,
        }
    }

    /// How many alerts these are.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.handled + self.dropped + self.failed + self.filtered + self.muted
    }
}

impl std::ops::Sub for Totals {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            handled: self.handled - other.handled,
            dropped: self.dropped - other.dropped,
            failed: self.failed - other.failed,
            filtered: self.filtered - other.filtered,
            muted: self.muted - other.muted,
        }
    }
}

impl std::ops::Add for Totals {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            handled: self.handled + other.handled,
            dropped: self.dropped + other.dropped,
            failed: self.failed + other.failed,
            filtered: self.filtered + other.filtered,
            muted: self.muted + other.muted,
        }
    }
}
