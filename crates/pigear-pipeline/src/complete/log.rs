use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tracing::{info, warn};

use crate::backoff::Backoff;
use crate::source::unified2::{Follower, OnBookmarkError, OpenError, Spool, Start};

/// How long the first bookmark may take at the start.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// A log to complete from.
#[derive(Clone, Debug)]
pub struct LogToFollow {
    /// Its files; see [`Spool::named`].
    pub spool: Spool,
    /// Where to begin.
    pub start: Start,
    /// The path of the bookmark; by default [beside the log](Spool::bookmark).
    pub bookmark: Option<PathBuf>,
}

/// A log that is opened as soon as possible, and then followed.
pub(super) struct Log {
    to_follow: LogToFollow,
    packet_wait: Duration,
    follower: Option<Follower>,
    backoff: Backoff,
    /// When to try again to open it.
    retry_at: Instant,
    /// Whether it has files in unified2.
    is_there: bool,
    said_missing: bool,
}

impl Log {
    pub(super) fn open(to_follow: LogToFollow, packet_wait: Duration) -> Self {
        let (follower, backoff, retry_at) = (None, Backoff::default(), Instant::now());
        let (is_there, said_missing) = (false, false);
        let mut log =
            Self { to_follow, packet_wait, follower, backoff, retry_at, is_there, said_missing };
        if let Some(follower) = log.try_follower() {
            // No alert comes yet, so a slow disk blocks nothing, and a crash now loses nothing.
            follower.flush(FLUSH_TIMEOUT);
            // Reading says what a file in another format is.
            let is_foreign = matches!(follower.foreign_log(), Ok(Some(_)));
            log.is_there = !is_foreign && follower.has_log();
        }
        log
    }

    /// Whether there was a file in unified2 when this was last noted.
    pub(super) fn is_there(&self) -> bool {
        self.is_there
    }

    /// Notes that a log that was not there has a file now.
    pub(super) fn note_files(&mut self) {
        let is_read = |follower: &Follower| follower.mark().is_some();
        if self.is_there || !self.follower.as_ref().is_some_and(is_read) {
            return;
        }
        self.is_there = true;
        let path = self.path();
        if self.said_missing {
            warn!("{} is there now: alerts are completed from it", path.display());
        } else {
            info!("completing from {}", path.display());
        }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.to_follow.spool.path()
    }

    pub(super) fn follower(&self) -> Option<&Follower> {
        self.follower.as_ref()
    }

    pub(super) fn follower_mut(&mut self) -> Option<&mut Follower> {
        self.follower.as_mut()
    }

    /// The follower, if the log could be opened.
    pub(super) fn try_follower(&mut self) -> Option<&mut Follower> {
        if self.follower.is_none() && self.retry_at <= Instant::now() {
            match self.try_opening() {
                Ok(follower) => {
                    if self.backoff.succeeded() {
                        warn!("{}: alerts are completed again", self.path().display());
                    }
                    self.follower = Some(follower);
                }
                Err(problem) => self.say(&problem),
            }
        }
        self.follower.as_mut()
    }

    /// Says once that an alert waited in vain, because the log has no file.
    pub(super) fn warn_if_missing(&mut self) {
        let is_missing = self.follower.as_ref().is_some_and(|follower| !follower.has_log());
        if !is_missing || self.said_missing {
            return;
        }
        self.said_missing = true;
        let path = self.path();
        let name = path.file_name().unwrap_or_default().display().to_string();
        let others = self.to_follow.spool.similar();
        let hint = others.map(|path| format!("; did you mean {}?", path.display()));
        warn!(
            "alerts are not completed from {}: there is no such file, nor one with a number behind its name \
            ({name}.1750000000); --complete-from needs the path that Snort logs to{}",
            path.display(),
            hint.unwrap_or_default()
        );
    }

    fn try_opening(&self) -> Result<Follower, OpenError> {
        let LogToFollow { spool, start, bookmark } = self.to_follow.clone();
        Follower::open(spool, start, bookmark, self.packet_wait, OnBookmarkError::Retry)
    }

    fn say(&mut self, problem: &OpenError) {
        if self.backoff.attempts() == 0 {
            let path = self.path().display().to_string();
            let cause = problem.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            if self.to_follow.spool.dir().exists() {
                warn!("alerts are not completed from {path}: {problem}{cause}; trying again");
            } else {
                let dir = self.to_follow.spool.dir().display();
                warn!(
                    "alerts are not completed from {path}: there is no directory {dir}; --complete-from needs \
                    the path that Snort logs to; trying again"
                );
            }
        }
        self.retry_at = Instant::now() + self.backoff.failed();
    }
}
