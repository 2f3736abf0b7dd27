//! Messages that were delivered and aren't acknowledged yet.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use async_nats::jetstream::message::{AckKind, Acker};
use tracing::debug;

use super::consumer::ACK_WAIT;

/// A message that has to wait for so long to be acknowledged is reported to be in progress.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(ACK_WAIT.as_secs() / 3);

/// The messages, in the order of their delivery.
#[derive(Default)]
pub(super) struct Unacknowledged(VecDeque<Delivered>);

struct Delivered {
    alerts: u64,
    message: Acker,
    since: Instant,
}

impl Unacknowledged {
    /// Adds a message that is acknowledged once this many alerts are settled.
    pub(super) fn add(&mut self, alerts: u64, message: Acker) {
        self.0.push_back(Delivered { alerts, message, since: Instant::now() });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Acknowledges what is settled, and reports to the server what takes long.
    pub(super) async fn acknowledge(&mut self, settled: u64) {
        let ready = self.0.iter().take_while(|waiting| waiting.alerts <= settled).count();
        for Delivered { message, .. } in self.0.drain(..ready) {
            if let Err(error) = message.ack().await {
                debug!("an acknowledgement was not sent: {error}");
            }
        }
        for waiting in &mut self.0 {
            if waiting.since.elapsed() < PROGRESS_INTERVAL {
                break;
            }
            waiting.since = Instant::now();
            let _ = waiting.message.ack_with(AckKind::Progress).await;
        }
    }

    /// Gives back what isn't settled: another Pigear gets it at once.
    pub(super) async fn give_back(&mut self) {
        for Delivered { message, .. } in self.0.drain(..) {
            let _ = message.ack_with(AckKind::Nak(None)).await;
        }
    }
}
