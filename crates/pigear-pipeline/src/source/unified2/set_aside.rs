use std::io;
use std::time::{Duration, Instant};

use tracing::warn;

use super::place::Place;
use super::spool::SpoolFile;
use crate::backoff::Backoff;

/// How long to wait before a file that is still being compressed is read on: it is decompressed from its
/// start each time.
const PAUSE: Duration = Duration::from_secs(1);

/// A file that can't be read, or not to its end. It is tried again.
#[derive(Debug)]
pub(super) struct SetAside {
    /// Where to continue.
    pub(super) place: Place,
    /// Why it can't be read; unknown for one that was set aside in an earlier run.
    error: Option<io::Error>,
    unfinished: Option<Unfinished>,
    backoff: Backoff,
    retry_at: Instant,
}

/// A file that is still being compressed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unfinished {
    /// Its length when it was read.
    pub(super) length: u64,
    /// Whether the file that is being compressed is there too. Its records are read from that.
    pub(super) has_original: bool,
}

impl SetAside {
    /// One from an earlier run: it is tried at once.
    pub(super) fn known(place: Place) -> Self {
        let (error, unfinished, backoff) = Default::default();
        Self { place, error, unfinished, backoff, retry_at: Instant::now() }
    }

    /// One that is still being compressed: it is read on when it has grown, or isn't written any more.
    pub(super) fn unfinished(place: Place, unfinished: Unfinished) -> Self {
        let retry_at = Instant::now() + PAUSE;
        Self { unfinished: Some(unfinished), retry_at, ..Self::known(place) }
    }

    /// Whether another file has the same records, so that none is lost without this one.
    pub(super) fn has_original(&self) -> bool {
        self.unfinished.is_some_and(|unfinished| unfinished.has_original)
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

    /// Whether to try it again; `files` are those of the log.
    pub(super) fn is_due(&self, now: Instant, files: &[SpoolFile]) -> bool {
        let there = || files.iter().find(|file| file.id == self.place.file.id);
        let has_changed = |unfinished: Unfinished| {
            there().is_none_or(|file| file.length != unfinished.length || !file.is_being_written())
        };
        self.retry_at <= now && self.unfinished.is_none_or(has_changed)
    }

    /// The directory changed, so it may be readable now.
    pub(super) fn try_soon(&mut self) {
        if self.unfinished.is_none() {
            self.retry_at = Instant::now();
        }
    }

    /// The attempt could not even be made.
    pub(super) fn try_again(&mut self) {
        self.retry_at = Instant::now() + self.backoff.failed();
    }

    pub(super) fn problem(&self) -> Option<&io::Error> {
        self.error.as_ref()
    }
}
