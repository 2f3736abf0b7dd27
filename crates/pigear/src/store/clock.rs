//! Decides whether the clock can be trusted to tell the age of alerts.
//!
//! With a clock that is wrong by years, all alerts are too old. So the store remembers the time at which
//! the clock was last as expected. If it has jumped ahead since, and more than half of all alerts would
//! be too old, nothing is removed by age until the clock is back, or the user confirms it.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use rusqlite::{Connection, OptionalExtension};

use super::meta;

/// How far the clock may be ahead of the expected time, in seconds.
const TOLERANCE: i64 = 24 * 60 * 60;

/// The remembered time is written when it is older than this, in seconds.
const WRITE_INTERVAL: u64 = 60 * 60;

/// The readings of the clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    /// Seconds since 1970. This clock can be set.
    pub(super) wall: i64,
    /// Seconds since the start of the machine, including sleep. This clock can't be set.
    pub(super) running: Duration,
}

impl Clock {
    pub(super) fn now() -> Self {
        let running = clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from);
        Self { wall: jiff::Timestamp::now().as_second(), running: running.unwrap_or_default() }
    }
}

/// Watches the clock for jumps.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClockWatch {
    /// The readings when the clock was last as expected.
    trusted: Clock,
    /// The time, and whether the clock has jumped, as last written.
    written: Option<(i64, bool)>,
    /// Whether it has jumped, and nothing is removed by age.
    jumped: bool,
    /// Whether that was logged.
    pub(super) said: bool,
}

impl ClockWatch {
    /// The remembered state; without one, it is when the newest alert was stored.
    pub(super) fn load(connection: &Connection, now: Clock) -> rusqlite::Result<Self> {
        let newest = "SELECT stored FROM block ORDER BY id DESC LIMIT 1";
        let newest = connection.query_row(newest, [], |row| row.get(0)).optional()?;
        let noted = meta::number(connection, "clock")?;
        let jumped = meta::number(connection, "clock_jumped")? == Some(1);
        let wall = noted.or(newest).unwrap_or(now.wall);
        let written = noted.map(|noted| (noted, jumped));
        Ok(Self { trusted: Clock { wall, ..now }, written, jumped, said: false })
    }

    /// The expected time.
    pub(super) fn expected(&self, now: Clock) -> i64 {
        let passed = now.running.saturating_sub(self.trusted.running).as_secs();
        self.trusted.wall.saturating_add_unsigned(passed)
    }

    /// Whether the clock can be trusted. `too_much` tells whether more than half of all alerts would be
    /// removed; it is called only if the clock is ahead.
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

    /// The user has confirmed the clock.
    pub(super) fn trust(&mut self, now: Clock) {
        (self.trusted, self.jumped, self.said) = (now, false, false);
    }

    /// Whether the state should be written, because the written one is old.
    pub(super) fn is_to_be_noted(&self, now: Clock) -> bool {
        self.written.is_none_or(|(written, jumped)| {
            jumped != self.jumped || written.abs_diff(self.expected(now)) > WRITE_INTERVAL
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
