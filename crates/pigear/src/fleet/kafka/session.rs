//! A connection that reads partitions, each on a task of its own.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use rskafka::client::Client;
use rskafka::client::partition::{OffsetAt, PartitionClient, UnknownTopicHandling};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::access::Access;
use super::messages::Messages;
use super::source_options::Reading;
use super::trouble;

/// How long opening all partitions may take.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a broker waits for messages before it answers that there are none.
const MAX_WAIT_MS: i32 = 500;

/// How long the answer of a broker may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

/// The most bytes that are asked for at once. A batch that is larger comes all the same.
const MAX_BYTES: i32 = 1 << 20;

/// How many answers wait to be taken.
const WAITING: usize = 4;

/// How often to look whether the topic has other partitions.
const LOOK_INTERVAL: Duration = Duration::from_secs(30);

/// How long to wait where a broker says that there are messages, and sends none.
const PAUSE: Duration = Duration::from_millis(200);

/// How often that may be in a row.
const MAX_PAUSES: u32 = 50;

/// What comes from the brokers.
pub(super) enum Fetched {
    Messages(i32, Messages),
    Trouble(String),
    /// A partition doesn't have the message that was asked for.
    OutOfRange(i32, i64),
    /// The topic has this many partitions now.
    Changed(usize),
}

/// A topic whose partitions can be read.
pub(super) struct Opened {
    client: Arc<Client>,
    topic: String,
    count: usize,
    pub(super) partitions: Vec<Partition>,
}

/// A partition, and which messages it has.
pub(super) struct Partition {
    pub(super) number: i32,
    pub(super) oldest: i64,
    /// The number of the next message.
    pub(super) end: i64,
    client: PartitionClient,
}

/// Reads until it is dropped.
pub(super) struct Session {
    pub(super) fetched: Receiver<Fetched>,
    _tasks: JoinSet<()>,
}

impl Opened {
    /// Connects to the leaders of the partitions that are read.
    ///
    /// # Errors
    /// What is wrong, in words for a user.
    pub(super) async fn new(access: &Access, reading: &Reading) -> Result<Self, String> {
        let client = Arc::new(access.connect().await?);
        let opening = async {
            let topic = &reading.topic;
            let there = partitions(&client, topic).await?;
            let wanted = reading.of(&there)?.into_iter();
            let each = wanted.map(|number| Partition::open(&client, topic, number));
            Ok((there.len(), try_join_all(each).await?))
        };
        let opened: Result<_, String> = match timeout(OPEN_TIMEOUT, opening).await {
            Ok(opened) => opened,
            Err(_) => Err("the brokers don't answer".to_owned()),
        };
        let (count, partitions) = opened?;
        Ok(Self { topic: reading.topic.clone(), client, count, partitions })
    }

    /// Begins to read. Must be called in a runtime.
    pub(super) fn read(self, next: impl Fn(i32) -> Option<i64>) -> Session {
        let Self { client, topic, count, partitions } = self;
        let (sender, fetched) = channel(WAITING);
        let mut tasks = JoinSet::new();
        for Partition { number, client, oldest, .. } in partitions {
            let from = next(number).unwrap_or(oldest);
            tasks.spawn(fetch(client, number, from, sender.clone()));
        }
        tasks.spawn(look(client, topic, count, sender));
        Session { fetched, _tasks: tasks }
    }
}

impl Partition {
    async fn open(client: &Client, topic: &str, number: i32) -> Result<Self, String> {
        let unknown = UnknownTopicHandling::Error;
        let opening = async {
            let client = client.partition_client(topic, number, unknown).await?;
            let oldest = client.get_offset(OffsetAt::Earliest).await?;
            let end = client.get_offset(OffsetAt::Latest).await?;
            Ok(Self { number, oldest, end, client })
        };
        opening.await.map_err(|error| format!("partition {number}: {}", trouble::in_words(&error)))
    }
}

/// The numbers of a topic's partitions.
async fn partitions(client: &Client, topic: &str) -> Result<Vec<i32>, String> {
    let topics = client.list_topics().await.map_err(|error| trouble::in_words(&error))?;
    let found = topics.into_iter().find(|found| found.name == topic);
    let numbers = found.map(|topic| topic.partitions.into_iter().collect::<Vec<_>>());
    let there = numbers.filter(|numbers| !numbers.is_empty());
    there.ok_or_else(|| format!("there is no topic {topic}"))
}

/// Fetches messages of one partition, in order.
async fn fetch(client: PartitionClient, number: i32, from: i64, to: Sender<Fetched>) {
    let (mut next, mut pauses) = (from, 0);
    let problem = loop {
        let fetching = client.fetch_records(next, 1..MAX_BYTES, MAX_WAIT_MS);
        let (messages, end) = match timeout(FETCH_TIMEOUT, fetching).await {
            Err(_) => break "the broker doesn't answer".to_owned(),
            Ok(Err(error)) if trouble::is_out_of_range(&error) => {
                let _ = to.send(Fetched::OutOfRange(number, next)).await;
                return;
            }
            Ok(Err(error)) => break trouble::in_words(&error),
            Ok(Ok(fetched)) => fetched,
        };
        let messages = Messages::from(messages);
        if let Some(last) = messages.last() {
            (next, pauses) = (last + 1, 0);
            if to.send(Fetched::Messages(number, messages)).await.is_err() {
                return;
            }
        } else if end > next {
            pauses += 1;
            if pauses > MAX_PAUSES {
                break format!(
                    "there are messages behind number {next}, and the broker sends none: Pigear can't read \
                    topics with transactions"
                );
            }
            sleep(PAUSE).await;
        }
    };
    let _ = to.send(Fetched::Trouble(format!("partition {number}: {problem}"))).await;
}

/// Looks whether the topic gets other partitions.
async fn look(client: Arc<Client>, topic: String, count: usize, to: Sender<Fetched>) {
    loop {
        sleep(LOOK_INTERVAL).await;
        // Those who fetch notice when a broker is gone.
        let looked = timeout(FETCH_TIMEOUT, partitions(&client, &topic)).await;
        if let Ok(Ok(now)) = looked
            && now.len() != count
        {
            let _ = to.send(Fetched::Changed(now.len())).await;
            return;
        }
    }
}
