//! When a lane with a limit of messages sent the last ones, for the next run.
//!
//! What is stored is their age, with the time at which this was their age, by two clocks: one that can be
//! set, and one that can't, but begins anew with the machine. A message counts as young as the younger
//! reading says, and as just sent if neither can be right. So a clock that jumps doesn't make the next
//! run send more than is allowed; at worst, it waits a minute.

use std::time::Duration;

use jiff::Timestamp;
use pigear_pipeline::RecentEvents;
use serde::{Deserialize, Serialize};

use super::clock::Clock;

/// What is older no longer counts.
const MINUTE: Duration = Duration::from_secs(60);

/// The readings of the clocks, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Moment {
    /// Since 1970.
    wall: i64,
    /// Since the start of the machine.
    running: i64,
}

/// Messages, as they are stored.
#[derive(Debug, Serialize, Deserialize)]
struct Sends {
    at: Moment,
    /// The age of some messages in milliseconds, and how many these are.
    sent: Vec<(u64, u64)>,
}

impl Moment {
    pub(super) fn now() -> Self {
        let running = i64::try_from(Clock::now().running.as_millis()).unwrap_or(i64::MAX);
        Self { wall: Timestamp::now().as_millisecond(), running }
    }

    /// The time from an earlier moment to this.
    fn since(self, earlier: Self) -> Duration {
        let passed = [(self.wall, earlier.wall), (self.running, earlier.running)]
            .map(|(now, then)| now.checked_sub(then).and_then(|ms| u64::try_from(ms).ok()));
        Duration::from_millis(passed.into_iter().flatten().min().unwrap_or_default())
    }
}

/// The text that is stored.
pub(super) fn encode(recent: &[RecentEvents], at: Moment) -> Option<String> {
    let sent = |recent: &RecentEvents| {
        (u64::try_from(recent.age.as_millis()).unwrap_or(u64::MAX), recent.events)
    };
    serde_json::to_string(&Sends { at, sent: recent.iter().map(sent).collect() }).ok()
}

/// The messages that count now. What can't be decoded is nothing.
pub(super) fn decode(text: &str, now: Moment) -> Vec<RecentEvents> {
    let Ok(Sends { at, sent }) = serde_json::from_str(text) else { return Vec::new() };
    let passed = now.since(at);
    let recent = |(age, events)| {
        let age = Duration::from_millis(age).saturating_add(passed);
        RecentEvents { age, events }
    };
    sent.into_iter().map(recent).filter(|recent| recent.age < MINUTE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Moment = Moment { wall: 1_800_000_000_000, running: 500_000 };

    /// The ages, in seconds, of what was sent 0 and 30 seconds before, after the clocks went on.
    fn ages(wall: i64, running: i64) -> Vec<u64> {
        let sent = [(30, 2), (0, 1)]
            .map(|(age, events)| RecentEvents { age: Duration::from_secs(age), events });
        let text = encode(&sent, AT).unwrap();
        let now = Moment { wall: AT.wall + wall * 1_000, running: AT.running + running * 1_000 };
        decode(&text, now).iter().map(|recent| recent.age.as_secs()).collect()
    }

    #[test]
    fn messages_get_older_whatever_the_clock_does() {
        assert_eq!(ages(0, 0), [30, 0]);
        assert_eq!(ages(20, 20), [50, 20]);
        assert_eq!(ages(40, 40), [40]);
        assert_eq!(ages(60, 60), [0_u64; 0]);
        let year = 365 * 24 * 3_600;
        assert_eq!(ages(year, 20), [50, 20], "it jumps ahead");
        assert_eq!(ages(-year, 20), [50, 20], "it jumps back");
        assert_eq!(ages(45, -400), [45], "the machine was started anew");
        assert_eq!(ages(-year, -400), [30, 0], "and its clock is wrong");
    }

    #[test]
    fn what_cannot_be_decoded_is_nothing() {
        for text in ["", "x", "{}", r#"{"at":{"wall":1,"running":1},"sent":[[-1,2]]}"#] {
            assert_eq!(decode(text, AT), []);
        }
    }
}
