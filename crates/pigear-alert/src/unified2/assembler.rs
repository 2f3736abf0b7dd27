use std::collections::VecDeque;

use super::{EventKey, Logged, Record};

/// Puts the records of a log together: each event with its packets and its extra data.
///
/// A packet may raise several alerts, and what Snort knows of it may stand behind all their events.
/// So an event is whole once one of another time begins, or when [`finish`](Self::finish) says that
/// nothing more comes.
#[derive(Clone, Debug, Default)]
pub struct Assembler {
    open: VecDeque<Logged>,
    strays: u64,
}

impl Assembler {
    /// More events of the same time than this are not waited for.
    const MAX_OPEN: usize = 256;

    /// Takes the next record, and returns the events that are whole now, oldest first.
    pub fn take(&mut self, record: &Record<'_>) -> impl Iterator<Item = Logged> {
        let mut whole = 0;
        match record {
            Record::Event(event) => {
                let goes_on = self.open.back().is_some_and(|last| {
                    (last.event.key.second, last.event.microsecond)
                        == (event.key.second, event.microsecond)
                });
                whole = match (goes_on, self.open.len()) {
                    (true, Self::MAX_OPEN) => 1,
                    (true, _) => 0,
                    (false, all) => all,
                };
                self.open.push_back(Logged::new((**event).clone()));
            }
            Record::Packet(packet) => self.add(packet.key, |logged| logged.add_packet(packet)),
            Record::Buffer(buffer) => self.add(buffer.key, |logged| logged.add_inspected(buffer)),
            Record::ExtraData(extra) => self.add(extra.key, |logged| logged.add_extra(extra)),
            Record::Unknown { .. } => {}
        }
        self.open.drain(..whole)
    }

    /// Returns the events that are still open: nothing more comes, or it wasn't worth waiting for.
    pub fn finish(&mut self) -> impl Iterator<Item = Logged> {
        self.open.drain(..)
    }

    /// Whether there are events that may go on.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// How many packets and extra data belonged to no event that was open: those of tagged sessions,
    /// as a rule.
    #[must_use]
    pub fn strays(&self) -> u64 {
        self.strays
    }

    fn add(&mut self, key: EventKey, add: impl FnOnce(&mut Logged)) {
        match self.open.iter_mut().rev().find(|logged| logged.event.key == key) {
            Some(logged) => add(logged),
            None => self.strays += 1,
        }
    }
}
