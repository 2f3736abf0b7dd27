use std::collections::HashMap;
use std::mem::{Discriminant, discriminant};
use std::sync::Arc;

use pigear_alert::plural;
use pigear_pipeline::source::unified2::AlreadyHandled;
use pigear_pipeline::{EventCounter, LaneSettings, OnError, Pipeline, Queue, WhenFull};

use tracing::warn;

use crate::config::{HandlerConfig, StoreConfig};
use crate::listen::ListenError;
use crate::listen::lane_check::STORE;
use crate::store::{
    DurableLane, Left, RetentionPolicy, StoreAccess, StoreError, StoreOpener, StoreProblem,
    Unstorable, WhenDiskFull,
};

/// The most bytes of alerts that wait to be stored.
const MAX_WAITING_BYTES: usize = 32 << 20;

/// The store, if there is one.
#[derive(Default)]
pub(in crate::listen) struct OpenStore {
    store: Option<StoreOpener>,
    /// The lanes that read from it.
    names: Vec<String>,
}

impl OpenStore {
    /// Opens the store. If errors don't end the program, a full disk is waited for.
    pub(in crate::listen) fn open(
        config: &StoreConfig,
        on_error: OnError,
    ) -> Result<Self, ListenError> {
        let when_full = match on_error {
            OnError::Stop => WhenDiskFull::Fail,
            OnError::GoOn => WhenDiskFull::OpenLater,
        };
        let open = |path| StoreOpener::open(path, when_full);
        let store = config.path.as_deref().map(open).transpose()?;
        Ok(Self { store, ..Self::default() })
    }

    /// Whether an event of Snort's log was stored, as an alert of this sensor.
    pub(in crate::listen) fn known(&self, sensor: Option<String>) -> AlreadyHandled {
        let Some(store) = &self.store else { return Box::new(|_| false) };
        let mut access = StoreAccess::new(store.path().to_owned());
        let mut unchecked = Unchecked::default();
        Box::new(move |event| {
            let found = access.store().and_then(|store| store.reader.has(event, sensor.as_deref()));
            found.unwrap_or_else(|error| {
                unchecked.warn(&error);
                false
            })
        })
    }

    /// What a source of a fleet uses of the store.
    #[cfg(feature = "nats")]
    pub(in crate::listen) fn archive(&self) -> Option<crate::fleet::Archive> {
        self.store.clone().map(crate::fleet::Archive::new)
    }

    pub(in crate::listen) fn is_open(&self) -> bool {
        self.store.is_some()
    }

    /// Adds the lane that stores.
    pub(in crate::listen) fn add_store_handler(
        &self,
        pipeline: &mut Pipeline,
        when_full: WhenFull,
    ) {
        if let Some(store) = &self.store {
            let settings =
                LaneSettings { max_bytes: MAX_WAITING_BYTES, when_full, ..LaneSettings::default() };
            let unstorable = match when_full {
                WhenFull::Wait => Unstorable::Wait,
                WhenFull::AsSource | WhenFull::DropNewest => Unstorable::HandOn,
            };
            pipeline.add(STORE, Box::new(store.handler(unstorable)), settings);
        }
    }

    /// Whether a lane of this name reads from the store.
    pub(in crate::listen) fn has_lane(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }

    /// The lane of this name goes while Pigear runs.
    pub(in crate::listen) fn forget_lane(&mut self, name: &str) {
        self.leave(name, Left::Stays);
    }

    /// The lane of this name is not to be there after all.
    pub(in crate::listen) fn undo_lane(&mut self, name: &str) {
        self.leave(name, Left::Undone);
    }

    fn leave(&mut self, name: &str, left: Left) {
        self.names.retain(|known| known != name);
        if let Some(store) = &self.store {
            store.leave(name, left);
        }
    }

    /// Another receiver is that of a handler from now on.
    pub(in crate::listen) fn set_target(&self, name: &str, target: Option<&str>) {
        let set = self.store.as_ref().map_or(Ok(()), |store| store.set_target(name, target));
        if let Err(error) = set {
            warn!("handler {name}: cannot note its receiver in {error}: {}", error.source);
        }
    }

    /// The queue of a lane that reads from the store; `None` without a store.
    pub(in crate::listen) fn queue(
        &mut self,
        config: &HandlerConfig,
        name: &str,
        target: Option<String>,
        settings: LaneSettings,
    ) -> Result<Option<Arc<dyn Queue>>, ListenError> {
        let Some(store) = &self.store else { return Ok(None) };
        if self.names.iter().any(|taken| taken == name) {
            let problem = format!("two durable handlers are named {name}; rename one");
            return Err(ListenError::StoreSettings(problem));
        }
        let begin = config.begin.unwrap_or_default();
        let queue = store.queue(DurableLane { name: name.to_owned(), begin, settings, target })?;
        self.names.push(name.to_owned());
        Ok(Some(queue))
    }

    /// Starts to apply the retention policy.
    pub(in crate::listen) fn start(&mut self, config: &StoreConfig) -> Result<(), ListenError> {
        let Some(store) = &self.store else { return Ok(()) };
        // Also without retention limits, because this also checks that the file is still there.
        store.start(RetentionPolicy {
            days: config.keep_days,
            bytes: config.keep_bytes,
            trust_clock: config.trust_clock,
        })?;
        Ok(())
    }

    pub(in crate::listen) fn close(self) {
        if let Some(store) = self.store {
            store.close();
        }
    }
}

/// Events of which isn't known whether their alerts are stored, by the kind of error.
#[derive(Default)]
struct Unchecked(HashMap<Discriminant<StoreProblem>, EventCounter>);

impl Unchecked {
    fn warn(&mut self, error: &StoreError) {
        if let Some(text) = self.count(error) {
            warn!("{text}");
        }
    }

    /// Counts an event. What is to be logged is said at the first of a kind, and now and then.
    fn count(&mut self, error: &StoreError) -> Option<String> {
        let count = self.0.entry(discriminant(&error.source)).or_default().add(1)?;
        let problem = format!("cannot check whether alerts are in {error}: {}", error.source);
        Some(match count {
            1 => problem,
            count => format!("{problem}; {} so far", plural::count(count, "event")),
        })
    }
}

impl From<StoreError> for ListenError {
    fn from(StoreError { path, source }: StoreError) -> Self {
        Self::Store { path, source }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn an_error_is_said_once_a_kind_and_then_counted() {
        let error = |source| StoreError { path: "a.db".into(), source };
        let errors = [
            error(StoreProblem::Io(io::Error::other("one"))),
            error(StoreProblem::Damaged("two".into())),
        ];
        let mut unchecked = Unchecked::default();
        let said: Vec<_> = (0..200)
            .flat_map(|_| {
                errors.iter().filter_map(|error| unchecked.count(error)).collect::<Vec<_>>()
            })
            .collect();
        // Of each kind at 1, 2, 4, … 128.
        assert_eq!(said.len(), 16, "{said:#?}");
        assert!(said[0].ends_with("one") && said[1].ends_with("two"), "{said:#?}");
        assert!(said[15].ends_with("two; 128 events so far"), "{said:#?}");
    }
}
