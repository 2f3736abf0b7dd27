//! Asks the server for alerts, before they are there.
//!
//! Such a request can't be withdrawn, and what comes to it after the subscription has ended is lost: the server delivers
//! it again only when the consumer's time is over. So a request lives for a second only, and its end can be awaited. The
//! library's own stream of messages has no end that loses nothing, and its batches lose what was not taken five seconds
//! after they should have ended, as while a store has to wait.

use std::time::Duration;

use async_nats::jetstream::consumer::Consumer;
use async_nats::jetstream::consumer::pull::{BatchConfig, Config};
use async_nats::jetstream::{Context, Message};
use async_nats::{Client, StatusCode, Subject, Subscriber};
use futures_util::{FutureExt, StreamExt};
use tokio::time::timeout;

/// How many alerts are asked for at once.
const BATCH: usize = 2_000;

/// The most messages that are returned at once.
const CHUNK: usize = 512;

/// A request ends after this time, and is made again.
const EXPIRES: Duration = Duration::from_secs(1);

/// After this time in which nothing came, not even the end of a request, there is none. A consumer's leader that is
/// killed takes the request with it, and nothing else says so.
const SILENCE: Duration = Duration::from_secs(4);

/// How long to wait for the end of the last request, on a machine that is busy.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(4);

/// Requests for alerts, and what comes.
pub(super) struct Pull {
    context: Context,
    consumer: Consumer<Config>,
    /// Where alerts come.
    inbox: Subject,
    subscriber: Subscriber,
    /// How many alerts may still come to the requests.
    open: usize,
    /// For how long nothing came.
    silent: Duration,
    /// What went wrong behind the messages that were returned last.
    problem: Option<String>,
}

impl Pull {
    /// Subscribes. Nothing is asked for yet.
    ///
    /// # Errors
    /// If the library doesn't take it any more, in words for a user.
    pub(super) async fn new(
        (client, context): (&Client, &Context),
        consumer: Consumer<Config>,
    ) -> Result<Self, String> {
        let inbox = Subject::from(client.new_inbox());
        let subscriber = client.subscribe(inbox.clone()).await;
        Ok(Self {
            context: context.clone(),
            consumer,
            inbox,
            subscriber: subscriber.map_err(|error| format!("cannot subscribe: {error}"))?,
            open: 0,
            silent: Duration::ZERO,
            problem: None,
        })
    }

    /// The next messages; none if none comes within this time.
    ///
    /// # Errors
    /// If none comes any more, in words for a user.
    pub(super) async fn next(&mut self, wait: Duration) -> Result<Vec<Message>, String> {
        if let Some(problem) = self.problem.take() {
            return Err(problem);
        }
        self.request().await?;
        let mut messages = Vec::new();
        let Ok(mut next) = timeout(wait, self.subscriber.next()).await else {
            self.silent += wait;
            return if self.silent < SILENCE { Ok(messages) } else { Err(SILENT.to_owned()) };
        };
        self.silent = Duration::ZERO;
        loop {
            let message = next.ok_or_else(|| "the connection is lost".to_owned());
            match message.and_then(|message| self.alert(message)) {
                Ok(message) => messages.extend(message),
                Err(problem) if messages.is_empty() => return Err(problem),
                Err(problem) => {
                    self.problem = Some(problem);
                    break;
                }
            }
            if messages.len() == CHUNK {
                break;
            }
            match self.subscriber.next().now_or_never() {
                Some(behind) => next = behind,
                None => break,
            }
        }
        Ok(messages)
    }

    /// Asks for no more, and returns what still comes until the last request has ended.
    pub(super) async fn close(mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        let closing = async {
            while self.open > 0 && self.problem.is_none() {
                let Some(message) = self.subscriber.next().await else { return };
                messages.extend(self.alert(message).ok().flatten());
            }
        };
        let _ = timeout(CLOSE_TIMEOUT, closing).await;
        messages
    }

    /// Asks for more, while what was asked for is still coming.
    async fn request(&mut self) -> Result<(), String> {
        if self.open > BATCH / 2 {
            return Ok(());
        }
        let request =
            BatchConfig { batch: BATCH, expires: Some(EXPIRES), ..BatchConfig::default() };
        let sent = self.consumer.request_batch(request, self.inbox.clone()).await;
        sent.map_err(|error| format!("cannot ask for alerts: {error}"))?;
        self.open += BATCH;
        Ok(())
    }

    /// The alert of a message; none if it is the server's word about a request.
    fn alert(&mut self, message: async_nats::Message) -> Result<Option<Message>, String> {
        let Some(status) = message.status.filter(|status| *status != StatusCode::OK) else {
            self.open = self.open.saturating_sub(1);
            return Ok(Some(Message { message, context: self.context.clone() }));
        };
        let said = message.description.as_deref().unwrap_or_default();
        match status {
            StatusCode::IDLE_HEARTBEAT => Ok(None),
            StatusCode::TIMEOUT | StatusCode::REQUEST_TERMINATED if !is_refusal(said) => {
                let left =
                    message.headers.as_ref().and_then(|all| all.get("Nats-Pending-Messages"));
                let left = left.and_then(|left| left.as_str().parse().ok()).unwrap_or(BATCH);
                self.open = self.open.saturating_sub(left);
                Ok(None)
            }
            StatusCode::NO_RESPONDERS => Err(SILENT.to_owned()),
            status => Err(format!("the server refuses a request for alerts: {status} {said}")),
        }
    }
}

const SILENT: &str = "the server doesn't answer requests for alerts";

/// Whether another request would have the same answer.
fn is_refusal(said: &str) -> bool {
    said == "Consumer Deleted" || said == "Consumer is push based" || said.starts_with("Exceeded")
}
