use std::collections::VecDeque;
use std::time::{Duration, Instant};

use pigear_alert::unified2::{Assembler, Logged, Record};

use super::place::Place;

/// What belongs to an event is written right behind it. So long is waited for more …
const PAUSE: Duration = Duration::from_millis(20);
/// … and no longer than this, where more and more comes.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// The events that were read last, to which records may still belong.
pub(super) struct Window {
    assembler: Assembler,
    /// Of each event in the assembler.
    begun: VecDeque<Begun>,
    /// Whether this log has packets behind its events.
    has_packets: bool,
    /// How long an event waits for a packet that should be there.
    patience: Duration,
}

struct Begun {
    place: Place,
    /// When it was read …
    read: Instant,
    /// … and when the last was that belongs to it.
    touched: Instant,
}

/// An event that is whole.
pub(crate) struct Whole {
    /// Where it begins.
    pub(super) begun: Place,
    pub(crate) logged: Logged,
}

impl Window {
    pub(super) fn new(patience: Duration) -> Self {
        let (assembler, begun) = Default::default();
        Self { assembler, begun, has_packets: false, patience }
    }

    /// Takes the next record, which begins at a place; what is in the window for too long goes to `out`.
    pub(super) fn take(
        &mut self,
        record: &Record<'_>,
        place: impl FnOnce() -> Place,
        now: Instant,
        out: &mut Vec<Whole>,
    ) {
        if matches!(record, Record::Event(_)) {
            self.begun.push_back(Begun { place: place(), read: now, touched: now });
        }
        let whole = self.assembler.take(record);
        extend(out, &mut self.begun, whole);
        if let Some(begun) = self.assembler.touched().and_then(|nth| self.begun.get_mut(nth)) {
            begun.touched = now;
            self.has_packets |= !matches!(record, Record::ExtraData(_));
        }
    }

    /// At the end of what is written: gives the events that have waited for long enough. `half` says
    /// whether half a record is there.
    pub(super) fn take_ripe(&mut self, half: bool, now: Instant, out: &mut Vec<Whole>) {
        let last = self.assembler.open().next_back().map(time_of);
        let open = self.begun.iter().zip(self.assembler.open());
        let ripe = open.take_while(|(begun, logged)| {
            let lacks_packet = logged.packets.is_empty() && logged.inspected.is_empty();
            // What is written behind it may be its packet; not so behind an event of another time.
            let is_last = Some(time_of(logged)) == last;
            let waits = is_last && (half || self.has_packets && lacks_packet);
            let age = now.saturating_duration_since(begun.read);
            let idle = now.saturating_duration_since(begun.touched);
            age >= self.patience || !waits && (idle >= PAUSE || age >= LONGEST_PAUSE)
        });
        let ripe = ripe.count();
        extend(out, &mut self.begun, self.assembler.drain(ripe));
    }

    /// Gives all events: nothing more comes.
    pub(super) fn finish(&mut self, out: &mut Vec<Whole>) {
        extend(out, &mut self.begun, self.assembler.finish());
    }

    /// Where the oldest event begins.
    pub(super) fn start(&self) -> Option<&Place> {
        self.begun.front().map(|begun| &begun.place)
    }

    /// How soon to look again.
    pub(super) fn pause(&self) -> Option<Duration> {
        (!self.begun.is_empty()).then_some(PAUSE)
    }

    /// How many records belonged to no event.
    pub(super) fn strays(&self) -> u64 {
        self.assembler.strays()
    }
}

fn time_of(logged: &Logged) -> (u32, u32) {
    (logged.event.key.second, logged.event.microsecond)
}

fn extend(
    out: &mut Vec<Whole>,
    begun: &mut VecDeque<Begun>,
    whole: impl ExactSizeIterator<Item = Logged>,
) {
    let begun = begun.drain(..whole.len());
    out.extend(begun.zip(whole).map(|(begun, logged)| Whole { begun: begun.place, logged }));
}
