//! An alert as a message, and which messages a batch has.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rskafka::chrono::DateTime;
use rskafka::record::Record;

/// A header with the alert's id: the same whenever the alert is published.
pub(super) const ID_HEADER: &str = "pigear-id";

/// A header of messages that may have been published before.
pub(super) const RETRY_HEADER: &str = "pigear-retry";

/// What a message has besides its key, value and headers.
const OVERHEAD: usize = 32;

/// An alert as a message.
pub(super) struct Outgoing {
    /// The sensor's name; empty if it has none.
    pub(super) key: Vec<u8>,
    pub(super) id: String,
    pub(super) payload: Vec<u8>,
}

impl Outgoing {
    pub(super) fn size(&self) -> usize {
        let headers = ID_HEADER.len() + self.id.len() + RETRY_HEADER.len() + 1;
        self.key.len() + self.payload.len() + headers + OVERHEAD
    }

    pub(super) fn record(&self, is_retry: bool) -> Record {
        let mut headers = BTreeMap::from([(ID_HEADER.to_owned(), self.id.clone().into_bytes())]);
        if is_retry {
            headers.insert(RETRY_HEADER.to_owned(), b"1".to_vec());
        }
        let now = DateTime::from_timestamp_millis(Timestamp::now().as_millisecond());
        Record {
            key: Some(self.key.clone()).filter(|key| !key.is_empty()),
            value: Some(self.payload.clone()),
            headers,
            timestamp: now.unwrap_or_default(),
        }
    }
}

/// Parts of these messages that are small enough, each with at least one message.
pub(super) fn batches(messages: &[Outgoing], indexes: &[usize], most: usize) -> Vec<Vec<usize>> {
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut bytes = 0;
    for index in indexes {
        let size = messages.get(*index).map_or(0, Outgoing::size);
        match batches.last_mut() {
            Some(batch) if bytes + size <= most => {
                batch.push(*index);
                bytes += size;
            }
            _ => {
                batches.push(vec![*index]);
                bytes = size;
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_as_large_as_allowed_and_has_at_least_one_message() {
        let message =
            |len: usize| Outgoing { key: Vec::new(), id: String::new(), payload: vec![0; len] };
        let messages = [message(10), message(10), message(500), message(10)];
        let two = 2 * messages[0].size();
        assert_eq!(batches(&messages, &[0, 1, 2, 3], two), [vec![0, 1], vec![2], vec![3]]);
        assert_eq!(batches(&messages, &[0, 3], 0), [vec![0], vec![3]]);
        assert!(batches(&messages, &[], two).is_empty());
    }
}
