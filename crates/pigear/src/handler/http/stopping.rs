//! Stopping in time.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use pigear_pipeline::Deadline;
use tokio::time::{Instant, sleep};

/// How soon it is noticed that it is time to end.
const TICK: Duration = Duration::from_millis(50);

/// Knows whether it is time to end. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Stopping(Deadline);

impl Stopping {
    pub(super) fn new(deadline: Deadline) -> Self {
        Self(deadline)
    }

    /// Pauses for so long, but before the end not longer than it takes to notice that. False if
    /// there is no time to try again.
    pub(super) async fn pause(&self, length: Duration) -> bool {
        let until = Instant::now() + length;
        let ended = self.0.left().is_some();
        while Instant::now() < until && !self.0.is_up() {
            sleep(TICK.min(until.saturating_duration_since(Instant::now()))).await;
            if !ended && self.0.left().is_some() {
                // One more try, without waiting for the rest.
                break;
            }
        }
        !self.0.is_up()
    }

    /// What `work` comes to, unless there is no more time before.
    pub(super) async fn in_time<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        let mut late = pin!(async {
            while !self.0.is_up() {
                sleep(self.0.left().map_or(TICK, |left| left.min(TICK))).await;
            }
        });
        poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            Poll::Pending => late.as_mut().poll(context).map(|()| None),
        })
        .await
    }
}
