use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pigear_alert::unified2::Logged;

use super::Completing;
use super::join::{Joined, LateAlert};
use super::log::{Log, LogToFollow};
use crate::alert_factory::AlertFactory;
use crate::fanout::{Fanout, Flow, Intake};
use crate::source::unified2::{AlreadyHandled, CompleteEvent, Mark, PACKET_WAIT};
use crate::source::{Activity, Source, SourceError};
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

/// The stack size of the thread that delivers alerts while the log waits.
const STACK: usize = 256 << 10;

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
    /// When the end of the log was first reached.
    first_end: Option<Instant>,
    /// Events before this second (since 1970) need not be waited for, if they were logged before the start.
    old_before: u64,
    /// How far the log was read while events waited, and when the last of these waits is over.
    passed: Option<(Instant, Mark)>,
    /// How far the log was read, while alerts of which the events were read may still be on their way from
    /// intakes to the lanes.
    unsent: Option<Mark>,
    stop: Stop,
    /// Some of what was logged before the start is left to the next run: the bookmark stays before it.
    leaves_rest: bool,
}

impl Completer {
    /// Completes from a log. `known` is asked about events whose alert did not arrive over the socket in this
    /// run.
    #[must_use]
    pub fn new(
        log: LogToFollow,
        completing: Completing,
        known: AlreadyHandled,
        factory: AlertFactory,
    ) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let old_before = now.saturating_sub(START_OVERLAP).as_secs();
        // An event without its packet can still be joined with its alert.
        let log = Log::open(log, PACKET_WAIT.min(completing.wait() / 2));
        let is_live = log.follower().is_some_and(|follower| !follower.has_backlog());
        let (first_end, passed, unsent, stop, leaves_rest) = Default::default();
        Self {
            log,
            completing,
            known,
            factory,
            is_live,
            first_end,
            old_before,
            passed,
            unsent,
            stop,
            leaves_rest,
        }
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
            thread::sleep(longest);
            self.take(Vec::new(), intake)?;
            return ControlFlow::Continue(true);
        };
        let mut events = Vec::new();
        let at_end = follower.read(longest, &mut events, intake);
        // An unreadable file may become readable.
        let is_all = at_end && follower.problem().is_none();
        let has_open_events = follower.has_open_events();
        self.take(events, intake)?;
        if is_all {
            // The last events of those may still wait for their packets, but not for longer.
            let ended = *self.first_end.get_or_insert_with(Instant::now);
            self.is_live |= !has_open_events || ended.elapsed() >= PACKET_WAIT;
        }
        if is_all {
            self.completing.prune(Instant::now());
        }
        ControlFlow::Continue(at_end)
    }

    /// Delivers what these events complete, and entries whose wait is over.
    fn take(&mut self, events: Vec<CompleteEvent>, intake: &mut Intake<'_>) -> Flow {
        if self.is_live || events.is_empty() {
            self.take_events(events, intake)?;
        } else {
            self.take_backlog(events, intake)?;
        }
        let now = Instant::now();
        self.deliver_expired(now, intake)?;
        self.note(now, intake);
        Flow::Continue(())
    }

    /// Events that were logged before the start wait for room in the lanes. Alerts that came over the
    /// socket don't: another thread delivers them meanwhile.
    fn take_backlog(&mut self, events: Vec<CompleteEvent>, intake: &Intake<'_>) -> Flow {
        let (completing, is_done) = (self.completing.clone(), AtomicBool::new(false));
        thread::scope(|scope| {
            let meanwhile = || {
                while !is_done.load(Ordering::Acquire) {
                    deliver_expired_alerts(&completing, Instant::now(), intake);
                    thread::park_timeout(POLL_INTERVAL);
                }
            };
            // Without another thread, they wait.
            let thread = thread::Builder::new().name("completer".to_owned());
            let thread = thread.stack_size(STACK).spawn_scoped(scope, meanwhile).ok();
            let _done = DoneWhenDropped { is_done: &is_done, thread };
            self.take_events(events, intake)
        })
    }

    fn take_events(&mut self, events: Vec<CompleteEvent>, intake: &Intake<'_>) -> Flow {
        for CompleteEvent { logged, .. } in events {
            let late =
                if self.is_old(&logged) { LateAlert::Impossible } else { LateAlert::Possible };
            match self.completing.event(logged, late, Instant::now()) {
                Joined::Completed(alert) => intake.completed(&alert)?,
                Joined::Delivered | Joined::Waiting => {}
                Joined::Unmatched(event) => self.deliver(*event, intake)?,
            }
        }
        Flow::Continue(())
    }

    /// Moves the bookmark once no event before it waits, and all alerts are sent.
    fn note(&mut self, now: Instant, intake: &Intake<'_>) {
        self.log.note_files();
        self.note_unsent(intake);
        if self.unsent.is_none()
            && !self.leaves_rest
            && let Some(mark) = self.passed_mark(now)
        {
            self.unsent = Some(mark);
            self.completing.in_hand().begin_era();
            self.note_unsent(intake);
        }
        if let Some(follower) = self.log.follower_mut() {
            follower.settle(intake);
        }
    }

    fn note_unsent(&mut self, intake: &Intake<'_>) {
        if self.completing.in_hand().is_last_era_over()
            && let Some(follower) = self.log.follower_mut()
        {
            follower.note(self.unsent.take(), intake);
        }
    }

    /// How far the log was read, if no event before that waits.
    fn passed_mark(&mut self, now: Instant) -> Option<Mark> {
        let follower = self.log.follower()?;
        if !self.completing.has_events() {
            self.passed = None;
            return follower.mark();
        }
        let passed = self.passed.take_if(|(due, _)| *due <= now);
        if self.passed.is_none() && passed.is_none() {
            let due = now + self.completing.wait();
            self.passed = follower.mark().map(|mark| (due, mark));
        }
        passed.map(|(_, mark)| mark)
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
        // A socket that is still open goes on without the log.
        self.completing.close();
        let now = Instant::now() + self.completing.wait();
        self.deliver_expired(now, intake)?;
        self.note(now, intake);
        Flow::Continue(())
    }

    /// Whether an event was logged before this run, so that its alert can't arrive any more.
    fn is_old(&self, event: &Logged) -> bool {
        !self.is_live && u64::from(event.event.key.second) < self.old_before
    }

    fn deliver_expired(&mut self, now: Instant, intake: &Intake<'_>) -> Flow {
        loop {
            let expired = self.completing.expired(now);
            if !expired.alerts.is_empty() {
                self.log.warn_if_missing();
            }
            for alert in expired.alerts {
                intake.incomplete(&alert)?;
            }
            for event in expired.events {
                self.deliver(event, intake)?;
            }
            if !expired.may_be_more {
                return Flow::Continue(());
            }
        }
    }

    /// Delivers an event whose alert never arrived over the socket.
    fn deliver(&mut self, event: Logged, intake: &Intake<'_>) -> Flow {
        if (self.known)(&event.event) {
            return Flow::Continue(());
        }
        if self.is_live {
            intake.missed(1);
            return intake.logged(event);
        }
        self.leaves_rest |= self.stop.is_requested();
        if self.leaves_rest { Flow::Continue(()) } else { intake.logged_can_wait(event) }
    }
}

