//! Whether the clock can be trusted to say how old alerts are.
//!
//! A clock that is wrong by years makes everything old at once. So the store remembers until when the time went
//! on as it should; if it has jumped ahead since, and what is too old by it is more than half of all there is,
//! nothing is removed by age until the clock is back, or somebody says that it is right.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use rusqlite::{Connection, OptionalExtension};

use super::meta;

/// A clock may be ahead of what was expected by so many seconds.
const TOLERANCE: i64 = 24 * 60 * 60;

/// The time that is remembered is written when it is older than this, in seconds.
const NOTE_AFTER: u64 = 60 * 60;

/// What the clocks say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    /// Seconds since 1970. It can be set.
    pub(super) wall: i64,
    /// Since the machine was started, also while it slept. It can't be set.
    pub(super) running: Duration,
}

impl Clock {
    pub(super) fn now() -> Self {
        let running = clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from);
        Self { wall: jiff::Timestamp::now().as_second(), running: running.unwrap_or_default() }
    }
}

/// Watches the clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClockWatch {
    /// The clock when it was last as expected.
    trusted: Clock,
    /// The time, and whether the clock has jumped, as they were written last.
    written: Option<(i64, bool)>,
    /// Whether it has jumped, and nothing is removed by age.
    jumped: bool,
    /// Whether that was said.
    pub(super) said: bool,
}

impl ClockWatch {
    /// What the store remembers; of a store that remembers nothing the newest alert tells.
    pub(super) fn load(connection: &Connection, now: Clock) -> rusqlite::Result<Self> {
        let newest = "SELECT received FROM block ORDER BY id DESC LIMIT 1";
        let newest = connection.query_row(newest, [], |row| row.get(0)).optional()?;
        let noted = meta::number(connection, "clock")?;
        let jumped = meta::number(connection, "clock_jumped")? == Some(1);
        let wall = noted.or(newest).unwrap_or(now.wall);
        let written = noted.map(|noted| (noted, jumped));
        Ok(Self { trusted: Clock { wall, ..now }, written, jumped, said: false })
    }

    /// What the clock should say.
    pub(super) fn expected(&self, now: Clock) -> i64 {
        let passed = now.running.saturating_sub(self.trusted.running).as_secs();
        self.trusted.wall.saturating_add_unsigned(passed)
    }

    /// Whether the clock can be trusted. `too_much` says whether what is to be removed by it is more than half of
    /// all, which is asked only if the clock is ahead.
    pub(super) fn is_right<E>(
        &mut self,
        now: Clock,
        too_much: impl FnOnce() -> Result<bool, E>,
    ) -> Result<bool, E> {
        let ahead = now.wall > self.expected(now).saturating_add(TOLERANCE);
        self.jumped = ahead && (self.jumped || too_much()?);
        if !self.jumped {
            self.trusted = now;
            self.said = false;
        }
        Ok(!self.jumped)
    }

    /// The user says that it is right.
    pub(super) fn trust(&mut self, now: Clock) {
        (self.trusted, self.jumped, self.said) = (now, false, false);
    }

    /// Whether it should be noted, since what was is old.
    pub(super) fn is_to_be_noted(&self, now: Clock) -> bool {
        self.written.is_none_or(|(written, jumped)| {
            jumped != self.jumped || written.abs_diff(self.expected(now)) > NOTE_AFTER
        })
    }

    pub(super) fn note(&mut self, connection: &Connection, now: Clock) -> rusqlite::Result<()> {
        let expected = self.expected(now);
        meta::set_number(connection, "clock", expected)?;
        meta::set_number(connection, "clock_jumped", self.jumped.into())?;
        self.written = Some((expected, self.jumped));
        Ok(())
    }
}
