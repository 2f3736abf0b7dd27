//! How many alerts were missed, as far as event ids tell.

use std::collections::BTreeMap;

use pigear_alert::Alert;

#[cfg(test)]
mod tests;

/// Estimates missed alerts from gaps in the event ids.
///
/// Snort numbers events with 16 bits, in each packet thread from 1 on; the high half of the id names
/// the thread. The numbers rise, with gaps where Snort numbers an event that it doesn't send (tagged
/// packets, suppressed rules): hence an estimate. A number that is not above the last one means that
/// Snort started over, or that the counter ran over: only the latter is a gap.
#[derive(Debug, Default)]
pub(crate) struct Gaps {
    /// A tree, since with the few threads that there are nothing is found sooner.
    last: BTreeMap<Thread, u16>,
}

/// A packet thread of a process.
type Thread = (i32, u16);

/// So many threads are remembered; more than that are a Snort that is started again and again.
const MAX_THREADS: usize = 1_024;

/// How near the end of the numbers the last one must have been, and how near the start the new one
/// must be, to take it for a counter that ran over.
const NEAR: u16 = 0x1000;

impl Gaps {
    /// How many alerts are missing between this alert and the one before it.
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
    let ran_over = last >= u16::MAX - NEAR && number <= NEAR;
    if number > last || ran_over { u64::from(number.wrapping_sub(last)) - 1 } else { 0 }
}
