//! The alerts that were taken before.

use std::collections::BTreeSet;

use pigear_alert::Alert;

use crate::fleet::Archive;
use crate::fleet::recent::Recent;

/// How many alerts are remembered to recognize one that comes again: more than may be on their way to the store.
const RECENT: usize = 100_000;

/// A server that was killed may not know that it delivered alerts, and that they were acknowledged. These come first
/// when delivery begins again, so they are looked for until this many in a row are new.
const UNSURE: u32 = 1_000;

/// How many messages that are no alerts are remembered.
const MAX_SET_ASIDE: usize = 10_000;

/// The alerts of late, and those of the store.
pub(super) struct KnownAlerts {
    pub(super) archive: Option<Archive>,
    recent: Recent,
    /// How many more alerts are looked for in the store, though nothing says that they were delivered before.
    unsure: u32,
    /// The places in the stream of the last messages that are no alerts.
    set_aside: BTreeSet<u64>,
}

impl KnownAlerts {
    pub(super) fn new() -> Self {
        Self {
            archive: None,
            recent: Recent::new(RECENT),
            unsure: UNSURE,
            set_aside: BTreeSet::new(),
        }
    }

    /// Delivery begins.
    pub(super) fn begin(&mut self) {
        self.unsure = UNSURE;
    }

    /// The stream is another one, with other messages at its places.
    pub(super) fn leave_stream(&mut self) {
        self.set_aside.clear();
    }

    /// Whether the message at a place was counted and kept before, though it is no alert.
    pub(super) fn was_set_aside(&self, place: u64) -> bool {
        self.set_aside.contains(&place)
    }

    /// Notes that it was.
    pub(super) fn set_aside(&mut self, place: u64) {
        // Messages of a stream have places from 1 on.
        if place > 0 {
            self.set_aside.insert(place);
        }
        if self.set_aside.len() > MAX_SET_ASIDE {
            self.set_aside.pop_first();
        }
    }

    pub(super) fn id(&self, alert: &Alert) -> u128 {
        self.recent.id(alert)
    }

    pub(super) fn add(&mut self, id: u128) {
        self.recent.add(id);
    }

    /// Whether the alert was taken before. The store is asked only where the message says that this may be, and
    /// where delivery has just begun.
    pub(super) fn has(&mut self, alert: &Alert, id: u128, is_suspicious: bool) -> bool {
        if self.recent.has(id) {
            return true;
        }
        let Some(archive) = &mut self.archive else { return false };
        let is_known = (is_suspicious || self.unsure > 0) && archive.has(alert);
        self.unsure = if is_known { UNSURE } else { self.unsure.saturating_sub(1) };
        is_known
    }

    /// Whether the store has the alert.
    pub(super) fn is_stored(&mut self, alert: &Alert) -> bool {
        self.archive.as_mut().is_some_and(|archive| archive.has(alert))
    }
}
