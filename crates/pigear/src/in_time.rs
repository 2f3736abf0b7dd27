//! Work that ends with the deadline.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use pigear_pipeline::Deadline;
use tokio::time::sleep;

/// How soon the deadline is noticed.
pub(crate) const TICK: Duration = Duration::from_millis(50);

/// The result of `work`, unless the deadline comes first.
pub(crate) async fn in_time<T>(deadline: &Deadline, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut late = pin!(async {
        while !deadline.is_up() {
            sleep(deadline.left().map_or(TICK, |left| left.min(TICK))).await;
        }
    });
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(result) => Poll::Ready(Some(result)),
        Poll::Pending => late.as_mut().poll(context).map(|()| None),
    })
    .await
}
