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
use super::fetched::Fetched;
use super::fetching::Fetching;
use super::pace::FETCH_TIMEOUT;
use super::source_options::Reading;
use super::trouble;

/// How long opening all partitions may take.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);

/// How many answers wait to be taken.
const WAITING: usize = 4;

/// How often to look whether the topic has other partitions.
const LOOK_INTERVAL: Duration = Duration::from_secs(30);

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
    /// Connects to the leaders of the partitions that are read. None if there is no such topic.
    ///
    /// # Errors
    /// What is wrong, in words for a user.
    pub(super) async fn new(access: &Access, reading: &Reading) -> Result<Option<Self>, String> {
        let client = Arc::new(access.connect().await?);
        let opening = async {
            let topic = &reading.topic;
            let Some(there) = partitions(&client, topic).await? else { return Ok(None) };
            let wanted = reading.of(&there)?.into_iter();
            let each = wanted.map(|number| Partition::open(&client, topic, number));
            Ok(Some((there.len(), try_join_all(each).await?)))
        };
        let opened: Result<_, String> = match timeout(OPEN_TIMEOUT, opening).await {
            Ok(opened) => opened,
            Err(_) => Err("the brokers don't answer".to_owned()),
        };
        let topic = reading.topic.clone();
        Ok(opened?.map(|(count, partitions)| Self { client, topic, count, partitions }))
    }

    /// Begins to read. Must be called in a runtime.
    pub(super) fn read(self, next: impl Fn(i32) -> Option<i64>) -> Session {
        let Self { client, topic, count, partitions } = self;
        let (sender, fetched) = channel(WAITING);
        let mut tasks = JoinSet::new();
        for Partition { number, client: partition, oldest, .. } in partitions {
            let fetching = Fetching {
                client: Arc::clone(&client),
                topic: topic.clone(),
                number,
                partition,
                to: sender.clone(),
            };
            tasks.spawn(fetching.run(next(number).unwrap_or(oldest)));
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

/// The numbers of a topic's partitions, if it is there.
async fn partitions(client: &Client, topic: &str) -> Result<Option<Vec<i32>>, String> {
    let topics = client.list_topics().await.map_err(|error| trouble::in_words(&error))?;
    let found = topics.into_iter().find(|found| found.name == topic);
    let numbers = found.map(|topic| topic.partitions.into_iter().collect::<Vec<_>>());
    Ok(numbers.filter(|numbers| !numbers.is_empty()))
}

/// Looks whether the topic gets other partitions.
async fn look(client: Arc<Client>, topic: String, count: usize, to: Sender<Fetched>) {
    loop {
        sleep(LOOK_INTERVAL).await;
        // Those who fetch notice when a broker is gone.
        let looked = timeout(FETCH_TIMEOUT, partitions(&client, &topic)).await;
        if let Ok(Ok(Some(now))) = looked
            && now.len() != count
        {
            let _ = to.send(Fetched::Changed(now.len())).await;
            return;
        }
    }
}
