//! Acknowledgements of published messages.
//!
//! They are sent to a subject that each message names, so it goes over the wire twice for each alert. The library's own
//! has 52 bytes; this one has 20.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::response::Response;
use async_nats::{Client, HeaderMap, Message, StatusCode, Subscriber};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::StreamExt;
use tokio::time::timeout;

use super::outgoing::{Outgoing, RETRY_HEADER};
use super::trouble::Trouble;

/// Where acknowledgements arrive, and which are expected.
pub(super) struct Acknowledgements {
    client: Client,
    subscriber: Subscriber,
    /// The subject without its last token, which is a message's number.
    inbox: String,
    /// How long an acknowledgement may take.
    timeout: Duration,
    next: u32,
    /// The place of each message, by its number.
    expected: BTreeMap<u32, usize>,
    /// When each was sent, oldest first.
    sent: VecDeque<(u32, Instant)>,
    /// Nothing arrives any more.
    has_ended: bool,
}

/// What became of a message, by its place.
pub(super) type Settled = (usize, Result<(), Trouble>);

impl Acknowledgements {
    /// Subscribes to a subject of its own.
    pub(super) async fn new(client: Client, timeout: Duration) -> Result<Self, String> {
        // As random as the keys of a hash map: the system's randomness. With 48 bits, that two of 500 publishers have
        // the same is less likely than one in a thousand million.
        let [_, _, name @ ..] = RandomState::new().hash_one(()).to_le_bytes();
        let inbox = format!("_INBOX.{}.", URL_SAFE_NO_PAD.encode(name));
        let subscriber = client.subscribe(format!("{inbox}*")).await;
        let subscriber = subscriber.map_err(|error| format!("cannot subscribe: {error}"))?;
        let (expected, sent) = (BTreeMap::new(), VecDeque::new());
        Ok(Self { client, subscriber, inbox, timeout, next: 0, expected, sent, has_ended: false })
    }

    /// Whether the library has given the connection up: then another one is needed.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// How many messages wait for theirs.
    pub(super) fn expected(&self) -> usize {
        self.expected.len()
    }

    /// Expects none any more: those that come are of an attempt that was given up.
    pub(super) fn forget(&mut self) {
        self.expected.clear();
        self.sent.clear();
    }

    /// Sends a message, and expects its acknowledgement.
    pub(super) async fn send(
        &mut self,
        place: usize,
        message: &Outgoing,
        is_retry: bool,
    ) -> Result<(), Trouble> {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, &*message.id);
        if is_retry {
            headers.insert(RETRY_HEADER, "1");
        }
        let number = self.next;
        self.next = (number + 1) & 0x00ff_ffff;
        let reply = format!("{}{}", self.inbox, token(number));
        let (subject, payload) = (message.subject.clone(), message.payload.clone().into());
        let sending = self.client.publish_with_reply_and_headers(subject, reply, headers, payload);
        match timeout(self.timeout, sending).await {
            Ok(sent) => sent.map_err(Trouble::from)?,
            Err(_) => return Err(Trouble::Unknown(UNACKNOWLEDGED)),
        }
        self.expected.insert(number, place);
        self.sent.push_back((number, Instant::now()));
        Ok(())
    }

    /// Waits for the next acknowledgement, or until the oldest is overdue; `None` if none is expected.
    pub(super) async fn next(&mut self) -> Option<Settled> {
        loop {
            let (number, sent) = loop {
                let (number, sent) = *self.sent.front()?;
                if self.expected.contains_key(&number) {
                    break (number, sent);
                }
                self.sent.pop_front();
            };
            let left = self.timeout.saturating_sub(sent.elapsed());
            let trouble = match timeout(left, self.subscriber.next()).await {
                Ok(Some(message)) => match self.settled(&message) {
                    Some(settled) => return Some(settled),
                    None => continue,
                },
                Ok(None) => {
                    self.has_ended = true;
                    "the connection is lost"
                }
                Err(_) => UNACKNOWLEDGED,
            };
            let place = self.expected.remove(&number)?;
            return Some((place, Err(Trouble::Unknown(trouble))));
        }
    }

    /// What an acknowledgement says; none if it is not expected.
    fn settled(&mut self, message: &Message) -> Option<Settled> {
        let number = number(message.subject.strip_prefix(&*self.inbox)?)?;
        let place = self.expected.remove(&number)?;
        if message.status == Some(StatusCode::NO_RESPONDERS) {
            return Some((place, Err(Trouble::Unknown("no stream takes the alert"))));
        }
        let result = match serde_json::from_slice::<Response<PublishAck>>(&message.payload) {
            Ok(Response::Ok(_)) => Ok(()),
            Ok(Response::Err { error }) => Err(Trouble::of(&error)),
            Err(_) => Err(Trouble::Unknown("publishing failed")),
        };
        Some((place, result))
    }
}

/// For messages.
pub(super) const UNACKNOWLEDGED: &str = "the server doesn't acknowledge";

/// A number below 2^24 as a token of four characters.
fn token(number: u32) -> String {
    let [_, bytes @ ..] = number.to_be_bytes();
    URL_SAFE_NO_PAD.encode(bytes)
}

fn number(token: &str) -> Option<u32> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let &[a, b, c] = bytes.first_chunk()?;
    Some(u32::from_be_bytes([0, a, b, c]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_comes_back_from_its_token() {
        for of in [0, 1, 63, 64, 0x00ff_ffff] {
            assert_eq!((token(of).len(), number(&token(of))), (4, Some(of)));
        }
        assert_eq!([number(""), number("*"), number("AA")], [None; 3]);
    }
}
