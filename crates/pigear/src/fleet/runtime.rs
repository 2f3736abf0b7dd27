//! The runtime of a connection: one thread, so that the connection lives while its owner does something else.

use std::future::Future;
use std::io;
use std::time::Duration;

use pigear_pipeline::{BackoffPolicy, Jitter};
use tokio::runtime::{Builder, EnterGuard};
use tokio::time::timeout;
use tracing::warn;

use crate::crypto;

/// The wait between attempts. A cluster elects a new leader within a few seconds, and an attempt costs it little.
pub(super) const BACKOFF: BackoffPolicy = BackoffPolicy {
    first: Duration::from_millis(100),
    longest: Duration::from_secs(2),
    least: Duration::from_millis(100),
    longest_asked: Duration::from_secs(2),
    jitter: Jitter::None,
};

/// How long the first attempt to connect may hold up a handler's start.
const START_TIMEOUT: Duration = Duration::from_secs(6);

/// The runtime.
pub(super) struct Runtime(Option<tokio::runtime::Runtime>);

impl Runtime {
    pub(super) fn new(thread: &str) -> io::Result<Self> {
        crypto::install();
        let mut builder = Builder::new_multi_thread();
        let runtime =
            builder.worker_threads(1).thread_name(thread).enable_io().enable_time().build()?;
        Ok(Self(Some(runtime)))
    }

    /// Does the work on this thread.
    ///
    /// # Panics
    /// Never: the runtime is missing only once this is dropped.
    #[expect(clippy::expect_used, reason = "it is there until this is dropped")]
    pub(super) fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.0.as_ref().expect("the runtime is there until this is dropped").block_on(work)
    }

    /// Makes the first attempt to connect, for a while. If it fails, the next alert is the next attempt.
    pub(super) fn try_first(&self, who: &str, connect: impl Future<Output = Result<(), String>>) {
        match self.run(async { timeout(START_TIMEOUT, connect).await }) {
            Ok(Ok(())) => {}
            Ok(Err(problem)) => warn!("{who}: {problem}; trying again with the next alert"),
            Err(_) => {
                warn!("{who}: the server doesn't answer; trying again with the next alert");
            }
        }
    }

    /// What is dropped on this thread may leave work to the runtime, until the result is dropped.
    pub(super) fn enter(&self) -> Option<EnterGuard<'_>> {
        self.0.as_ref().map(tokio::runtime::Runtime::enter)
    }
}

impl Drop for Runtime {
    /// Waits for nothing that is still in progress.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
