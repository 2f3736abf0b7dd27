//! The last alerts, as events of streams.

use std::collections::VecDeque;

use pigear_alert::format::{Contents, Json, Part};

use crate::store::{StoreIdentity, Stored};
use crate::web::api::object::AlertObject;
use crate::web::place::Place;

/// How many alerts are read at once: more than this in a tick come later. Then a flood takes only a part of a
/// processor.
pub(in crate::web) const BATCH: usize = 500;

/// The most bytes of events that are sent as a piece, unless a single one has more. A stream that isn't read holds a few
/// pieces.
const PIECE: usize = 32 << 10;

/// How many alerts are remembered; a stream that is further behind reads the store.
pub(super) const REMEMBERED: usize = 4 * BATCH;

/// Whether events have the packets of alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::web) enum Packets {
    Written,
    Omitted,
}

/// What a stream wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::web) struct Wants {
    /// Whether with packets.
    pub(in crate::web) packets: Packets,
    /// How many of the newest alerts it gets where more than [`BATCH`] wait for it; `None` if it gets all.
    pub(in crate::web) newest: Option<usize>,
}

/// The last alerts: all with a higher id than `after`, up to `last`.
#[derive(Default)]
pub(super) struct Ring {
    pub(super) store: Option<StoreIdentity>,
    after: i64,
    pub(super) last: i64,
    events: VecDeque<Event>,
}

/// An alert, as those streams want it that were there when it was read.
pub(super) struct Event {
    id: i64,
    with_packet: Option<String>,
    without_packet: Option<String>,
}

/// Events for a stream, and the id that they reach up to.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::web) struct Events {
    pub(in crate::web) text: String,
    pub(in crate::web) last: i64,
    /// Whether some before them were left out.
    pub(in crate::web) is_newest: bool,
    /// How many there are.
    pub(in crate::web) count: usize,
    /// Whether those behind them found no room in the piece.
    pub(in crate::web) is_cut: bool,
}

/// Events that are sent at once.
#[derive(Default)]
pub(in crate::web) struct Piece {
    text: String,
    count: usize,
    /// The id of the last.
    last: i64,
    /// Whether one found no room.
    pub(in crate::web) is_cut: bool,
}

impl Piece {
    /// Adds an event, if there is room for it.
    pub(in crate::web) fn push(&mut self, id: i64, event: &str) {
        self.is_cut |= self.count > 0 && self.text.len() + event.len() > PIECE;
        if !self.is_cut {
            self.text.push_str(event);
            (self.count, self.last) = (self.count + 1, id);
        }
    }

    /// The events. They reach up to an id, or to that of the last if one found no room.
    pub(in crate::web) fn up_to(self, last: i64, is_newest: bool) -> Events {
        let Self { text, count, is_cut, .. } = self;
        let last = if is_cut { self.last } else { last };
        Events { text, last, is_newest, count, is_cut }
    }
}

impl Ring {
    /// Nothing, up to an id.
    pub(super) fn empty(store: StoreIdentity, last: i64) -> Self {
        Self { store: Some(store), after: last, last, events: VecDeque::new() }
    }

    pub(super) fn add(&mut self, events: Vec<Event>, last: Option<i64>) {
        let newest = events.last().map(|event| event.id);
        self.last = last.or(newest).unwrap_or(self.last);
        self.events.extend(events);
        while self.events.len() > REMEMBERED {
            if let Some(event) = self.events.pop_front() {
                self.after = event.id;
            }
        }
    }

    /// The events of a store after an id, at most [`BATCH`], or the newest if more wait; `None` if they are not
    /// remembered.
    pub(super) fn since(&self, store: StoreIdentity, id: i64, wants: Wants) -> Option<Events> {
        if self.store != Some(store) {
            return None;
        }
        let first = self.events.partition_point(|event| event.id <= id);
        let waiting = self.events.len() - first;
        let is_remembered = id >= self.after;
        if let Some(newest) = wants.newest
            && (waiting > BATCH || !is_remembered)
        {
            let first = self.events.len().checked_sub(newest)?;
            return Some(piece(self.events.range(first..), wants.packets)?.up_to(self.last, true));
        }
        if !is_remembered {
            return None;
        }
        let sent = waiting.min(BATCH);
        let events = self.events.range(first..first + sent);
        let last = match events.clone().next_back() {
            Some(event) if sent == BATCH => event.id,
            _ => self.last.max(id),
        };
        Some(piece(events, wants.packets)?.up_to(last, false))
    }
}

