//! The alerts that were taken before.

use pigear_alert::Alert;

use crate::fleet::Archive;
use crate::fleet::recent::Recent;

/// How many alerts are remembered to recognize one that comes again: more than may be on their way to the store.
const RECENT: usize = 100_000;

/// A server that was killed may not know that it delivered alerts, and that they were acknowledged. These come first
/// when delivery begins again, so they are looked for until this many in a row are new.
const UNSURE: u32 = 1_000;

/// The alerts of late, and those of the store.
pub(super) struct KnownAlerts {
    pub(super) archive: Option<Archive>,
    recent: Recent,
    /// How many more alerts are looked for in the store, though nothing says that they were delivered before.
    unsure: u32,
}

impl KnownAlerts {
    pub(super) fn new() -> Self {
        Self { archive: None, recent: Recent::new(RECENT), unsure: UNSURE }
    }

    /// Delivery begins.
    pub(super) fn begin(&mut self) {
        self.unsure = UNSURE;
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
