use std::collections::VecDeque;
use std::collections::vec_deque::Drain;

use super::{EventKey, Logged, Record};

/// Joins the records of a log: each event with its packets and its extra data.
///
/// The records of an event usually follow it at once; but a packet may raise several alerts, whose events
/// come one after the other, and the packets of a session that a rule tagged come at any later time, with
/// the number of the event that tagged it. So the last events stay open until there are too many, or the
/// caller knows that no more records come ([`drain`](Self::drain), [`finish`](Self::finish)).
#[derive(Clone, Debug, Default)]
pub struct Assembler {
    open: VecDeque<Logged>,
    /// Bytes that belong to them.
    bytes: usize,
    strays: u64,
    touched: Option<usize>,
}

impl Assembler {
    /// The most events that stay open.
    const MAX_OPEN: usize = 128;
    /// The most bytes of open events, unless there is only one.
    const MAX_BYTES: usize = 4 << 20;

    /// Takes the next record, and returns the events that were open for too long, oldest first.
    pub fn take(&mut self, record: &Record<'_>) -> Drain<'_, Logged> {
        self.touched = None;
        match record {
            Record::Event(event) => self.open.push_back(Logged::new((**event).clone())),
            Record::Packet(packet) => self.add(packet.key, |logged| logged.add_packet(packet)),
            Record::Buffer(buffer) => self.add(buffer.key, |logged| logged.add_inspected(buffer)),
            Record::ExtraData(extra) => self.add(extra.key, |logged| logged.add_extra(extra)),
            Record::Unknown { .. } => {}
        }
        self.drain(self.surplus())
    }

    /// The events that are open, oldest first.
    #[must_use]
    pub fn open(&self) -> impl DoubleEndedIterator<Item = &Logged> + ExactSizeIterator {
        self.open.iter()
    }

    /// Which of the open events the last record was added to, if it belongs to one, counted from 0. Those
    /// that [`take`](Self::take) returned are not counted.
    #[must_use]
    pub fn touched(&self) -> Option<usize> {
        self.touched
    }

    /// Returns this many of the oldest open events.
    pub fn drain(&mut self, events: usize) -> Drain<'_, Logged> {
        let events = events.min(self.open.len());
        self.touched = self.touched.and_then(|touched| touched.checked_sub(events));
        self.bytes -= self.open.iter().take(events).map(Logged::bytes).sum::<usize>();
        self.open.drain(..events)
    }

    /// Returns all open events: no more records come, or they aren't worth waiting for.
    pub fn finish(&mut self) -> Drain<'_, Logged> {
        self.drain(self.open.len())
    }

    /// Whether there are open events.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// How many packets and extra data belonged to no open event, or found no room in theirs.
    #[must_use]
    pub fn strays(&self) -> u64 {
        self.strays
    }

    /// How many events exceed the limits.
    fn surplus(&self) -> usize {
        let mut surplus = self.open.len().saturating_sub(Self::MAX_OPEN);
        if self.bytes > Self::MAX_BYTES {
            let mut left = self.bytes;
            let too_large = self.open.iter().take_while(|logged| {
                let is_too_large = left > Self::MAX_BYTES;
                left -= logged.bytes();
                is_too_large
            });
            surplus = surplus.max(too_large.count());
        }
        surplus.min(self.open.len().saturating_sub(1))
    }

    fn add(&mut self, key: EventKey, add: impl FnOnce(&mut Logged)) {
        let place = self.open.iter().rposition(|logged| logged.event.key == key);
        let Some((place, logged)) =
            place.and_then(|place| Some((place, self.open.get_mut(place)?)))
        else {
            self.strays += 1;
            return;
        };
        let (before, left_out) = (logged.bytes(), logged.left_out);
        add(logged);
        self.bytes += logged.bytes() - before;
        self.strays += u64::from(logged.left_out > left_out);
        self.touched = Some(place);
    }
}
