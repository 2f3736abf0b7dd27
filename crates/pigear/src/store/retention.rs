//! Removes old and excess alerts, in small steps.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytesize::ByteSize;
use pigear_pipeline::EventCounter;
use rusqlite::Connection;
use tracing::error;

use super::error::{StoreError, StoreProblem};
use super::meta;
use super::reader::{Further, Reader};

/// How often to check whether there is something to remove.
const TICK: Duration = Duration::from_secs(1);

/// How long the end waits for what is being removed.
const END_TIMEOUT: Duration = Duration::from_millis(500);

/// What is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// Alerts are kept for this many days, from when they were stored.
    pub days: Option<u32>,
    /// Alerts are kept while the file has at most this size.
    pub bytes: Option<ByteSize>,
    /// The clock is right, even if it seems to have jumped ahead.
    pub trust_clock: bool,
}

impl RetentionPolicy {
    /// Whether alerts are removed at all.
    pub(super) fn has_limits(self) -> bool {
        self.days.is_some() || self.bytes.is_some()
    }
}

/// The keys of the policy of the Pigear that stores alerts: days and bytes, 0 without a limit.
const DAYS: &str = "keep_days";
const BYTES: &str = "keep_bytes";

/// Notes the policy in the store, for those who read it.
pub(super) fn note(connection: &Connection, policy: RetentionPolicy) -> rusqlite::Result<()> {
    let bytes = policy.bytes.map_or(0, |bytes| bytes.as_u64());
    meta::set_number(connection, DAYS, policy.days.unwrap_or_default().into())?;
    meta::set_number(connection, BYTES, i64::try_from(bytes).unwrap_or(i64::MAX))
}

impl Reader {
    /// The policy of the Pigear that stores alerts, or did so last; `None` if it was not noted.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn retention(&self) -> Result<Option<RetentionPolicy>, StoreError> {
        let read = || -> rusqlite::Result<Option<RetentionPolicy>> {
            let days = meta::number(&self.connection, DAYS)?;
            let bytes = meta::number(&self.connection, BYTES)?;
            let (Some(days), Some(bytes)) = (days, bytes) else { return Ok(None) };
            let days = u32::try_from(days).ok().filter(|days| *days > 0);
            let bytes = u64::try_from(bytes).ok().filter(|bytes| *bytes > 0).map(ByteSize::b);
            Ok(Some(RetentionPolicy { days, bytes, trust_clock: false }))
        };
        self.located(read().map_err(StoreProblem::from))
    }
}

/// Removes on a thread of its own, until this is dropped. What takes long then is not waited for.
pub struct Retention {
    end: Option<Sender<()>>,
    /// Closed when the thread has ended.
    finished: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

impl Retention {
    /// Calls this function regularly, and again at once while there is more to do. If it fails, it is
    /// logged that Pigear cannot do `what`.
    pub(super) fn start(
        path: &Path,
        what: &'static str,
        mut tidy: impl FnMut() -> Result<Further, StoreProblem> + Send + 'static,
    ) -> std::io::Result<Self> {
        let path = path.to_owned();
        let (end, ended) = channel();
        let (finish, finished) = channel();
        let work = move || {
            let _finish: Sender<()> = finish;
            let mut failures = EventCounter::default();
            while ended.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                loop {
                    match tidy() {
                        Ok(Further::On) => {}
                        Ok(Further::Enough) => break failures = EventCounter::default(),
                        Err(problem) => {
                            if failures.add(1).is_some() {
                                let path = path.display();
                                error!("{path}: cannot {what}: {problem}");
                            }
                            break;
                        }
                    }
                    if ended.try_recv() != Err(std::sync::mpsc::TryRecvError::Empty) {
                        return;
                    }
                }
            }
        };
        let thread = thread::Builder::new().name("retention".to_owned()).spawn(work)?;
        Ok(Self { end: Some(end), finished, thread: Some(thread) })
    }
}

impl Drop for Retention {
    fn drop(&mut self) {
        drop(self.end.take());
        let is_busy = self.finished.recv_timeout(END_TIMEOUT) == Err(RecvTimeoutError::Timeout);
        // A thread that waits for others is left behind. It has no change open that could be made by half.
        if let Some(thread) = self.thread.take().filter(|_| !is_busy) {
            // A panic of its was already reported.
            let _ = thread.join();
        }
    }
}
