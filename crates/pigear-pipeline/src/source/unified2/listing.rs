use std::ffi::OsStr;
use std::io;
use std::time::{Duration, Instant};

use tracing::warn;

use super::spool::{Spool, SpoolFile};
use crate::backoff::Backoff;
use crate::source::dir_watcher::{DirWatcher, Interest};

/// How often to read the directory with change notifications, and without them …
const WATCHED_INTERVAL: Duration = Duration::from_secs(3);
const POLLED_INTERVAL: Duration = Duration::from_millis(500);
/// … but at most this part of the time, however many files there are …
const MAX_SHARE: u32 = 200;
/// … or this part, while files are created and removed.
const MAX_BUSY_SHARE: u32 = 20;

/// The files of a log, as of the last change.
pub(super) struct Listing {
    spool: Spool,
    watcher: DirWatcher,
    files: Vec<SpoolFile>,
    /// Whether there was a change since.
    is_stale: bool,
    /// When the directory was last read, and how long that took.
    read: Option<(Instant, Duration)>,
    trouble: Option<ReadFailure>,
}

/// Why the directory can't be read.
struct ReadFailure {
    backoff: Backoff,
    retry_at: Instant,
    error: io::Error,
}

impl Listing {
    pub(super) fn new(spool: Spool) -> Self {
        let watcher = DirWatcher::on(spool.dir(), Interest::Content);
        Self { spool, watcher, files: Vec::new(), is_stale: true, read: None, trouble: None }
    }

    pub(super) fn spool(&self) -> &Spool {
        &self.spool
    }

    /// Oldest first.
    pub(super) fn files(&self) -> &[SpoolFile] {
        &self.files
    }

    /// Why the directory can't be read.
    pub(super) fn problem(&self) -> Option<&io::Error> {
        self.trouble.as_ref().map(|trouble| &trouble.error)
    }

    /// Waits for a change in the directory, at most this long.
    pub(super) fn wait(&self, longest: Duration) {
        self.watcher.wait(longest);
    }

    /// Marks the listing as out of date.
    pub(super) fn recheck(&mut self) {
        self.is_stale = true;
        self.read = None;
    }

    /// Reads the directory if its files changed, other than the one that is being read anyway. True if
    /// it was read.
    pub(super) fn refresh(&mut self, open: Option<&OsStr>) -> bool {
        let changes = self.watcher.changes();
        let (mut entries, mut written) = (changes.entries.iter(), changes.written.iter());
        self.is_stale |= changes.others
            || entries.any(|name| self.spool.is_of_log(name))
            || written.any(|name| Some(&**name) != open && self.spool.is_of_log(name));
        let now = Instant::now();
        self.is_due(now) && self.try_reading(now)
    }

    /// Reads the directory.
    pub(super) fn reread(&mut self) -> io::Result<()> {
        let begun = Instant::now();
        if !self.watcher.is_told() {
            self.watcher.watch_again();
        }
        self.files = self.spool.files()?;
        (self.is_stale, self.read) = (false, Some((begun, begun.elapsed())));
        Ok(())
    }

    fn is_due(&self, now: Instant) -> bool {
        if let Some(trouble) = &self.trouble {
            return trouble.retry_at <= now;
        }
        let Some((read, took)) = self.read else { return true };
        let interval = match (self.is_stale, self.watcher.is_told()) {
            (true, _) => took * MAX_BUSY_SHARE,
            (false, true) => WATCHED_INTERVAL.max(took * MAX_SHARE),
            (false, false) => POLLED_INTERVAL.max(took * MAX_SHARE),
        };
        now.saturating_duration_since(read) >= interval
    }

    fn try_reading(&mut self, now: Instant) -> bool {
        let dir = self.spool.dir().display().to_string();
        match self.reread() {
            Ok(()) => {
                if self.trouble.take().is_some() {
                    warn!("{dir} can be read again");
                }
                true
            }
            Err(error) => {
                let trouble = self.trouble.take();
                if trouble.is_none() {
                    warn!("cannot read the directory {dir}: {error}; trying again");
                }
                let mut backoff = trouble.map(|trouble| trouble.backoff).unwrap_or_default();
                let retry_at = now + backoff.failed();
                self.trouble = Some(ReadFailure { backoff, retry_at, error });
                false
            }
        }
    }
}
