//! The handler that stores alerts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pigear_alert::Alert;
use pigear_pipeline::{Gather, Handler, HandlerError};
use tracing::info;

use super::Store;

/// So many alerts make a transaction at most, and so long one waits for more.
const BATCH: Gather = Gather { enough: 2_000, most: 2_000, delay: Duration::from_millis(50) };

/// After a failure it is tried again so much later.
const PAUSE: Duration = Duration::from_secs(1);

/// Stores alerts. What can't be stored goes to the durable lanes nevertheless, from memory.
pub struct StoreHandler {
    store: Store,
    /// When to try again, since storing failed.
    again: Option<Instant>,
    problem: String,
}

impl StoreHandler {
    pub(super) fn new(store: Store) -> Self {
        Self { store, again: None, problem: String::new() }
    }

    fn failed(&mut self, alerts: &[Arc<Alert>]) -> HandlerError {
        self.store.0.progress.change(|state| state.hand_on(alerts));
        HandlerError::no_room(self.problem.clone()).failed(alerts.len())
    }
}

impl Handler for StoreHandler {
    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<(), HandlerError> {
        if self.again.is_some_and(|again| Instant::now() < again) {
            return Err(self.failed(alerts));
        }
        let stored = self.store.0.writer.lock().append(alerts);
        match stored {
            Ok(last) => {
                if self.again.take().is_some() {
                    info!("{}: storing works again", self.store.path().display());
                }
                self.store.0.progress.change(|state| state.last = last);
                Ok(())
            }
            Err(problem) => {
                self.again = Some(Instant::now() + PAUSE);
                self.problem =
                    format!("cannot store in {}: {problem}", self.store.path().display());
                Err(self.failed(alerts))
            }
        }
    }

    fn gather(&self) -> Gather {
        BATCH
    }

    fn finish(&mut self) -> Result<(), HandlerError> {
        self.store.0.progress.change(|state| state.ended = true);
        Ok(())
    }
}
