use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pigear_alert::unified2::Logged;

use super::Completing;
use super::join::{Joined, LateAlert};
use super::log::Log;
use crate::alert_factory::AlertFactory;
use crate::fanout::{Fanout, Flow, Intake};
use crate::source::unified2::{AlreadyHandled, CompleteEvent, Mark, PACKET_WAIT, Spool};
use crate::source::{Source, SourceError};
use crate::stop::Stop;

#[cfg(test)]
mod tests;

/// How often to check for entries whose wait is over.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// Alerts logged within this time before the start may still arrive over the socket.
const START_OVERLAP: Duration = Duration::from_secs(10);
/// When asked to stop: how long to wait for the sockets to close …
const DRAIN_TIMEOUT: Duration = Duration::from_millis(1200);
/// … and how much longer for Snort's last log records. The lanes close soon after.
const FINAL_READ_TIMEOUT: Duration = Duration::from_millis(500);

/// Follows Snort's log, and completes the alerts that intakes leave in a [`Completing`].
///
/// Completing never costs an alert: while the log can't be read, incomplete alerts are delivered as
/// they are. The error is logged, and the log is tried again.
pub struct Completer {
    log: Log,
    completing: Completing,
    known: AlreadyHandled,
    factory: AlertFactory,
    /// Whether all records from before the start were read.
    is_live: bool,
    /// Events before this second (since 1970) need not be waited for, if they were logged before the start.
    old_before: u64,
    /// How far the log was read while events waited, and when the last of these waits is over.
    passed: Option<(Instant, Mark)>,
}

impl Completer {
    /// Completes from the log at a path; see [`Spool::named`]. The bookmark is `bookmark`, or
    /// [beside it](Spool::bookmark). `known` is asked about events whose alert did not arrive over the
    /// socket in this run.
    #[must_use]
    pub fn new(
        spool: Spool,
        bookmark: Option<PathBuf>,
        completing: Completing,
        known: AlreadyHandled,
        factory: AlertFactory,
    ) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let old_before = now.saturating_sub(START_OVERLAP).as_secs();
        // An event without its packet can still be joined with its alert.
        let log = Log::open(spool, bookmark, PACKET_WAIT.min(completing.wait() / 2));
        let is_live = log.follower().is_some_and(|follower| !follower.has_backlog());
        Self { log, completing, known, factory, is_live, old_before, passed: None }
    }

    fn work(&mut self, intake: &mut Intake<'_>, stop: &Stop) -> Flow {
        while !stop.is_requested() {
            self.step(POLL_INTERVAL, intake)?;
        }
        let deadline = Instant::now() + DRAIN_TIMEOUT;
        while self.completing.has_intakes() && Instant::now() < deadline {
            self.step(POLL_INTERVAL, intake)?;
        }
        self.last_alerts(intake)
    }

    /// Reads new records, waiting at most this long for some, and delivers what they complete, and
    /// entries whose wait is over. True at the end of the log.
    fn step(
        &mut self,
        longest: Duration,
        intake: &mut Intake<'_>,
    ) -> ControlFlow<Result<(), SourceError>, bool> {
        let Some(follower) = self.log.try_follower() else {
            std::thread::sleep(longest);
            self.take(Vec::new(), intake)?;
            return ControlFlow::Continue(true);
        };
        let mut events = Vec::new();
        let at_end = follower.read(longest, &mut events, intake);
        // An unreadable file may become readable.
        let is_all = at_end && follower.problem().is_none();
        self.take(events, intake)?;
        self.is_live |= is_all;
        if is_all {
            self.completing.prune(Instant::now());
        }
        ControlFlow::Continue(at_end)
    }

    /// Delivers what these events complete, and entries whose wait is over.
    fn take(&mut self, events: Vec<CompleteEvent>, intake: &mut Intake<'_>) -> Flow {
        for CompleteEvent { logged, .. } in events {
            let late =
                if self.is_old(&logged) { LateAlert::Impossible } else { LateAlert::Possible };
            match self.completing.event(logged, late, Instant::now()) {
                Joined::Completed(alert) => intake.completed(&alert)?,
                Joined::Delivered | Joined::Waiting => {}
                Joined::Unmatched(event) => self.hand_on(*event, intake)?,
            }
        }
        let now = Instant::now();
        self.hand_on_expired(now, intake)?;
        self.note(now, intake);
        Flow::Continue(())
    }

    /// Moves the bookmark once no event before it waits.
    fn note(&mut self, now: Instant, intake: &Intake<'_>) {
        let Some(follower) = self.log.follower_mut() else { return };
        if !self.completing.has_events() {
            self.passed = None;
            follower.note(follower.mark(), intake);
        } else if let Some((_, mark)) = self.passed.take_if(|(due, _)| *due <= now) {
            follower.note(Some(mark), intake);
        } else if self.passed.is_none() {
            let due = now + self.completing.wait();
            self.passed = follower.mark().map(|mark| (due, mark));
        }
        follower.settle(intake);
    }

    /// Called when no more alerts come over the socket. Reads the log to its end, waits briefly for the
    /// events of waiting alerts, and delivers the rest. Records from before this run are left for the
    /// next run.
    fn last_alerts(&mut self, intake: &mut Intake<'_>) -> Flow {
        let deadline = Instant::now() + FINAL_READ_TIMEOUT;
        while self.is_live && Instant::now() < deadline && !self.step(Duration::ZERO, intake)? {}
        let mut events = Vec::new();
        if let Some(follower) = self.log.follower_mut() {
            follower.finish(&mut events);
        }
        self.take(events, intake)?;
        while let Some(due) = self.completing.due().filter(|_| Instant::now() < deadline) {
            let left = due.min(deadline).saturating_duration_since(Instant::now());
            self.step(left.min(POLL_INTERVAL), intake)?;
        }
        let now = Instant::now() + self.completing.wait();
        self.hand_on_expired(now, intake)?;
        self.note(now, intake);
        Flow::Continue(())
    }

    /// Whether an event was logged before this run, so that its alert can't arrive any more.
    fn is_old(&self, event: &Logged) -> bool {
        !self.is_live && u64::from(event.event.key.second) < self.old_before
    }

    fn hand_on_expired(&mut self, now: Instant, intake: &mut Intake<'_>) -> Flow {
        loop {
            let expired = self.completing.expired(now);
            for alert in expired.alerts {
                intake.incomplete(&alert)?;
            }
            for event in expired.events {
                self.hand_on(event, intake)?;
            }
            if !expired.may_be_more {
                return Flow::Continue(());
            }
        }
    }

    /// Delivers an event whose alert never arrived over the socket.
    fn hand_on(&mut self, event: Logged, intake: &mut Intake<'_>) -> Flow {
        if (self.known)(&event.event) {
            return Flow::Continue(());
        }
        if self.is_live {
            intake.missed(1);
        }
        intake.logged(event)
    }
}

impl Source for Completer {
    fn name(&self) -> String {
        self.log.path().display().to_string()
    }

    fn run(mut self: Box<Self>, fanout: &Fanout, stop: &Stop) -> Result<(), SourceError> {
        let mut intake = fanout.intake(self.factory.clone());
        let worked = self.work(&mut intake, stop);
        if let Some(follower) = self.log.follower_mut() {
            // The bookmark's writer logs its errors.
            let _ = follower.end(&intake, stop);
        }
        worked.break_value().unwrap_or(Ok(()))
    }
}
