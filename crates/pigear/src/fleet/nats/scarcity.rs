//! Whether a stream that refuses alerts when it is full may become full by the next ones.
//!
//! Of alerts in flight, a full stream may refuse one, and accept a later one for which there is room again. So near its
//! limits only one is in flight. How near is asked once a second: other sensors publish, too, and readers make room.

use std::time::{Duration, Instant};

use async_nats::jetstream::Context;
use async_nats::jetstream::stream::{DiscardPolicy, Info};
use tokio::time::timeout;

use super::outgoing::Outgoing;
use super::stream;

/// How often the stream is looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// How often one is looked at that always has room: it may be given limits.
const UNLIMITED_INTERVAL: Duration = Duration::from_secs(60);

/// How long the server may take to answer. It holds up what is published.
const LOOK_TIMEOUT: Duration = Duration::from_millis(500);

/// Room is scarce when a stream has less than one of these parts.
const PARTS: u64 = 10;

/// Room is scarce when it is less than this many times what is published next.
const RESERVE: u64 = 4;

/// What the server keeps with each message, at most: lengths, its time, a checksum, the headers' names.
const OVERHEAD: usize = 128;

/// What is known of a stream's room.
#[derive(Debug, Default)]
pub(super) struct Scarcity {
    /// When that was, and what was left.
    looked: Option<(Instant, Room)>,
}

/// Room that is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Room {
    bytes: u64,
    messages: u64,
    is_scarce: bool,
}

impl Room {
    /// What a stream has. One that removes its oldest alerts always has room.
    fn of(info: &Info) -> Self {
        if info.config.discard != DiscardPolicy::New {
            return Self { bytes: u64::MAX, messages: u64::MAX, is_scarce: false };
        }
        let (bytes, bytes_scarce) = left(info.config.max_bytes, info.state.bytes);
        let (messages, messages_scarce) = left(info.config.max_messages, info.state.messages);
        Self { bytes, messages, is_scarce: bytes_scarce || messages_scarce }
    }

    /// How long this is good for.
    fn interval(&self) -> Duration {
        // As much as is never published within that time.
        let is_unlimited = self.bytes.min(self.messages) > u64::MAX / 2;
        if is_unlimited { UNLIMITED_INTERVAL } else { LOOK_INTERVAL }
    }

    /// Takes this much away. Without enough in reserve, that makes room scarce.
    fn take(&mut self, bytes: u64, messages: u64) {
        let enough = |room: u64, wanted: u64| room / RESERVE >= wanted;
        self.is_scarce |= !enough(self.bytes, bytes) || !enough(self.messages, messages);
        self.bytes = self.bytes.saturating_sub(bytes);
        self.messages = self.messages.saturating_sub(messages);
    }
}

/// What is left of a limit, and whether that is little. There is none below 1.
fn left(limit: i64, used: u64) -> (u64, bool) {
    match u64::try_from(limit) {
        Ok(limit) if limit > 0 => {
            let left = limit.saturating_sub(used);
            (left, left < limit / PARTS)
        }
        _ => (u64::MAX, false),
    }
}

impl Scarcity {
    /// Whether room may end before these messages are published. If the server doesn't say, it may.
    pub(super) async fn may_end<'a>(
        &mut self,
        (jetstream, stream): (&Context, &str),
        messages: impl Iterator<Item = &'a Outgoing>,
    ) -> bool {
        let is_fresh = |(when, room): &(Instant, Room)| when.elapsed() < room.interval();
        let known = self.looked.take().filter(is_fresh);
        let (when, mut room) = match known {
            Some(known) => known,
            None => match timeout(LOOK_TIMEOUT, stream::info(jetstream, stream)).await {
                Ok(Ok(info)) => (Instant::now(), Room::of(&info)),
                Ok(Err(_)) | Err(_) => return true,
            },
        };
        let (mut bytes, mut count) = (0, 0);
        for Outgoing { subject, id, payload } in messages {
            bytes += (subject.len() + id.len() + payload.len() + OVERHEAD) as u64;
            count += 1;
        }
        room.take(bytes, count);
        self.looked = Some((when, room));
        room.is_scarce
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_without_limits_always_has_room() {
        for limit in [-1, 0] {
            assert_eq!(left(limit, 1 << 40), (u64::MAX, false));
        }
    }

    #[test]
    fn a_stream_that_always_has_room_is_seldom_looked_at() {
        let mut room = Room { bytes: u64::MAX, messages: u64::MAX, is_scarce: false };
        room.take(1 << 40, 1 << 20);
        assert!(!room.is_scarce);
        assert_eq!(room.interval(), UNLIMITED_INTERVAL);
        assert_eq!(Room { bytes: 1 << 40, ..room }.interval(), LOOK_INTERVAL);
    }

    #[test]
    fn room_is_scarce_near_the_limit_and_for_much_at_once() {
        assert_eq!(left(1_000, 899), (101, false));
        assert_eq!(left(1_000, 901), (99, true));
        assert_eq!(left(1_000, 1_001), (0, true));
        let room = Room { bytes: 1_000, messages: u64::MAX, is_scarce: false };
        let scarce = |bytes| {
            let mut room = room;
            room.take(bytes, 1);
            room.is_scarce
        };
        assert_eq!([scarce(250), scarce(251)], [false, true]);
        // What is published takes away from the next.
        let mut room = room;
        room.take(250, 1);
        room.take(250, 1);
        assert!(room.is_scarce);
    }
}
