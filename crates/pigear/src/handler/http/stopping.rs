//! Stopping before the deadline.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use pigear_pipeline::{Backlog, Context, Deadline, EndCause, Retries};
use tokio::time::{Instant, sleep};

use crate::handler::pace::Work;
use crate::in_time::{TICK, in_time};

/// Tells whether the deadline has come. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Stopping {
    deadline: Deadline,
    /// The handler's name, for messages.
    pub(super) handler: Arc<str>,
    retries: Retries,
    backlog: Option<Backlog>,
}

impl Stopping {
    #[cfg(test)]
    fn new(deadline: Deadline, handler: Arc<str>) -> Self {
        Self { deadline, handler, ..Self::default() }
    }

    pub(super) fn of(context: Context) -> Self {
        let Context { name: handler, deadline, backlog, retries, .. } = context;
        Self { deadline, handler, retries, backlog: Some(backlog) }
    }

    /// Pauses before the next attempt. The announcement of a deadline meanwhile cuts the pause short;
    /// after it, a pause takes at most half of the time that is left, so that there is always another
    /// attempt; none, where nothing more is to be begun. Returns false if time is up.
    pub(super) async fn pause(&self, length: Duration) -> bool {
        self.retries.count();
        let left = self.deadline.left();
        let length = left.map_or(length, |left| length.min((left / 2).max(TICK)));
        let start = Instant::now();
        while start.elapsed() < length && !self.deadline.is_up() {
            sleep(TICK.min(length.saturating_sub(start.elapsed()))).await;
            let is_announced = left.is_none() && self.deadline.left().is_some();
            if is_announced || self.deadline.hands_over() {
                break;
            }
        }
        !self.deadline.is_up() && !self.deadline.hands_over()
    }

    /// Why the handler ends.
    pub(super) fn cause(&self) -> EndCause {
        self.deadline.cause()
    }

    /// What is to be begun of so many messages, as many requests at once, each with so many of them.
    pub(super) fn work(&self, messages: usize, in_flight: usize, batch: usize) -> Work<'_> {
        let at_once = in_flight.saturating_mul(batch);
        Work { deadline: &self.deadline, backlog: self.backlog.as_ref(), alerts: messages, at_once }
    }

    /// The result of `work`, unless the deadline comes first.
    pub(super) async fn in_time<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        in_time(&self.deadline, work).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_another_attempt_before_the_end_however_long_a_server_asks_to_wait() {
        let deadline = Deadline::default();
        deadline.announce(std::time::Instant::now() + Duration::from_secs(1));
        let stopping = Stopping::new(deadline.clone(), "http".into());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        assert!(runtime.block_on(stopping.pause(Duration::MAX)));
        assert!(deadline.left().is_some_and(|left| left > Duration::from_millis(100)));
    }
}
