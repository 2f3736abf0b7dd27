//! The same with nothing but the client's library.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use pigear::fleet::encode;
use pigear_alert::Alert;
use rskafka::chrono::DateTime;
use rskafka::client::ClientBuilder;
use rskafka::client::partition::{Compression, PartitionClient, UnknownTopicHandling};
use rskafka::record::Record;
use tokio::runtime::{Builder, Runtime};

use crate::brokers::{Brokers, TOPIC};

/// As many as the handler's batches have.
const BATCH: usize = 1_100;

/// The same messages, in batches.
pub(crate) fn records(alerts: &[Arc<Alert>]) -> Vec<Vec<Record>> {
    let record = |(number, alert): (usize, &Arc<Alert>)| {
        let mut value = Vec::new();
        encode(alert, &mut value);
        let id = format!("{number:012}").into_bytes();
        Record {
            key: None,
            value: Some(value),
            headers: BTreeMap::from([("pigear-id".to_owned(), id)]),
            timestamp: DateTime::default(),
        }
    };
    let all: Vec<_> = alerts.iter().enumerate().map(record).collect();
    all.chunks(BATCH).map(<[_]>::to_vec).collect()
}

/// Publishes one batch after the other.
pub(crate) fn publish(brokers: &Brokers, batches: Vec<Vec<Record>>) -> Result<Duration> {
    let runtime = runtime()?;
    runtime.block_on(async {
        let partition = partition(brokers).await?;
        let begin = Instant::now();
        for batch in batches {
            partition.produce(batch, Compression::Zstd).await?;
        }
        Ok(begin.elapsed())
    })
}

/// Reads so many messages.
pub(crate) fn read(brokers: &Brokers, count: u32) -> Result<Duration> {
    let runtime = runtime()?;
    runtime.block_on(async {
        let partition = partition(brokers).await?;
        let begin = Instant::now();
        let mut next = 0;
        while next < i64::from(count) {
            let (messages, _) = partition.fetch_records(next, 1..1 << 20, 500).await?;
            ensure!(!messages.is_empty(), "no message {next}");
            next = messages.last().map_or(next, |last| last.offset + 1);
        }
        Ok(begin.elapsed())
    })
}

fn runtime() -> Result<Runtime> {
    Ok(Builder::new_multi_thread().worker_threads(1).enable_all().build()?)
}

async fn partition(brokers: &Brokers) -> Result<PartitionClient> {
    let servers = brokers.servers().split(',').map(str::to_owned).collect();
    let client = ClientBuilder::new(servers).build().await?;
    Ok(client.partition_client(TOPIC, 0, UnknownTopicHandling::Error).await?)
}
