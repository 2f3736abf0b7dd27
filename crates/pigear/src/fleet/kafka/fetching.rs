//! Fetches the messages of a partition, in order.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rskafka::client::Client;
use rskafka::client::error::Error;
use rskafka::client::partition::{OffsetAt, PartitionClient, UnknownTopicHandling};
use tokio::sync::mpsc::Sender;
use tokio::time::{sleep, timeout};

use super::cursor::{Cursor, Step};
use super::fetched::Fetched;
use super::messages::Messages;
use super::pace::{FETCH_TIMEOUT, Pace};
use super::trouble;

/// How long a broker waits for messages before it answers that there are none.
const MAX_WAIT_MS: i32 = 500;

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
    pub(super) to: Sender<Fetched>,
}

impl Fetching {
    /// Fetches, beginning with this message, and sends at last why that ended.
    pub(super) async fn run(mut self, from: i64) {
        let Err(end) = self.fetch(from).await else { return };
        let _ = self.to.send(end).await;
    }

    /// Returns if no more is wanted.
    async fn fetch(&mut self, from: i64) -> Result<(), Fetched> {
        let (mut cursor, mut pauses) = (Cursor::new(from), 0);
        loop {
            let ((next, bytes), begun) = (cursor.request(), Instant::now());
            let fetching = self.partition.fetch_records(next, 1..bytes, MAX_WAIT_MS);
            let answer = timeout(cursor.pace.limit(), fetching).await;
            let (messages, step) = match answer {
                Err(_) => {
                    let slow = self.late(&mut cursor.pace).await?;
                    if self.to.send(slow).await.is_err() {
                        return Ok(());
                    }
                    continue;
                }
                Ok(Ok((messages, end))) => {
                    let messages = Messages::from(messages);
                    let step = cursor.came(messages.last(), end, begun.elapsed());
                    (messages, step)
                }
                Ok(Err(error)) => {
                    let reason = self.unreadable(&error, &cursor)?;
                    (Messages::default(), cursor.failed(reason))
                }
            };
            pauses = if step == Step::Pause { pauses + 1 } else { 0 };
            let fetched = match step {
                Step::Ask => continue,
                Step::Take => Fetched::Messages(self.number, messages),
                Step::LeaveOut(left_out, reason) => {
                    Fetched::Unreadable(self.number, left_out, reason)
                }
                Step::Report(messages, reason) => Fetched::Unending(self.number, messages, reason),
                Step::Pause if pauses > MAX_PAUSES => {
                    return Err(self.trouble(&format!(
                        "there are messages behind number {next}, and the broker sends none: Pigear can't read \
                        topics with transactions"
                    )));
                }
                Step::Pause => {
                    sleep(PAUSE).await;
                    continue;
                }
            };
            if self.to.send(fetched).await.is_err() {
                return Ok(());
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
    fn unreadable(&self, error: &Error, cursor: &Cursor) -> Result<String, Fetched> {
        let (asked, _) = cursor.request();
        // Behind what can't be read it says nothing about the message to continue with.
        if trouble::is_out_of_range(error) && asked == cursor.next() {
            return Err(Fetched::OutOfRange(self.number, asked));
        }
        trouble::unreadable(error).ok_or_else(|| self.trouble(&trouble::in_words(error)))
    }

    /// An answer didn't come in time. If the broker answers who connects anew, it was too large: less is asked for from
    /// now on.
    async fn late(&mut self, pace: &mut Pace) -> Result<Fetched, Fetched> {
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
        let (asked, limit) = (pace.bytes(), pace.limit());
        pace.late();
        Ok(Fetched::Slow(format!(
            "partition {}: the broker answers, but messages came too slowly: not {} in {limit:?}; now {} are asked \
            for, within {:?}",
            self.number,
            size(asked),
            size(pace.bytes()),
            pace.limit()
        )))
    }
}

fn size(bytes: i32) -> String {
    if bytes < 1024 { format!("{bytes} bytes") } else { format!("{} KiB", bytes / 1024) }
}
