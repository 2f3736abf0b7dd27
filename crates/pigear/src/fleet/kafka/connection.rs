//! A connection to the brokers, for one topic.

use rskafka::client::Client;
use rskafka::client::partition::{PartitionClient, UnknownTopicHandling};
use tokio::sync::OnceCell;

use super::trouble::Trouble;

/// Connections to brokers. They are made anew after any trouble: leaders and partitions may have changed.
pub(super) struct Connection {
    client: Client,
    topic: String,
    /// Each is connected to its leader once it is needed.
    partitions: Vec<OnceCell<PartitionClient>>,
}

impl Connection {
    pub(super) fn new(client: Client, topic: &str, partitions: usize) -> Self {
        let partitions = std::iter::repeat_with(OnceCell::new).take(partitions).collect();
        Self { client, topic: topic.to_owned(), partitions }
    }

    /// How many partitions the topic has.
    pub(super) fn partitions(&self) -> usize {
        self.partitions.len()
    }

    /// A partition, connected to its leader.
    pub(super) async fn partition(&self, number: usize) -> Result<&PartitionClient, Trouble> {
        let missing = || Trouble::Later("the partition doesn't exist".to_owned());
        let cell = self.partitions.get(number).ok_or_else(missing)?;
        let index = i32::try_from(number).map_err(|_| missing())?;
        let unknown = UnknownTopicHandling::Error;
        let connecting = || self.client.partition_client(&*self.topic, index, unknown);
        Ok(cell.get_or_try_init(connecting).await?)
    }
}
