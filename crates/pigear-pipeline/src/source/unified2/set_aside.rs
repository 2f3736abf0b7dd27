use std::io;
use std::time::Instant;

use tracing::warn;

use super::place::Place;
use crate::backoff::Backoff;

/// A file that can't be read. It is tried again.
#[derive(Debug)]
pub(super) struct SetAside {
    /// Where to continue.
    pub(super) place: Place,
    /// Why it can't be read; unknown for one that was set aside in an earlier run.
    error: Option<io::Error>,
    backoff: Backoff,
    retry_at: Instant,
}

impl SetAside {
    /// One from an earlier run: it is tried at once.
    pub(super) fn known(place: Place) -> Self {
        Self { place, error: None, backoff: Backoff::default(), retry_at: Instant::now() }
    }

    /// Logs the error, once.
    pub(super) fn fail(&mut self, path: impl std::fmt::Display, error: io::Error) {
        if self.error.as_ref().is_none_or(|said| said.kind() != error.kind()) {
            warn!("cannot read {path}: {error}; continuing without it and trying again");
        }
        self.error = Some(error);
        self.try_again();
    }

    /// The file can be read again.
    pub(super) fn succeed(self, path: impl std::fmt::Display) {
        if self.error.is_some() {
            warn!("{path} can be read again");
        }
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.retry_at <= now
    }

    /// The directory changed, so it may be readable now.
    pub(super) fn try_soon(&mut self) {
        self.retry_at = Instant::now();
    }

    /// The attempt could not even be made.
    pub(super) fn try_again(&mut self) {
        self.retry_at = Instant::now() + self.backoff.failed();
    }

    pub(super) fn problem(&self) -> Option<&io::Error> {
        self.error.as_ref()
    }
}
