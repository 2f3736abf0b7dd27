//! What was delivered and not acknowledged: by a Pigear that was killed, or over a connection that was lost.
//!
//! The server delivers it again when [`ACK_WAIT`](super::consumer::ACK_WAIT) is over, behind newer alerts. Where no
//! other Pigear reads, it is given back at once: what is given back comes before anything new.

use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::consumer::pull::Config;
use async_nats::jetstream::consumer::{Consumer, Info};
use async_nats::jetstream::{AckKind, Message};
use tokio::time::{sleep, timeout};

use super::presence::Presence;

/// How long to wait between two looks at a consumer. The request of a Pigear that has just ended, and acknowledgements
/// on their way, are gone by then, and servers of a cluster know who is connected to another of them.
const LOOK_INTERVAL: Duration = Duration::from_millis(150);

/// How often to look, at most.
const LOOKS: u32 = 6;

/// After nothing has happened this often in a row, the consumer is not read.
const ENOUGH_RESTS: u32 = 2;

/// The most messages of the stream among which those that were delivered are. A selection of few alerts of a large
/// stream may have more.
const MOST: u64 = 200_000;

/// How long the server may take to confirm.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(2);

/// Who reads by a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readers {
    /// Only this source, as far as the server knows.
    Alone,
    /// Others, too: they may still acknowledge what they got.
    Others,
}

/// What was given back.
#[derive(Clone, Copy, Debug)]
pub(super) struct GivenBack {
    pub(super) count: usize,
    /// The place of the last in the stream.
    pub(super) last: u64,
    /// Up to there everything was acknowledged.
    pub(super) floor: u64,
    /// The number that the next delivery has.
    pub(super) next: u64,
}

/// Gives back what was delivered and not acknowledged; returns none if others read.
///
/// # Errors
/// If the server doesn't answer, in words for a user.
pub(super) async fn give_back(
    client: &Client,
    consumer: &Consumer<Config>,
    presence: &Presence,
) -> Result<Option<GivenBack>, String> {
    let Some(info) = at_rest(consumer, presence).await? else { return Ok(None) };
    let (first, last) = (info.ack_floor.stream_sequence + 1, info.delivered.stream_sequence);
    let given = GivenBack {
        count: info.num_ack_pending,
        last,
        floor: info.ack_floor.stream_sequence,
        next: info.delivered.consumer_sequence + 1,
    };
    if info.num_ack_pending == 0 || last < first || last - first >= MOST {
        return Ok(Some(GivenBack { count: 0, ..given }));
    }
    let subject = |place| {
        let Info { stream_name, name, delivered, .. } = &info;
        format!("$JS.ACK.{stream_name}.{name}.1.{place}.{}.0.0", delivered.consumer_sequence)
    };
    for place in first..last {
        let sent = client.publish(subject(place), NAK.into()).await;
        sent.map_err(|error| format!("consumer {}: {error}", info.name))?;
    }
    // The server takes them in order, and confirms that it has taken this one, before alerts are asked for.
    match timeout(CONFIRM_TIMEOUT, client.request(subject(last), NAK.into())).await {
        Ok(Ok(_)) => Ok(Some(given)),
        Ok(Err(error)) => Err(format!("consumer {}: {error}", info.name)),
        Err(_) => Err(format!("consumer {}: the server doesn't answer", info.name)),
    }
}

const NAK: &str = "-NAK";

/// What the server knows of a consumer that is not read; none if others read by it.
///
/// Other Pigears that read say so. Programs that aren't Pigear have a request there, or acknowledge something.
async fn at_rest(consumer: &Consumer<Config>, presence: &Presence) -> Result<Option<Info>, String> {
    let mut before = consumer.cached_info().clone();
    let is_unused = before.num_ack_pending == 0 && before.num_waiting == 0;
    if is_unused && !presence.has_others().await {
        return Ok(Some(before));
    }
    let mut rests = 0;
    for _ in 0..LOOKS {
        sleep(LOOK_INTERVAL).await;
        if presence.has_others().await {
            return Ok(None);
        }
        let now = consumer.get_info().await;
        let now = now.map_err(|error| format!("consumer {}: {error}", before.name))?;
        if now.num_waiting == 0 && now.num_ack_pending == 0 {
            return Ok(Some(now));
        }
        let is_at_rest = now.num_waiting == 0 && progress(&now) == progress(&before);
        rests = if is_at_rest { rests + 1 } else { 0 };
        if rests >= ENOUGH_RESTS {
            return Ok(Some(now));
        }
        before = now;
    }
    Ok(None)
}

/// What changes when something is delivered or acknowledged.
fn progress(info: &Info) -> (u64, u64, usize) {
    (info.delivered.consumer_sequence, info.ack_floor.stream_sequence, info.num_ack_pending)
}

/// Messages that were delivered to this source and not taken: those behind a gap, and those that were on their way
/// when it ended.
#[derive(Default)]
pub(super) struct Held(Vec<Message>);

impl From<Vec<Message>> for Held {
    fn from(messages: Vec<Message>) -> Self {
        Self(messages)
    }
}

impl Held {
    pub(super) fn add(&mut self, messages: impl IntoIterator<Item = Message>) {
        self.0.extend(messages);
    }

    /// Forgets all: the server doesn't have these messages any more, or has them back.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Gives the messages back: the server delivers them again at once.
    pub(super) async fn give_back(&mut self) {
        for message in self.0.drain(..) {
            // One that isn't given back comes again later.
            let _ = message.ack_with(AckKind::Nak(None)).await;
        }
    }
}

/// What a message says about its delivery.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delivery {
    /// Its number among those of the consumer.
    pub(super) number: Option<u64>,
    /// Its place in the stream: the last of all, if that isn't known.
    pub(super) place: u64,
    /// It was delivered before.
    pub(super) is_again: bool,
}

impl Delivery {
    pub(super) fn of(message: &Message) -> Self {
        let info = message.info().ok();
        let is_again = info.as_ref().is_some_and(|info| info.delivered > 1);
        let place = info.as_ref().map_or(u64::MAX, |info| info.stream_sequence);
        Self { number: info.map(|info| info.consumer_sequence), place, is_again }
    }
}

/// Numbers of deliveries: where one is left out, it went to another Pigear, or was lost.
#[derive(Debug)]
pub(super) struct Deliveries {
    next: Option<u64>,
}

impl Deliveries {
    /// Those that begin with this number, where it is known: what is delivered before alerts are asked for goes to a
    /// request of a connection that was lost.
    pub(super) fn from(next: Option<u64>) -> Self {
        Self { next }
    }

    /// Whether a delivery is not the one behind the last.
    pub(super) fn is_behind_gap(&mut self, number: Option<u64>) -> bool {
        let Some(number) = number else { return false };
        let expected = self.next.replace(number + 1);
        expected.is_some_and(|expected| expected != number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_left_out_is_a_gap() {
        let mut deliveries = Deliveries::from(None);
        let gaps = [7, 8, 10, 11, 3, 4].map(|number| deliveries.is_behind_gap(Some(number)));
        assert_eq!(gaps, [false, false, true, false, true, false]);
    }

    #[test]
    fn what_was_delivered_before_the_first_that_comes_is_a_gap() {
        assert!(!Deliveries::from(Some(7)).is_behind_gap(Some(7)));
        assert!(Deliveries::from(Some(7)).is_behind_gap(Some(28)));
    }
}