/// Delivers the alerts that still wait, however the completer ended.
struct ReleasedWhenDropped<'a> {
    completing: Completing,
    intake: Intake<'a>,
}

impl Drop for ReleasedWhenDropped<'_> {
    fn drop(&mut self) {
        self.completing.close();
        let all = Instant::now() + self.completing.wait();
        // Events stay in the log: the bookmark didn't move past them.
        deliver_expired_alerts(&self.completing, all, &self.intake);
    }
}

/// For callers that don't end at the limit.
fn deliver_expired_alerts(completing: &Completing, now: Instant, intake: &Intake<'_>) {
    loop {
        let expired = completing.expired_alerts(now);
        for alert in expired.alerts {
            let _ = intake.incomplete(&alert);
        }
        if !expired.may_be_more {
            return;
        }
    }
}

/// Ends a thread, also when this one panics.
struct DoneWhenDropped<'a, 'scope> {
    is_done: &'a AtomicBool,
    thread: Option<ScopedJoinHandle<'scope, ()>>,
}

impl Drop for DoneWhenDropped<'_, '_> {
    fn drop(&mut self) {
        self.is_done.store(true, Ordering::Release);
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Source for Completer {
    fn name(&self) -> String {
        self.log.path().display().to_string()
    }

    fn activity(&self) -> Activity {
        if self.log.is_there() { Activity::Completing } else { Activity::WaitingForLog }
    }

    fn run(mut self: Box<Self>, fanout: &Fanout, stop: &Stop) -> Result<(), SourceError> {
        self.stop = stop.clone();
        let mut intake = fanout.intake(self.factory.clone());
        let _released = ReleasedWhenDropped {
            completing: self.completing.clone(),
            intake: fanout.intake(self.factory.clone()),
        };
        let worked = self.work(&mut intake, stop);
        if let Some(follower) = self.log.follower_mut() {
            // The bookmark's writer logs its errors.
            let _ = follower.end(&intake, stop);
        }
        worked.break_value().unwrap_or(Ok(()))
    }
}
