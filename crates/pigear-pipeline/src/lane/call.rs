//! One call of a handler, and the actions that its verdict demands.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use pigear_alert::Alert;
use tracing::{info, warn};

use super::handle::{Lane, LaneEnd};
use crate::backoff::Backoff;
use crate::deadline::Slept;
use crate::handler::{Failure, Handler, Progress, Refusal, Verdict};
use crate::notice::NOTICE;
use crate::policy::OnError;

/// The fates of the alerts of a call.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// This many are settled, from the first.
    pub(super) settled: usize,
    /// The positions of others that are settled, in order: all are behind one that isn't.
    pub(super) ahead: Vec<usize>,
    /// Which of the settled ones were refused, in order.
    pub(super) refused: Vec<Refusal>,
    /// All others are dropped for want of room.
    pub(super) no_room: bool,
    /// The lane ends here.
    pub(super) end: Option<Ended>,
}

/// Why a lane ends.
#[derive(Debug)]
pub(super) enum Ended {
    TimeUp,
    With(LaneEnd),
}

impl Outcome {
    fn settled(settled: usize) -> Self {
        Self { settled, ..Self::default() }
    }

    /// Of this many alerts the first ones are settled, and those at other positions.
    fn of(alerts: usize, settled: usize, mut ahead: Vec<usize>) -> Self {
        let mut settled = settled.min(alerts);
        ahead.retain(|index| (settled..alerts).contains(index));
        ahead.sort_unstable();
        ahead.dedup();
        let follow = ahead.iter().zip(settled..).take_while(|(index, next)| *index == next).count();
        ahead.drain(..follow);
        settled += follow;
        Self { settled, ahead, ..Self::default() }
    }

    /// The lane ends before the call.
    pub(super) fn of_end(end: Ended) -> Self {
        Self::default().ended(end)
    }

    fn ended(self, end: Ended) -> Self {
        Self { end: Some(end), ..self }
    }

    /// The position after the last settled alert.
    fn reach(&self) -> usize {
        self.ahead.last().map_or(self.settled, |last| last + 1)
    }

    /// Whether the alert at this position is settled.
    pub(super) fn has_settled(&self, index: usize) -> bool {
        index < self.settled || self.ahead.binary_search(&index).is_ok()
    }

    /// What is left of it once the fates of the first settled alerts were counted: of the alerts behind
    /// them.
    pub(super) fn behind(mut self) -> Self {
        let settled = std::mem::take(&mut self.settled);
        self.ahead.iter_mut().for_each(|index| *index -= settled);
        self.refused.retain(|refusal| refusal.index >= settled);
        self.refused.iter_mut().for_each(|refusal| refusal.index -= settled);
        self
    }
}

/// How long to wait at most before looking again for room: a disk costs nothing to ask, and alerts come meanwhile.
const LONGEST_FOR_ROOM: Duration = Duration::from_secs(2);

/// For what to wait before the next attempt.
#[derive(Clone, Copy)]
enum Wait {
    /// Until a fault has passed: for this long, if the handler knows.
    Asked(Option<Duration>),
    /// Until there is room.
    ForRoom,
}

/// Calls a handler, and catches its panics.
pub(super) struct Caller {
    pub(super) handler: Box<dyn Handler>,
    pub(super) on_error: OnError,
    backoff: Backoff,
    /// The last error.
    problem: String,
}

impl Caller {
    pub(super) fn new(handler: Box<dyn Handler>) -> Self {
        Self {
            handler,
            on_error: OnError::Stop,
            backoff: Backoff::default(),
            problem: String::new(),
        }
    }

    /// The last error.
    pub(super) fn last_problem(&self) -> &str {
        &self.problem
    }

    /// Has the handler process alerts. If the verdict is to retry later, waits until then.
    pub(super) fn call(&mut self, lane: &Lane, alerts: &[Arc<Alert>]) -> Outcome {
        let handler = &mut self.handler;
        let begun = Instant::now();
        let called = guarded(|| handler.handle(alerts));
        lane.account.times.delivery.observe(begun.elapsed());
        let handled_at = Timestamp::now();
        let outcome = self.outcome(lane, called, alerts.len());
        count_handling(lane, alerts, &outcome, handled_at);
        outcome
    }

    fn outcome(
        &mut self,
        lane: &Lane,
        called: Result<Progress, Failure>,
        alerts: usize,
    ) -> Outcome {
        match called {
            Ok(progress) => {
                if self.backoff.succeeded() {
                    info!(target: NOTICE, "handler {}: works again", lane.name);
                }
                Outcome::settled(match progress {
                    Progress::All => alerts,
                    Progress::First(n) => n.get().min(alerts),
                })
            }
            Err(failure) => self.follow(lane, failure, alerts),
        }
    }

