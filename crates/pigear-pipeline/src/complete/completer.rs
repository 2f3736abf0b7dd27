use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pigear_alert::unified2::Logged;

use super::Completing;
use super::join::{Joined, Late};
use super::log::Log;
use crate::alert_factory::AlertFactory;
use crate::fanout::{Fanout, Flow, Intake};
use crate::source::unified2::{AlreadyHandled, Mark, PACKET_WAIT, Spool, Whole};
use crate::source::{Source, SourceError};
use crate::stop::Stop;

#[cfg(test)]
mod tests;

/// How often to look what has waited for too long.
const TICK: Duration = Duration::from_millis(20);
/// What was logged so shortly before the start may still come over the socket.
const JUST_NOW: Duration = Duration::from_secs(10);
/// When asked to stop: how long to wait for the sockets to be closed …
const DRAIN_TIMEOUT: Duration = Duration::from_millis(1200);
/// … and how much longer for what Snort still writes. Soon after that the lanes are closed.
const FINAL_READ_TIMEOUT: Duration = Duration::from_millis(500);

/// A little memory will do for handing alerts on.
const STACK: usize = 256 << 10;

/// Follows Snort's log, and completes the alerts that intakes leave with a [`Completing`].
///
/// Completing adds to what the socket brings, and never takes from it: while the log can't be read,
/// alerts that lack something go on as they are. It is said, and tried again.
pub struct Completer {
    log: Log,
    completing: Completing,
    known: AlreadyHandled,
    factory: AlertFactory,
    /// Whether what was logged before the start was read.
    is_live: bool,
    /// When the end of the log was first reached.
    first_end: Option<Instant>,
    /// Of that, what has a time before this needn't be waited for: seconds since 1970.
    old_before: u64,
    /// How far the log was read while events waited, and when none of these will wait any more.
    passed: Option<(Instant, Mark)>,
    /// How far the log was read, while alerts of which the events were read may still be on their way from
    /// intakes to the lanes.
    unsent: Option<Mark>,
    stop: Stop,
    /// Some of what was logged before the start is left to the next run: the bookmark stays before it.
    leaves_rest: bool,
}

