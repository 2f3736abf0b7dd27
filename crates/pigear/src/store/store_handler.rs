//! The handler that stores alerts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pigear_alert::Alert;
use pigear_pipeline::{BatchPolicy, Failure, Handler, Needs, Progress};
use tracing::info;

use super::Store;

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

    fn failed(&self, alerts: &[Arc<Alert>]) -> Failure {
        if self.unstorable == Unstorable::HandOn {
            self.store.0.progress.change(|state| state.hand_on(alerts));
        }
        Failure::no_room(self.problem.clone())
    }
}

impl Handler for StoreHandler {
    fn needs(&self) -> Needs {
        Needs { batch: BATCH, ..Needs::default() }
    }

    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
        let waits = self.unstorable == Unstorable::Wait;
        if !waits && self.again.is_some_and(|again| Instant::now() < again) {
            return Err(self.failed(alerts));
        }
        let stored = self.store.0.writer.lock().append(alerts);
        match stored {
            Ok(last) => {
                if self.again.take().is_some() {
                    info!("{}: storing works again", self.store.path().display());
                }
                self.store.0.progress.change(|state| state.last = last);
                Ok(Progress::All)
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
