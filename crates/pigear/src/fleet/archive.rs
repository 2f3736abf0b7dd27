//! What a source of a fleet uses of the store: whether an alert is there already, and dead letters.

use pigear_alert::Alert;
use pigear_pipeline::EventCounter;
use tracing::warn;

use crate::store::{Reader, StoreOpener};

/// The store, as a source uses it.
pub(crate) struct Archive {
    store: StoreOpener,
    reader: Option<Reader>,
    /// How many questions and dead letters failed.
    failed: EventCounter,
}

impl Archive {
    pub(crate) fn new(store: StoreOpener) -> Self {
        Self { store, reader: None, failed: EventCounter::default() }
    }

    /// Whether an alert is stored. If the store can't be read, it isn't: an alert twice is better than none.
    pub(super) fn has(&mut self, alert: &Alert) -> bool {
        if self.reader.as_ref().is_none_or(Reader::is_stale) {
            self.reader = match Reader::open(self.store.path()) {
                Ok(reader) => Some(reader),
                Err(error) => {
                    self.failed(&format!(
                        "cannot check for duplicates in {error}: {}",
                        error.source
                    ));
                    None
                }
            };
        }
        let Some(reader) = &mut self.reader else { return false };
        match reader.has_alert(alert) {
            Ok(has) => has,
            Err(error) => {
                self.failed(&format!("cannot check for duplicates in {error}: {}", error.source));
                false
            }
        }
    }

    /// Keeps what can't be decoded as a dead letter, and returns whether that was possible.
    pub(super) fn keep(&mut self, source: &str, data: &[u8], reason: &str) -> bool {
        let kept = self.store.keep_undecoded(source, data, reason);
        if let Err(error) = &kept {
            self.failed(&format!("cannot keep a dead letter in {error}: {}", error.source));
        }
        kept.is_ok()
    }

    /// How far a source has read, by a name of the source's.
    ///
    /// # Errors
    /// If the store can't be read, in words for a user.
    #[cfg(any(feature = "kafka", feature = "nats"))]
    pub(super) fn place(&self, name: &str) -> Result<Option<i64>, String> {
        let place = self.store.place(name);
        place.map_err(|error| {
            format!("cannot find out how far was read, in {error}: {}", error.source)
        })
    }

    /// Saves how far a source has read, and returns whether that was possible.
    #[cfg(any(feature = "kafka", feature = "nats"))]
    pub(super) fn save(&mut self, places: &[(String, i64)]) -> bool {
        let saved = self.store.save_places(places);
        if let Err(error) = &saved {
            self.failed(&format!("cannot save how far was read, in {error}: {}", error.source));
        }
        saved.is_ok()
    }

    fn failed(&mut self, problem: &str) {
        if let Some(count) = self.failed.add(1) {
            warn!("{problem}; {count} so far");
        }
    }
}
