//! An estimate of missed alerts, from event ids.

use std::collections::BTreeMap;

use pigear_alert::Alert;

#[cfg(test)]
mod tests;

/// Estimates missed alerts from gaps in the event ids.
///
/// Snort numbers events with 16 bits, from 1 on in each packet thread; the high half of the id is the
/// thread. The numbers rise, with gaps where Snort numbers an event that it doesn't send (tagged
/// packets, suppressed rules), so this is an estimate. A number that is not above the last one means
/// that Snort was restarted, or that the counter wrapped around: only the latter is a gap.
#[derive(Debug, Default)]
pub(crate) struct Gaps {
    /// A tree: with the few threads of a Snort no other map is faster.
    last: BTreeMap<Thread, u16>,
}

/// A packet thread of a process.
type Thread = (i32, u16);

/// The most threads that are remembered. More come only from a Snort that is restarted repeatedly.
const MAX_THREADS: usize = 1_024;

/// How close to the end of the range the last number must be, and how close to its start the new
/// one, to count as a counter that wrapped around.
const WRAP_MARGIN: u16 = 0x1000;

impl Gaps {
    /// How many alerts are missing between this alert and the previous one.
    pub(crate) fn before(&mut self, alert: &Alert) -> u64 {
        if alert.untrusted || !alert.dialect.sends_whole_event() {
            return 0;
        }
        let pid = alert.sender.map_or(0, |sender| sender.pid);
        let [thread, number] = halves(alert.message.event_id);
        if self.last.len() >= MAX_THREADS {
            self.last.clear();
        }
        let last = self.last.insert((pid, thread), number);
        last.map_or(0, |last| gap(last, number))
    }
}

fn halves(event_id: u32) -> [u16; 2] {
    let [a, b, c, d] = event_id.to_be_bytes();
    [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])]
}

fn gap(last: u16, number: u16) -> u64 {
    let ran_over = last >= u16::MAX - WRAP_MARGIN && number <= WRAP_MARGIN;
    if number > last || ran_over { u64::from(number.wrapping_sub(last)) - 1 } else { 0 }
}
