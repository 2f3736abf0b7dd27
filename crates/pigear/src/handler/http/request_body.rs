//! The body of a request: some alerts, each formatted separately, and the text around them.

use super::encoding::Framing;
use super::id::Id;

/// Some alerts, ready to be sent.
///
/// Their texts are kept separate, because a server may accept only some of them.
pub(super) struct RequestBody {
    /// The URL.
    pub(super) url: reqwest::Url,
    pub(super) framing: Framing,
    text: Vec<u8>,
    /// The end of each alert's text.
    ends: Vec<usize>,
    ids: Vec<Id>,
}

impl RequestBody {
    pub(super) fn new(url: reqwest::Url, framing: Framing) -> Self {
        Self { url, framing, text: Vec::new(), ends: Vec::new(), ids: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The length of the body with one more text of this length.
    pub(super) fn bytes_with(&self, len: usize) -> usize {
        let Framing { before, between, after } = self.framing;
        before.len() + self.text.len() + len + self.ends.len() * between.len() + after.len()
    }

    pub(super) fn push(&mut self, id: Id, text: &[u8]) {
        self.text.extend_from_slice(text);
        self.ends.push(self.text.len());
        self.ids.push(id);
    }

    /// The body with only these alerts.
    pub(super) fn body(&self, which: &[usize]) -> Vec<u8> {
        let Framing { before, between, after } = self.framing;
        let mut body = Vec::with_capacity(self.bytes_with(0));
        body.extend_from_slice(before.as_bytes());
        for (n, text) in which.iter().filter_map(|&index| self.text_of(index)).enumerate() {
            if n > 0 {
                body.extend_from_slice(between.as_bytes());
            }
            body.extend_from_slice(text);
        }
        body.extend_from_slice(after.as_bytes());
        body
    }

    /// The idempotency key of a request with these alerts.
    pub(super) fn key(&self, which: &[usize]) -> Id {
        Id::of_all(which.iter().filter_map(|&index| self.ids.get(index).copied()))
    }

    fn text_of(&self, index: usize) -> Option<&[u8]> {
        let begin = index.checked_sub(1).and_then(|last| self.ends.get(last).copied());
        self.text.get(begin.unwrap_or_default()..*self.ends.get(index)?)
    }
}