    /// Acts on a verdict.
    fn follow(&mut self, lane: &Lane, failure: Failure, alerts: usize) -> Outcome {
        let Failure { settled, ahead, verdict } = failure;
        let outcome = Outcome::of(alerts, settled, ahead);
        self.problem = verdict.to_string();
        match verdict {
            Verdict::Refused(refusals) => self.refuse(lane, outcome, refusals, alerts),
            Verdict::Retry { after, .. } if lane.can_wait(self.on_error) => {
                self.wait(lane, Wait::Asked(after), outcome)
            }
            Verdict::NoRoom(_) if lane.queue.outlives_process() || lane.makes_sources_wait() => {
                self.wait(lane, Wait::ForRoom, outcome)
            }
            Verdict::Retry { error, .. } => {
                let first = outcome.settled.min(alerts - 1);
                let failure = Failure::refused(error).after(first).with_ahead(outcome.ahead);
                self.follow(lane, failure, alerts)
            }
            Verdict::NoRoom(_) => Outcome { no_room: true, ..outcome },
            Verdict::ReaderGone => outcome.ended(Ended::With(LaneEnd::ReaderGone)),
            Verdict::Quit => Outcome::settled(alerts).ended(Ended::With(LaneEnd::Quit)),
            Verdict::TimeUp => outcome.ended(Ended::TimeUp),
        }
    }

    /// Alerts are refused for good: at least one, and only alerts of the batch.
    fn refuse(
        &self,
        lane: &Lane,
        outcome: Outcome,
        mut refusals: Vec<Refusal>,
        alerts: usize,
    ) -> Outcome {
        let last = alerts - 1;
        for refusal in &mut refusals {
            refusal.index = refusal.index.min(last);
        }
        refusals.sort_by_key(|refusal| refusal.index);
        refusals.dedup_by_key(|refusal| refusal.index);
        if refusals.is_empty() {
            let index = outcome.settled.min(last);
            refusals.push(Refusal { index, reason: Arc::from("refused") });
        }
        let mut ahead = outcome.ahead;
        ahead.extend(refusals.iter().map(|refusal| refusal.index));
        let outcome = Outcome::of(alerts, outcome.settled, ahead);
        let ends = self.on_error == OnError::Stop && !lane.queue.outlives_process();
        let failed = || Failure::refused_among(outcome.settled, refusals.clone());
        let end = ends.then(|| Ended::With(LaneEnd::Failed(failed())));
        Outcome { refused: refusals, end, ..outcome }
    }

    /// Waits before the next attempt.
    fn wait(&mut self, lane: &Lane, wait: Wait, outcome: Outcome) -> Outcome {
        if outcome.reach() > 0 {
            self.backoff.succeeded();
        }
        lane.account.times.retries.count();
        let wait = match wait {
            Wait::Asked(asked) => self.backoff.failed_asked(asked),
            Wait::ForRoom => self.backoff.failed().min(LONGEST_FOR_ROOM),
        };
        if self.backoff.is_worth_a_line() {
            let (name, problem) = (&lane.name, &self.problem);
            warn!("handler {name}: {problem}; trying again in {wait:?}");
        }
        match lane.deadline.sleep(wait) {
            Slept::Fully => outcome,
            Slept::TimeUp => outcome.ended(Ended::TimeUp),
        }
    }
}

/// Counts how long after their receipt alerts were handled.
fn count_handling(lane: &Lane, alerts: &[Arc<Alert>], outcome: &Outcome, now: Timestamp) {
    let now = now.as_microsecond();
    let refused = |index| outcome.refused.binary_search_by_key(&index, |it| it.index).is_ok();
    let ahead = outcome.ahead.iter().copied();
    let handled = (0..outcome.settled).chain(ahead).filter(|&index| !refused(index));
    for alert in handled.filter_map(|index| alerts.get(index)) {
        lane.account.times.handling.observe_micros(now - alert.received.as_microsecond());
    }
}

/// Calls a handler. A panic in the handler becomes an error.
pub(super) fn guarded<T>(call: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<&str>()
            .map(ToString::to_string)
            .or_else(|| panic.downcast_ref::<String>().cloned());
        Err(Failure::refused(format!("panicked: {}", text.unwrap_or_default())))
    })
}
