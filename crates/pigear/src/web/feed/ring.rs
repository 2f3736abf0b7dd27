//! The last alerts, as events of streams.

use std::collections::VecDeque;

use pigear_alert::format::{Contents, Json, Part};

use crate::store::{StoreIdentity, Stored};
use crate::web::api::object::AlertObject;
use crate::web::place::Place;

/// How many alerts are read at once: more than this in a tick come later. Then a flood takes only a part of a
/// processor.
pub(in crate::web) const BATCH: usize = 500;

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
            let events = self.events.range(first..);
            return Some(Events {
                text: text(events, wants.packets)?,
                last: self.last,
                is_newest: true,
            });
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
        Some(Events { text: text(events, wants.packets)?, last, is_newest: false })
    }
}

/// The text of events; `None` if there is none of one.
fn text<'a>(events: impl Iterator<Item = &'a Event>, packets: Packets) -> Option<String> {
    let texts = events.map(|event| match packets {
        Packets::Written => event.with_packet.as_deref(),
        Packets::Omitted => event.without_packet.as_deref(),
    });
    texts.collect()
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
        let newest =
            |text: &str, last| Some(Events { text: text.to_owned(), last, is_newest: true });
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
        let events = Events { text: "11 ".to_owned(), last: 12, is_newest: false };
        assert_eq!(few.since(store, 10, wants(Some(2))), Some(events));
        // No stream without packets was there.
        assert_eq!(few.since(store, 10, Wants { packets: Packets::Omitted, newest: None }), None);
    }
}
