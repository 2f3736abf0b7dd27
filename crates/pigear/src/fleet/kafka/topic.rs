//! The topic: its partitions, and how it is created.

use std::time::Duration;

use rskafka::client::Client;
use rskafka::client::error::ProtocolError;

use super::trouble;

/// What is known and wanted of a topic.
pub(super) struct TopicSettings {
    pub(super) name: String,
    pub(super) create: bool,
    pub(super) partitions: Option<u16>,
    pub(super) replication: Option<u16>,
}

/// A topic that can be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Checked {
    /// How many partitions it has.
    pub(super) partitions: usize,
    /// Whether it was created now.
    pub(super) is_new: bool,
}

impl TopicSettings {
    /// Checks that the topic is there, and creates it if that is wanted.
    ///
    /// # Errors
    /// What is wrong, in words for a user.
    pub(super) async fn check(
        &self,
        client: &Client,
        timeout: Duration,
    ) -> Result<Checked, String> {
        if let Some(partitions) = self.partitions_of(client).await? {
            return Ok(Checked { partitions, is_new: false });
        }
        if !self.create {
            return Err(format!("{}; create=yes creates it", trouble::no_topic(&self.name)));
        }
        let is_new = self.create(client, timeout).await?;
        match self.partitions_of(client).await? {
            Some(partitions) => Ok(Checked { partitions, is_new }),
            None => Err(format!("the topic {} was created, and isn't there yet", self.name)),
        }
    }

    async fn partitions_of(&self, client: &Client) -> Result<Option<usize>, String> {
        let topics = client.list_topics().await.map_err(|error| trouble::in_words(&error))?;
        let found = topics.into_iter().find(|topic| topic.name == self.name);
        Ok(found.map(|topic| topic.partitions.len()).filter(|partitions| *partitions > 0))
    }

    /// Creates the topic, and returns whether another did that meanwhile.
    async fn create(&self, client: &Client, timeout: Duration) -> Result<bool, String> {
        let controller = client.controller_client().map_err(|error| trouble::in_words(&error))?;
        // -1 is what the broker has as its default.
        let partitions = self.partitions.map_or(-1, i32::from);
        let replication = self.replication.map_or(Ok(-1), i16::try_from);
        let replication = replication.map_err(|error| format!("replication: {error}"))?;
        let millis = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        let created = controller.create_topic(&*self.name, partitions, replication, millis).await;
        match created {
            Ok(()) => Ok(true),
            Err(error)
                if trouble::protocol_error(&error) == Some(ProtocolError::TopicAlreadyExists) =>
            {
                Ok(false)
            }
            Err(error) => {
                Err(format!("cannot create the topic {}: {}", self.name, trouble::in_words(&error)))
            }
        }
    }
}

/// Whether this can be a topic's name.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let is_reserved = matches!(name, "" | "." | "..");
    if is_reserved || name.len() > 249 || !name.chars().all(is_plain) {
        return Err(format!(
            "{name:?} is not a topic's name: it has up to 249 letters, digits and ._-"
        ));
    }
    Ok(())
}
