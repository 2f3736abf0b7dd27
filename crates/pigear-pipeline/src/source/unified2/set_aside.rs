use std::io;
use std::time::Instant;

use tracing::warn;

use super::place::Place;
use crate::backoff::Backoff;

/// A file that can't be read. It is tried again.
#[derive(Debug)]
pub(super) struct SetAside {
    /// Where to go on.
    pub(super) place: Place,
    /// Why it can't be read; unknown for one that an earlier run set aside.
    error: Option<io::Error>,
    backoff: Backoff,
    again: Instant,
}

impl SetAside {
    /// One that an earlier run set aside: to be tried at once.
    pub(super) fn known(place: Place) -> Self {
        Self { place, error: None, backoff: Backoff::default(), again: Instant::now() }
    }

    /// Says so, if it wasn't said yet.
    pub(super) fn fail(&mut self, path: impl std::fmt::Display, error: io::Error) {
        if self.error.as_ref().is_none_or(|said| said.kind() != error.kind()) {
            warn!("cannot read {path}: {error}; going on without it, and trying again");
        }
        self.error = Some(error);
        self.try_again();
    }

    /// It can be read.
    pub(super) fn succeed(self, path: impl std::fmt::Display) {
        if self.error.is_some() {
            warn!("{path} can be read again");
        }
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.again <= now
    }

    /// Something happened to the directory: it may help to try.
    pub(super) fn try_soon(&mut self) {
        self.again = Instant::now();
    }

    /// It could not even be tried.
    pub(super) fn try_again(&mut self) {
        self.again = Instant::now() + self.backoff.failed();
    }

    pub(super) fn problem(&self) -> Option<&io::Error> {
        self.error.as_ref()
    }
}
