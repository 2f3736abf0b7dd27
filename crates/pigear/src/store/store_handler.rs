//! The handler that stores alerts.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pigear_alert::Alert;
use pigear_pipeline::{BatchPolicy, Failure, Handler, NOTICE, Needs, Progress};
use tracing::info;

use super::Store;
use super::error::StoreProblem;

/// The most alerts of a transaction, and how long one waits for more.
const BATCH: BatchPolicy =
    BatchPolicy { enough: 2_000, most: 2_000, delay: Duration::from_millis(50) };

/// The wait after a failure.
const PAUSE: Duration = Duration::from_secs(1);

/// The fate of alerts that can't be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unstorable {
    /// They go to the durable lanes nevertheless, from memory, and count as dropped here.
    HandOn,
    /// They wait, and so do the sources.
    Wait,
}

impl Store {
    /// The handler that stores alerts.
    #[must_use]
    pub fn handler(&self, unstorable: Unstorable) -> StoreHandler {
        StoreHandler::new(self.clone(), unstorable)
    }
}

/// What a handler that stores alerts needs.
pub(super) fn needs() -> Needs {
    Needs { batch: BATCH, ..Needs::default() }
}

/// Stores alerts.
pub struct StoreHandler {
    store: Store,
    unstorable: Unstorable,
    /// When to try again after a failure.
    again: Option<Instant>,
    problem: String,
}

impl StoreHandler {
    fn new(store: Store, unstorable: Unstorable) -> Self {
        Self { store, unstorable, again: None, problem: String::new() }
    }

    /// Stores alerts, or the first of them: where the disk has no room for all in one transaction, there
    /// may be some for fewer. Returns how many were stored.
    fn store_some(&self, alerts: &[Arc<Alert>]) -> Result<NonZeroUsize, StoreProblem> {
        let mut batch = alerts;
        loop {
            let stored = self.store.0.writer.lock().append(batch);
            match (stored, NonZeroUsize::new(batch.len() / 2)) {
                (Ok(last), _) => {
                    self.store.0.progress.come(|state| state.last = last);
                    return Ok(NonZeroUsize::new(batch.len()).unwrap_or(NonZeroUsize::MIN));
                }
                (Err(StoreProblem::Full), Some(half)) => {
                    batch = batch.get(..half.get()).unwrap_or_default();
                }
                (Err(problem), _) => return Err(problem),
            }
        }
    }

    fn failed(&self, alerts: &[Arc<Alert>]) -> Failure {
        if self.unstorable == Unstorable::HandOn {
            self.store.0.progress.come(|state| state.hand_on(alerts));
        }
        Failure::no_room(self.problem.clone())
    }
}

impl Handler for StoreHandler {
    fn needs(&self) -> Needs {
        needs()
    }

    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
        let waits = self.unstorable == Unstorable::Wait;
        if !waits && self.again.is_some_and(|again| Instant::now() < again) {
            return Err(self.failed(alerts));
        }
        match self.store_some(alerts) {
            Ok(stored) => {
                if self.again.take().is_some() {
                    info!(target: NOTICE, "{}: storing works again", self.store.path().display());
                }
                Ok(if stored.get() < alerts.len() {
                    Progress::First(stored)
                } else {
                    Progress::All
                })
            }
            Err(problem) => {
                self.again = Some(Instant::now() + PAUSE);
                self.problem =
                    format!("cannot store in {}: {problem}", self.store.path().display());
                Err(self.failed(alerts))
            }
        }
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.store.0.progress.change(|state| state.ended = true);
        Ok(())
    }
}
