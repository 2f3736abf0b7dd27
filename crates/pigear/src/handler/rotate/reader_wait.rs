//! Waits for the reader of a FIFO.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pigear_pipeline::{Backoff, Context, Deadline, Failure, NOTICE, Retries, Slept};
use tracing::{info, warn};

use crate::output_file::NoReader;

/// The longest wait between two looks: they cost nothing.
const LONGEST: Duration = Duration::from_secs(1);

/// Waits for the reader of a FIFO, as other handlers do for a receiver that is down.
#[derive(Default)]
pub(in crate::handler) struct ReaderWait {
    handler: Arc<str>,
    deadline: Deadline,
    retries: Retries,
    backoff: Backoff,
}

impl ReaderWait {
    pub(in crate::handler) fn start(&mut self, context: Context) {
        let Context { name, deadline, retries, .. } = context;
        (self.handler, self.deadline, self.retries) = (name, deadline, retries);
    }

    /// Waits before the next attempt, if this is what failed.
    ///
    /// # Errors
    /// If another error came, or time is up.
    pub(in crate::handler) fn after(
        &mut self,
        path: &Path,
        error: &io::Error,
    ) -> Result<(), Failure> {
        let problem = format!("cannot write {}: {error}", path.display());
        if !NoReader::is(error) {
            return Err(Failure::retry(problem));
        }
        self.retries.count();
        let wait = self.backoff.failed().min(LONGEST);
        if self.backoff.is_worth_a_line() {
            warn!("handler {}: {problem}; trying again in {wait:?}", self.handler);
        }
        match self.deadline.sleep(wait) {
            Slept::Fully => Ok(()),
            Slept::TimeUp => Err(Failure::time_up()),
        }
    }

    /// What was to be written was.
    pub(in crate::handler) fn wrote(&mut self) {
        if self.backoff.succeeded() {
            info!(target: NOTICE, "handler {}: works again", self.handler);
        }
    }
}