impl Completer {
    /// Completes from the log at a path; see [`Spool::named`]. The bookmark is `bookmark`, or
    /// [beside it](Spool::bookmark). `known` is asked about events whose alert did not come over the
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
        let old_before = now.saturating_sub(JUST_NOW).as_secs();
        // An event that lacks its packet is still to find its alert.
        let log = Log::open(spool, bookmark, PACKET_WAIT.min(completing.wait() / 2));
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
            self.step(TICK, intake)?;
        }
        let deadline = Instant::now() + DRAIN_TIMEOUT;
        while self.completing.has_intakes() && Instant::now() < deadline {
            self.step(TICK, intake)?;
        }
        self.last_alerts(intake)
    }

    /// Reads what was written, for no longer than this if there is nothing, and hands on what that
    /// completes, and what has waited for too long. True at the end of what is written.
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
        // What can't be read now may still come.
        let is_all = at_end && follower.problem().is_none();
        let has_open_events = follower.has_open_events();
        self.take(events, intake)?;
        if is_all {
            // The last events of those may still wait for their packets, but not for longer.
            let ended = *self.first_end.get_or_insert_with(Instant::now);
            self.is_live |= !has_open_events || ended.elapsed() >= PACKET_WAIT;
        }
        if is_all {
            self.completing.forget_old(Instant::now());
        }
        ControlFlow::Continue(at_end)
    }

    /// Hands on what these events complete, and what has waited for too long.
    fn take(&mut self, events: Vec<Whole>, intake: &mut Intake<'_>) -> Flow {
        if self.is_live || events.is_empty() {
            self.take_events(events, intake)?;
        } else {
            self.take_backlog(events, intake)?;
        }
        let now = Instant::now();
        self.hand_on_expired(now, intake)?;
        self.note(now, intake);
        Flow::Continue(())
    }

    /// What was logged before the start waits for room in the lanes. What came over the socket doesn't
    /// wait for that: another thread hands it on meanwhile.
    fn take_backlog(&mut self, events: Vec<Whole>, intake: &Intake<'_>) -> Flow {
        let (completing, is_done) = (self.completing.clone(), AtomicBool::new(false));
        thread::scope(|scope| {
            let meanwhile = || {
                while !is_done.load(Ordering::Acquire) {
                    hand_on_expired_alerts(&completing, Instant::now(), intake);
                    thread::park_timeout(TICK);
                }
            };
            // Without another thread, it waits.
            let thread = thread::Builder::new().name("completer".to_owned());
            let thread = thread.stack_size(STACK).spawn_scoped(scope, meanwhile).ok();
            let _done = DoneWhenDropped { is_done: &is_done, thread };
            self.take_events(events, intake)
        })
    }

    fn take_events(&mut self, events: Vec<Whole>, intake: &Intake<'_>) -> Flow {
        for Whole { logged, .. } in events {
            let late = if self.is_old(&logged) { Late::Impossible } else { Late::Possible };
            match self.completing.event(logged, late, Instant::now()) {
                Joined::Completed(alert) => intake.completed(&alert)?,
                Joined::HandedOn | Joined::Held => {}
                Joined::Alone(event) => self.hand_on(*event, intake)?,
            }
        }
        Flow::Continue(())
    }

    /// Notes how far the log was read, once no event before that waits any more, and all alerts are sent.
    fn note(&mut self, now: Instant, intake: &Intake<'_>) {
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

    /// No more alerts come over the socket: reads what is written, waits a little for the events of
    /// those that there are, and hands on what is left. What was logged before this run can be read in
    /// the next.
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
            self.step(left.min(TICK), intake)?;
        }
        // A socket that is still open goes on without the log.
        self.completing.close();
        let now = Instant::now() + self.completing.wait();
        self.hand_on_expired(now, intake)?;
        self.note(now, intake);
        Flow::Continue(())
    }

    /// Whether an event was logged before this run, so that its alert can't come any more.
    fn is_old(&self, event: &Logged) -> bool {
        !self.is_live && u64::from(event.event.key.second) < self.old_before
    }

    fn hand_on_expired(&mut self, now: Instant, intake: &Intake<'_>) -> Flow {
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

    /// An event whose alert never came over the socket.
    fn hand_on(&mut self, event: Logged, intake: &Intake<'_>) -> Flow {
        if (self.known)(&event.event) {
            return Flow::Continue(());
        }
        if self.is_live {
            intake.missed(1);
            return intake.logged(event);
        }
        self.leaves_rest |= self.stop.is_requested();
        if self.leaves_rest { Flow::Continue(()) } else { intake.logged_patiently(event) }
    }
}

/// Hands on the alerts that still wait, however the completer ended.
struct ReleasedWhenDropped<'a> {
    completing: Completing,
    intake: Intake<'a>,
}

impl Drop for ReleasedWhenDropped<'_> {
    fn drop(&mut self) {
        self.completing.close();
        let all = Instant::now() + self.completing.wait();
        // Events stay in the log: the bookmark didn't move past them.
        hand_on_expired_alerts(&self.completing, all, &self.intake);
    }
}

/// For who doesn't end when there were enough.
fn hand_on_expired_alerts(completing: &Completing, now: Instant, intake: &Intake<'_>) {
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

    fn run(mut self: Box<Self>, fanout: &Fanout, stop: &Stop) -> Result<(), SourceError> {
        self.stop = stop.clone();
        let mut intake = fanout.intake(self.factory.clone());
        let _released = ReleasedWhenDropped {
            completing: self.completing.clone(),
            intake: fanout.intake(self.factory.clone()),
        };
        let worked = self.work(&mut intake, stop);
        if let Some(follower) = self.log.follower_mut() {
            // It was said why the bookmark can't be written.
            let _ = follower.end(&intake, stop);
        }
        worked.break_value().unwrap_or(Ok(()))
    }
}
