use pigear_pipeline::source::unified2::AlreadyHandled;
use pigear_pipeline::{LaneConfig, LaneSettings, OnError, Pipeline, WhenFull};

use tracing::warn;

use crate::config::{HandlerConfig, StoreConfig};
use crate::listen::ListenError;
use crate::listen::open_store::STORE;
use crate::listen::open_store::filtered::Filtered;
use crate::store::{
    DurableLane, Reader, RetentionPolicy, StoreError, StoreOpener, Unstorable, WhenDiskFull,
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
        if store.is_none() && *config != StoreConfig::default() {
            let problem = "retention needs a store; give one with --store PATH";
            return Err(ListenError::StoreSettings(problem.to_owned()));
        }
        Ok(Self { store, ..Self::default() })
    }

    /// Whether an event of Snort's log was stored, as an alert of this sensor.
    pub(in crate::listen) fn known(&self, sensor: Option<String>) -> AlreadyHandled {
        let Some(store) = &self.store else { return Box::new(|_| false) };
        let path = store.path().to_owned();
        let (mut reader, mut is_said) = (None, false);
        Box::new(move |event| {
            if reader.as_ref().is_none_or(Reader::is_stale) {
                reader = match Reader::open(&path) {
                    Ok(reader) => Some(reader),
                    Err(error) => {
                        if !std::mem::replace(&mut is_said, true) {
                            warn!("cannot look whether alerts are stored: {error}");
                        }
                        None
                    }
                };
            }
            let Some(reader) = &mut reader else { return false };
            reader.has(event, sensor.as_deref()).unwrap_or_else(|error| {
                warn!("cannot check whether an alert is stored: {error}");
                false
            })
        })
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

    /// Adds a lane that reads from the store.
    pub(in crate::listen) fn add_lane(
        &mut self,
        pipeline: &mut Pipeline,
        config: &HandlerConfig,
        name: &str,
        filtered: Filtered,
        settings: LaneSettings,
    ) -> Result<(), ListenError> {
        let Some(store) = &self.store else { return Ok(()) };
        if self.names.iter().any(|taken| taken == name) {
            let problem = format!("two durable handlers are named {name}; rename one");
            return Err(ListenError::StoreSettings(problem));
        }
        let target = filtered.handler.needs().target;
        let begin = config.begin.unwrap_or_default();
        let queue = store.queue(DurableLane { name: name.to_owned(), begin, settings, target })?;
        self.names.push(name.to_owned());
        let Filtered { handler, filters } = filtered;
        pipeline.add(name, handler, LaneConfig { settings, filters, queue: Some(queue) });
        Ok(())
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

impl From<StoreError> for ListenError {
    fn from(StoreError { path, source }: StoreError) -> Self {
        Self::Store { path, source }
    }
}
