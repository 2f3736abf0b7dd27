use std::collections::VecDeque;
use std::time::{Duration, Instant};

use pigear_alert::unified2::{Assembler, Logged, Record};

use super::place::Place;

/// The records of an event directly follow it. How long to wait for more …
const PAUSE: Duration = Duration::from_millis(20);
/// … and the maximum, if more keep coming.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// The latest events, which may still get records.
pub(super) struct Window {
    assembler: Assembler,
    /// Data about each event in the assembler.
    begun: VecDeque<OpenEvent>,
    /// Whether this log has packets after its events.
    has_packets: bool,
    /// How long an event waits for its packet.
    packet_wait: Duration,
}

struct OpenEvent {
    place: Place,
    /// When it was read …
    read: Instant,
    /// … and when its last record was read.
    last_record: Instant,
}

/// A complete event.
pub(crate) struct CompleteEvent {
    /// Where it begins.
    pub(super) begun: Place,
    pub(crate) logged: Logged,
}

impl Window {
    pub(super) fn new(packet_wait: Duration) -> Self {
        let (assembler, begun) = Default::default();
        Self { assembler, begun, has_packets: false, packet_wait }
    }

    /// Takes the next record, which begins at `place`; events that were open for too long go to `out`.
    pub(super) fn take(
        &mut self,
        record: &Record<'_>,
        place: impl FnOnce() -> Place,
        now: Instant,
        out: &mut Vec<CompleteEvent>,
    ) {
        if matches!(record, Record::Event(_)) {
            self.begun.push_back(OpenEvent { place: place(), read: now, last_record: now });
        }
        let whole = self.assembler.take(record);
        extend(out, &mut self.begun, whole);
        if let Some(begun) = self.assembler.touched().and_then(|nth| self.begun.get_mut(nth)) {
            begun.last_record = now;
            self.has_packets |= !matches!(record, Record::ExtraData(_));
        }
    }

    /// At the end of the log: returns the events that have waited long enough. `half` tells whether the log
    /// ends with an incomplete record.
    pub(super) fn take_expired(&mut self, half: bool, now: Instant, out: &mut Vec<CompleteEvent>) {
        let last = self.assembler.open().next_back().map(time_of);
        let open = self.begun.iter().zip(self.assembler.open());
        let expired = open.take_while(|(begun, logged)| {
            let lacks_packet = logged.packets.is_empty() && logged.inspected.is_empty();
            // That record may be the event's packet, unless another event of another time came in between.
            let is_last = Some(time_of(logged)) == last;
            let waits = is_last && (half || self.has_packets && lacks_packet);
            let age = now.saturating_duration_since(begun.read);
            let idle = now.saturating_duration_since(begun.last_record);
            age >= self.packet_wait || !waits && (idle >= PAUSE || age >= LONGEST_PAUSE)
        });
        let expired = expired.count();
        extend(out, &mut self.begun, self.assembler.drain(expired));
    }

    /// Returns all events: no more records come.
    pub(super) fn finish(&mut self, out: &mut Vec<CompleteEvent>) {
        extend(out, &mut self.begun, self.assembler.finish());
    }

    /// Where the oldest event begins.
    pub(super) fn start(&self) -> Option<&Place> {
        self.begun.front().map(|begun| &begun.place)
    }

    /// When to check again.
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
    out: &mut Vec<CompleteEvent>,
    begun: &mut VecDeque<OpenEvent>,
    whole: impl ExactSizeIterator<Item = Logged>,
) {
    let begun = begun.drain(..whole.len());
    out.extend(
        begun.zip(whole).map(|(begun, logged)| CompleteEvent { begun: begun.place, logged }),
    );
}