/// The first events, as many as are sent at once; `None` if there is no text of one.
fn piece<'a>(events: impl Iterator<Item = &'a Event>, packets: Packets) -> Option<Piece> {
    let mut piece = Piece::default();
    for event in events {
        let text = match packets {
            Packets::Written => event.with_packet.as_deref(),
            Packets::Omitted => event.without_packet.as_deref(),
        };
        piece.push(event.id, text?);
        if piece.is_cut {
            break;
        }
    }
    Some(piece)
}

impl Event {
    /// An alert, with and without its packet as far as that is wanted.
    pub(super) fn new(
        stored: &Stored,
        store: StoreIdentity,
        (with_packet, without_packet): (bool, bool),
    ) -> Self {
        let text = |is_wanted: bool, packets| is_wanted.then(|| event(stored, store, packets));
        Self {
            id: stored.id,
            with_packet: text(with_packet, Packets::Written),
            without_packet: text(without_packet, Packets::Omitted),
        }
    }
}

/// An alert as an event of a stream.
pub(in crate::web) fn event(stored: &Stored, store: StoreIdentity, packets: Packets) -> String {
    let (packet, payload) = match packets {
        Packets::Written => (Part::Written, Part::Written),
        Packets::Omitted => (Part::Omitted, Part::Written),
    };
    let format = Json { contents: Contents { packet, payload, max_bytes: None } };
    let place = Place::new(stored.id, store);
    format!("id: {place}\ndata: {}\n\n", AlertObject::text_in(stored, &format))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: i64) -> Event {
        Event { id, with_packet: Some(format!("{id} ")), without_packet: None }
    }

    fn wants(newest: Option<usize>) -> Wants {
        Wants { packets: Packets::Written, newest }
    }

    #[test]
    fn of_a_flood_the_newest_are_given_and_only_if_they_are_remembered() {
        let store: StoreIdentity = "0123456789abcdef".parse().unwrap();
        let (batch, all) = (i64::try_from(BATCH).unwrap(), wants(None));
        let newest = |text: &str, last| {
            let (text, count) = (text.to_owned(), text.matches(' ').count());
            Some(Events { text, last, is_newest: true, count, is_cut: false })
        };
        let mut ring = Ring::empty(store, 10);
        ring.add((11..=batch + 11).map(event).collect(), None);
        assert_eq!(ring.since(store, 10, wants(Some(2))), newest("510 511 ", batch + 11));
        let next = ring.since(store, 10, all).unwrap();
        assert_eq!((next.last, next.is_newest), (batch + 10, false));
        assert_eq!(
            ring.since(store, 11, wants(Some(2))).unwrap().text,
            next.text[3..].to_owned() + "511 "
        );
        // What is before is not remembered.
        assert_eq!(ring.since(store, 9, all), None);
        assert_eq!(ring.since(store, 9, wants(Some(2))), newest("510 511 ", batch + 11));
        let mut few = Ring::empty(store, 10);
        few.add(vec![event(11)], Some(12));
        assert_eq!(few.since(store, 9, wants(Some(2))), None);
        let text = "11 ".to_owned();
        let events = Events { text, last: 12, is_newest: false, count: 1, is_cut: false };
        assert_eq!(few.since(store, 10, wants(Some(2))), Some(events));
        // No stream without packets was there.
        assert_eq!(few.since(store, 10, Wants { packets: Packets::Omitted, newest: None }), None);
    }

    #[test]
    fn a_piece_has_a_bounded_length_and_the_rest_comes_behind_it() {
        let store: StoreIdentity = "0123456789abcdef".parse().unwrap();
        let large = |id, len| Event { with_packet: Some("x".repeat(len)), ..event(id) };
        let mut ring = Ring::empty(store, 0);
        let mut events = vec![large(1, PIECE - 1), large(2, 1), large(3, 1), large(4, 3 * PIECE)];
        events.push(large(5, 1));
        ring.add(events, Some(7));
        let all = |wants| {
            let (mut id, mut pieces) = (0, Vec::new());
            while id < 7 {
                let events = ring.since(store, id, wants).unwrap();
                id = events.last;
                pieces.push((events.text.len(), events.count, id, events.is_cut));
            }
            pieces
        };
        let expected =
            [(PIECE, 2, 2, true), (1, 1, 3, true), (3 * PIECE, 1, 4, true), (1, 1, 7, false)];
        assert_eq!(all(wants(None)), expected);
        assert_eq!(all(wants(Some(5))), expected);
    }
}
