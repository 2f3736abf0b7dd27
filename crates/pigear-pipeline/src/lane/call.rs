//! One call of a handler, and the actions that its verdict demands.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use pigear_alert::Alert;
use tracing::{info, warn};

use super::handle::{Lane, LaneEnd};
use crate::backoff::Backoff;
use crate::deadline::Slept;
use crate::handler::{Failure, Handler, Progress, Refusal, Verdict};
use crate::policy::OnError;

/// The fate of the first alerts of a call.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// This many are settled.
    pub(super) settled: usize,
    /// Which of these were refused.
    pub(super) refused: Vec<Refusal>,
    /// This many after these are dropped for want of room.
    pub(super) no_room: usize,
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

    fn ended(settled: usize, end: LaneEnd) -> Self {
        Self { settled, end: Some(Ended::With(end)), ..Self::default() }
    }

    fn time_up(settled: usize) -> Self {
        Self { settled, end: Some(Ended::TimeUp), ..Self::default() }
    }
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
        match guarded(|| handler.handle(alerts)) {
            Ok(progress) => {
                if self.backoff.succeeded() {
                    info!("handler {}: works again", lane.name);
                }
                Outcome::settled(match progress {
                    Progress::All => alerts.len(),
                    Progress::First(n) => n.get().min(alerts.len()),
                })
            }
            Err(failure) => self.follow(lane, failure, alerts.len()),
        }
    }

    /// Acts on a verdict.
    fn follow(&mut self, lane: &Lane, failure: Failure, alerts: usize) -> Outcome {
        let Failure { settled, verdict } = failure;
        let settled = settled.min(alerts);
        self.problem = verdict.to_string();
        match verdict {
            Verdict::Refused(refusals) => self.refuse(lane, settled, refusals, alerts),
            Verdict::Retry { after, .. } if lane.can_wait(self.on_error) => {
                self.wait(lane, after, settled)
            }
            Verdict::NoRoom(_) if lane.queue.outlives_process() || lane.makes_sources_wait() => {
                self.wait(lane, None, settled)
            }
            Verdict::Retry { error, .. } => {
                let failure = Failure::refused(error).after(settled.min(alerts - 1));
                self.follow(lane, failure, alerts)
            }
            Verdict::NoRoom(_) => {
                let no_room = alerts - settled;
                Outcome { settled, no_room, ..Outcome::default() }
            }
            Verdict::ReaderGone => Outcome::ended(settled, LaneEnd::ReaderGone),
            Verdict::Quit => Outcome::ended(alerts, LaneEnd::Quit),
            Verdict::TimeUp => Outcome::time_up(settled),
        }
    }

    /// Alerts are refused for good: at least one, and only alerts of the batch.
    fn refuse(
        &self,
        lane: &Lane,
        settled: usize,
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
            let index = settled.min(last);
            refusals.push(Refusal { index, reason: Arc::from("refused") });
        }
        let behind = refusals.last().map_or(0, |refusal| refusal.index + 1);
        let settled = settled.max(behind);
        let ends = self.on_error == OnError::Stop && !lane.queue.outlives_process();
        let end = ends.then(|| LaneEnd::Failed(Failure::refused_among(settled, refusals.clone())));
        Outcome { settled, refused: refusals, no_room: 0, end: end.map(Ended::With) }
    }

    /// Waits before the next attempt.
    fn wait(&mut self, lane: &Lane, asked: Option<Duration>, settled: usize) -> Outcome {
        if settled > 0 {
            self.backoff.succeeded();
        }
        let wait = self.backoff.failed_asked(asked);
        if self.backoff.is_worth_a_line() {
            let (name, problem) = (&lane.name, &self.problem);
            warn!("handler {name}: {problem}; trying again in {wait:?}");
        }
        match lane.deadline.sleep(wait) {
            Slept::Fully => Outcome::settled(settled),
            Slept::TimeUp => Outcome::time_up(settled),
        }
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
