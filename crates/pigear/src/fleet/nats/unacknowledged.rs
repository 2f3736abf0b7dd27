//! Messages that were delivered and aren't acknowledged yet.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::jetstream::message::{AckKind, Acker};
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};
use tracing::debug;

use super::consumer::ACK_WAIT;

/// An interval below this would keep the server busy.
const LEAST_INTERVAL: Duration = Duration::from_millis(50);

/// The messages, in the order of their delivery.
pub(super) struct Unacknowledged {
    messages: Arc<Mutex<VecDeque<Delivered>>>,
    /// When a message that isn't acknowledged goes to another reader.
    ack_wait: Duration,
}

struct Delivered {
    alerts: u64,
    message: Acker,
    /// When it was delivered, or the server was last told that it is in progress.
    since: Instant,
}

impl Default for Unacknowledged {
    fn default() -> Self {
        Self { messages: Arc::default(), ack_wait: ACK_WAIT }
    }
}

impl Unacknowledged {
    /// Adds a message that is acknowledged once this many alerts are settled.
    pub(super) fn add(&mut self, alerts: u64, message: Acker) {
        let delivered = Delivered { alerts, message, since: Instant::now() };
        self.messages.blocking_lock().push_back(delivered);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.blocking_lock().is_empty()
    }

    /// Forgets all: the server doesn't have these messages any more.
    pub(super) fn clear(&mut self) {
        self.messages.blocking_lock().clear();
    }

    /// Acknowledges what is settled.
    pub(super) async fn acknowledge(&self, settled: u64) {
        let mut messages = self.messages.lock().await;
        let ready = messages.iter().take_while(|waiting| waiting.alerts <= settled).count();
        for Delivered { message, .. } in messages.drain(..ready) {
            if let Err(error) = message.ack().await {
                debug!("an acknowledgement was not sent: {error}");
            }
        }
    }

    /// The consumer's time from now on. Where it changes, [`keep`](Self::keep) has to be started again.
    pub(super) fn set_ack_wait(&mut self, ack_wait: Duration) -> bool {
        std::mem::replace(&mut self.ack_wait, ack_wait) != ack_wait
    }

    /// Tells the server what is in progress, until it is dropped: at a third of the consumer's time. It must not wait
    /// for the thread that has the messages: the lanes may hold that one up for longer.
    pub(super) fn keep(&self) -> impl Future<Output = ()> + Send + 'static {
        let messages = Arc::clone(&self.messages);
        let interval = (self.ack_wait / 6).max(LEAST_INTERVAL);
        async move {
            loop {
                sleep(interval).await;
                // Without a connection, what is sent has to wait once it is much.
                let _ = timeout(interval, report_progress(&messages, interval)).await;
            }
        }
    }

    /// Gives back what isn't settled: another Pigear gets it at once.
    pub(super) async fn give_back(&self) {
        for Delivered { message, .. } in self.messages.lock().await.drain(..) {
            let _ = message.ack_with(AckKind::Nak(None)).await;
        }
    }
}

/// Tells the server of those of which it hasn't heard for this long.
async fn report_progress(messages: &Mutex<VecDeque<Delivered>>, interval: Duration) {
    for waiting in messages.lock().await.iter_mut() {
        if waiting.since.elapsed() >= interval {
            waiting.since = Instant::now();
            let _ = waiting.message.ack_with(AckKind::Progress).await;
        }
    }
}
