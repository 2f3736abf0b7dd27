//! How fast a stream goes.

use std::time::Duration;

use crate::web::feed::{BATCH, Events};

/// The pause after as many alerts as are sent at once, or all.
const PAUSE: Duration = Duration::from_millis(100);

/// The pause after those before which alerts were left out: a client that wants only the newest can't follow all.
const FLOOD_PAUSE: Duration = Duration::from_secs(2);

/// How fast a stream goes: what is sent at once may be several pieces.
#[derive(Default)]
pub(super) struct Pace {
    /// How many alerts were sent since the last pause.
    sent: usize,
    /// Whether some were left out since then.
    has_skipped: bool,
}

impl Pace {
    /// The pause after these events, if one is due.
    pub(super) fn pause_after(&mut self, events: &Events) -> Option<Duration> {
        self.sent += events.count;
        self.has_skipped |= events.is_newest;
        if events.is_cut && self.sent < BATCH {
            return None;
        }
        let Self { has_skipped, .. } = std::mem::take(self);
        Some(if has_skipped { FLOOD_PAUSE } else { PAUSE })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_pause_after_as_many_as_are_sent_at_once_however_many_pieces_they_are() {
        let events = |count, is_cut, is_newest| Events {
            text: String::new(),
            last: 1,
            is_newest,
            count,
            is_cut,
        };
        let mut pace = Pace::default();
        assert_eq!(pace.pause_after(&events(BATCH - 1, true, false)), None);
        assert_eq!(pace.pause_after(&events(1, true, false)), Some(PAUSE));
        assert_eq!(pace.pause_after(&events(1, true, true)), None);
        assert_eq!(pace.pause_after(&events(1, false, false)), Some(FLOOD_PAUSE));
        assert_eq!(pace.pause_after(&events(0, false, false)), Some(PAUSE));
    }
}
