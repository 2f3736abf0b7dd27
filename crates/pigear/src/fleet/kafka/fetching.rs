//! Fetches the messages of a partition, in order.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rskafka::client::Client;
use rskafka::client::error::Error;
use rskafka::client::partition::{OffsetAt, PartitionClient, UnknownTopicHandling};
use tokio::sync::mpsc::Sender;
use tokio::time::{sleep, timeout};

use super::fetched::Fetched;
use super::messages::Messages;
use super::pace::{FETCH_TIMEOUT, Pace};
use super::trouble;
use super::unreadable::Search;

/// How long a broker waits for messages before it answers that there are none.
const MAX_WAIT_MS: i32 = 500;

/// How many bytes are asked for where a single batch is wanted: it comes although it is larger.
const ONE_BATCH: i32 = 2;

/// How long to wait where a broker says that there are messages, and sends none.
const PAUSE: Duration = Duration::from_millis(200);

/// How often that may be in a row.
const MAX_PAUSES: u32 = 50;

/// Fetches from one partition.
pub(super) struct Fetching {
    pub(super) client: Arc<Client>,
    pub(super) topic: String,
    pub(super) number: i32,
    pub(super) partition: PartitionClient,
    pub(super) pace: Pace,
    pub(super) to: Sender<Fetched>,
}

impl Fetching {
    /// Fetches, beginning with this message, and sends at last why that ended.
    pub(super) async fn run(mut self, from: i64) {
        let Err(end) = self.fetch(from).await else { return };
        let _ = self.to.send(end).await;
    }

    /// Returns if nobody wants more.
    async fn fetch(&mut self, from: i64) -> Result<(), Fetched> {
        let (mut next, mut pauses, mut is_careful) = (from, 0, false);
        loop {
            let bytes = if is_careful { ONE_BATCH } else { self.pace.bytes() };
            let begun = Instant::now();
            let fetching = self.partition.fetch_records(next, 1..bytes, MAX_WAIT_MS);
            let Ok(fetched) = timeout(self.pace.limit(), fetching).await else {
                let slow = self.late().await?;
                if self.to.send(slow).await.is_err() {
                    return Ok(());
                }
                continue;
            };
            let (messages, end) = match fetched {
                Ok(fetched) => fetched,
                Err(error) => {
                    let reason = self.unreadable(&error, next)?;
                    if is_careful {
                        let after = self.readable_after(next).await?;
                        let left_out = Fetched::Unreadable(self.number, next..=after - 1, reason);
                        if self.to.send(left_out).await.is_err() {
                            return Ok(());
                        }
                        next = after;
                    }
                    // There may be more of them: a large answer would be in vain.
                    self.pace.begin_small();
                    is_careful = !is_careful;
                    continue;
                }
            };
            self.pace.came(begun.elapsed());
            let messages = Messages::from(messages);
            if let Some(last) = messages.last() {
                (next, pauses) = (last + 1, 0);
                if self.to.send(Fetched::Messages(self.number, messages)).await.is_err() {
                    return Ok(());
                }
                continue;
            }
            is_careful = false;
            if end > next {
                pauses += 1;
                if pauses > MAX_PAUSES {
                    return Err(self.trouble(&format!(
                        "there are messages behind number {next}, and the broker sends none: Pigear can't read \
                        topics with transactions"
                    )));
                }
                sleep(PAUSE).await;
            }
        }
    }

    fn trouble(&self, problem: &str) -> Fetched {
        Fetched::Trouble(format!("partition {}: {problem}", self.number))
    }

    /// Why messages can't be read.
    ///
    /// # Errors
    /// If that isn't what is wrong.
    fn unreadable(&self, error: &Error, at: i64) -> Result<String, Fetched> {
        if trouble::is_out_of_range(error) {
            return Err(Fetched::OutOfRange(self.number, at));
        }
        trouble::unreadable(error).ok_or_else(|| self.trouble(&trouble::in_words(error)))
    }

    /// The first message behind this one that can be read, or the partition's end.
    async fn readable_after(&self, unreadable: i64) -> Result<i64, Fetched> {
        let asking = self.partition.get_offset(OffsetAt::Latest);
        let end = match timeout(self.pace.limit(), asking).await {
            Err(_) => return Err(self.trouble("the broker doesn't answer")),
            Ok(Err(error)) => return Err(self.trouble(&trouble::in_words(&error))),
            Ok(Ok(end)) if end <= unreadable => {
                return Err(
                    self.trouble(&format!("it ends before message {unreadable}, which it has"))
                );
            }
            Ok(Ok(end)) => end,
        };
        let mut search = Search::new(unreadable, end);
        loop {
            let at = match search.next() {
                Err(found) => return Ok(found),
                Ok(at) => at,
            };
            let fetching = self.partition.fetch_records(at, 1..ONE_BATCH, 0);
            let is_readable = match timeout(self.pace.limit(), fetching).await {
                Err(_) => return Err(self.trouble("the broker doesn't answer")),
                Ok(Err(error)) => self.unreadable(&error, at).map(|_| false)?,
                Ok(Ok(_)) => true,
            };
            search.answer(at, is_readable);
        }
    }

    /// An answer didn't come in time. If the broker answers who connects anew, it was too large: less is asked for from
    /// now on.
    async fn late(&mut self) -> Result<Fetched, Fetched> {
        let connecting = async {
            let unknown = UnknownTopicHandling::Error;
            let partition = self.client.partition_client(&self.topic, self.number, unknown).await?;
            partition.get_offset(OffsetAt::Latest).await?;
            Ok(partition)
        };
        let connected: Result<_, Error> = timeout(FETCH_TIMEOUT, connecting)
            .await
            .map_err(|_| self.trouble("the broker doesn't answer"))?;
        self.partition = connected.map_err(|error| self.trouble(&trouble::in_words(&error)))?;
        let (asked, limit) = (self.pace.bytes(), self.pace.limit());
        self.pace.late();
        Ok(Fetched::Slow(format!(
            "partition {}: the broker answers, but messages came too slowly: not {} in {limit:?}; now {} are asked \
            for, within {:?}",
            self.number,
            in_kib(asked),
            in_kib(self.pace.bytes()),
            self.pace.limit()
        )))
    }
}

fn in_kib(bytes: i32) -> String {
    format!("{} KiB", bytes / 1024)
}
