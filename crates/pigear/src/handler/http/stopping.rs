//! Stopping in time.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use pigear_pipeline::Stop;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// So long after a stop nothing is tried again any more.
const LAST_TRY: Duration = Duration::from_secs(3);

/// So long after a stop no answer is waited for any more.
const LAST_ANSWER: Duration = Duration::from_secs(4);

/// Knows whether the pipeline was asked to stop, and when. Clones share it.
#[derive(Clone)]
pub(super) struct Stopping(watch::Receiver<Option<Instant>>);

impl Stopping {
    /// Never stops.
    pub(super) fn never() -> Self {
        Self(watch::channel(None).1)
    }

    pub(super) fn on(stop: &Stop) -> Self {
        let (sender, receiver) = watch::channel(None);
        stop.on_request(move || {
            sender.send_if_modified(|since| {
                let first = since.is_none();
                since.get_or_insert_with(Instant::now);
                first
            });
        });
        Self(receiver)
    }

    fn since(&self) -> Option<Instant> {
        *self.0.borrow()
    }

    /// Pauses for so long, or until it is time to stop. False if there is no time to try again.
    pub(super) async fn pause(&mut self, length: Duration) -> bool {
        let Some(since) = self.since() else {
            // Stopped meanwhile: one more try, without waiting for the rest.
            if timeout(length, self.0.changed()).await.is_ok_and(|asked| asked.is_err()) {
                sleep(length).await;
            }
            return true;
        };
        let next = Instant::now() + length.max(Duration::from_millis(50));
        if next > since + LAST_TRY {
            return false;
        }
        sleep_until(next).await;
        true
    }

    /// What `work` comes to, unless it is time to stop before.
    pub(super) async fn in_time<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        let mut late = pin!(async {
            while self.since().is_none() {
                if self.0.changed().await.is_err() {
                    // Nobody can ask any more.
                    std::future::pending::<()>().await;
                }
            }
            if let Some(since) = self.since() {
                sleep_until(since + LAST_ANSWER).await;
            }
        });
        poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            Poll::Pending => late.as_mut().poll(context).map(|()| None),
        })
        .await
    }
}
