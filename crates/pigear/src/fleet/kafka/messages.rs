//! What a broker answers, as far as the source needs it.
//!
//! The client's library allocates each message with its key and headers on its own. These are freed here, on the thread
//! that fetched them: freed on another they cost several times as much, because both threads want the same memory.

use rskafka::record::RecordAndOffset;

use super::outgoing::RETRY_HEADER;

/// Messages of one answer, in order, in one piece of memory.
#[derive(Default)]
pub(super) struct Messages {
    payloads: Vec<u8>,
    messages: Vec<Entry>,
}

struct Entry {
    offset: i64,
    /// Where its payload ends; it begins where the last one ends.
    end: usize,
    is_retry: bool,
}

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message<'a> {
    pub(super) offset: i64,
    pub(super) payload: &'a [u8],
    /// It may have been published before.
    pub(super) is_retry: bool,
}

impl Messages {
    /// The number of the last one.
    pub(super) fn last(&self) -> Option<i64> {
        self.messages.last().map(|message| message.offset)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Message<'_>> {
        let mut begin = 0;
        self.messages.iter().map(move |Entry { offset, end, is_retry }| {
            let payload = self.payloads.get(begin..*end).unwrap_or_default();
            begin = *end;
            Message { offset: *offset, payload, is_retry: *is_retry }
        })
    }
}

impl From<Vec<RecordAndOffset>> for Messages {
    fn from(fetched: Vec<RecordAndOffset>) -> Self {
        let bytes =
            fetched.iter().filter_map(|message| message.record.value.as_ref()).map(Vec::len);
        let mut payloads = Vec::with_capacity(bytes.sum());
        let entry = |RecordAndOffset { record, offset }: RecordAndOffset| {
            payloads.extend_from_slice(record.value.as_deref().unwrap_or_default());
            let is_retry = record.headers.contains_key(RETRY_HEADER);
            Entry { offset, end: payloads.len(), is_retry }
        };
        let messages = fetched.into_iter().map(entry).collect();
        Self { payloads, messages }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rskafka::chrono::DateTime;
    use rskafka::record::Record;

    use super::*;

    #[test]
    fn each_message_has_its_number_its_payload_and_whether_it_comes_again() {
        let fetched = |offset, value: Option<&[u8]>, header: &str| RecordAndOffset {
            record: Record {
                key: Some(b"a sensor".to_vec()),
                value: value.map(<[_]>::to_vec),
                headers: BTreeMap::from([(header.to_owned(), b"1".to_vec())]),
                timestamp: DateTime::default(),
            },
            offset,
        };
        let messages = Messages::from(vec![
            fetched(7, Some(b"one"), "pigear-id"),
            // A tombstone, and offsets with a gap: those between were removed.
            fetched(8, None, "pigear-id"),
            fetched(11, Some(b"another"), RETRY_HEADER),
        ]);
        let message = |offset, payload, is_retry| Message { offset, payload, is_retry };
        let expected: [Message<'_>; 3] =
            [message(7, b"one", false), message(8, b"", false), message(11, b"another", true)];
        assert_eq!(messages.iter().collect::<Vec<_>>(), expected);
        assert_eq!((messages.last(), Messages::default().last()), (Some(11), None));
    }
}
