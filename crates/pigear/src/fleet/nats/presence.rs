//! Whether other Pigears read by the same consumer, whatever they are doing.
//!
//! Each subscribes to a subject of the consumer's. A message to a subject without subscribers is answered by the server
//! at once. So it is the server that knows who is there: a Pigear whose store has to wait, or which is stopped, is
//! there as long as it is connected, and one that was killed is not. Each asks before it reads, so those that read
//! already know of it before any alert goes to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::{Client, RequestErrorKind};
use futures_util::StreamExt;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::debug;

/// How long to wait for an answer. The server's comes at once; another Pigear may be held up.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(500);

/// This Pigear among those that read by a consumer. It is not there any more once this is dropped.
pub(super) struct Presence {
    client: Client,
    subject: String,
    /// Another one has asked.
    was_asked: Arc<AtomicBool>,
    answering: JoinHandle<()>,
}

impl Presence {
    /// Subscribes.
    ///
    /// # Errors
    /// If the library doesn't take it any more, in words for a user.
    pub(super) async fn new(client: Client, stream: &str, consumer: &str) -> Result<Self, String> {
        // Clients usually may subscribe to this prefix.
        let subject = format!("_INBOX.pigear.{stream}.{consumer}");
        let subscriber = client.subscribe(subject.clone()).await;
        let mut subscriber = subscriber.map_err(|error| format!("cannot subscribe: {error}"))?;
        let (answers, was_asked) = (client.clone(), Arc::new(AtomicBool::new(false)));
        let asked_by_others = Arc::clone(&was_asked);
        let answering = tokio::spawn(async move {
            while let Some(asked) = subscriber.next().await {
                asked_by_others.store(true, Ordering::Relaxed);
                if let Some(reply) = asked.reply {
                    let _ = answers.publish(reply, "".into()).await;
                }
            }
        });
        Ok(Self { client, subject, was_asked, answering })
    }

    /// Whether another one has asked since the last call.
    pub(super) fn was_asked(&self) -> bool {
        self.was_asked.swap(false, Ordering::Relaxed)
    }

    /// Whether there are others, as far as can be known: the server sends to this one nothing of its own.
    pub(super) async fn has_others(&self) -> bool {
        let asking = self.client.request(self.subject.clone(), "".into());
        match timeout(ANSWER_TIMEOUT, asking).await {
            Ok(Err(error)) if error.kind() == RequestErrorKind::NoResponders => false,
            Ok(Err(error)) => {
                debug!("{}: {error}", self.subject);
                true
            }
            Ok(Ok(_)) | Err(_) => true,
        }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.answering.abort();
    }
}
