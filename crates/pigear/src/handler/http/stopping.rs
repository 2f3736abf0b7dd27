//! Stopping before the deadline.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use pigear_pipeline::Deadline;
use tokio::time::{Instant, sleep};

/// How soon the deadline is noticed.
const TICK: Duration = Duration::from_millis(50);

/// Tells whether the deadline has come. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Stopping(Deadline);

impl Stopping {
    pub(super) fn new(deadline: Deadline) -> Self {
        Self(deadline)
    }

    /// Pauses for this time, or until the deadline is noticed. False if there is no time for another
    /// attempt.
    pub(super) async fn pause(&self, length: Duration) -> bool {
        let until = Instant::now() + length;
        let ended = self.0.left().is_some();
        while Instant::now() < until && !self.0.is_up() {
            sleep(TICK.min(until.saturating_duration_since(Instant::now()))).await;
            if !ended && self.0.left().is_some() {
                // One last attempt, without waiting for the rest of the pause.
                break;
            }
        }
        !self.0.is_up()
    }

    /// The result of `work`, unless the deadline comes first.
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
