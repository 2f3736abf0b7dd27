use pigear_pipeline::source::unified2::AlreadyHandled;
use pigear_pipeline::{LaneConfig, LaneSettings, OnError, Pipeline, WhenFull};

use crate::config::{HandlerConfig, StoreConfig};
use crate::listen::ListenError;
use crate::listen::open_store::filtered::Filtered;

/// This build has no store.
pub(in crate::listen) struct OpenStore;

impl OpenStore {
    pub(in crate::listen) fn open(config: &StoreConfig, _: OnError) -> Result<Self, ListenError> {
        if *config == StoreConfig::default() {
            Ok(Self)
        } else {
            Err(ListenError::StoreSettings("this program was built without a store".to_owned()))
        }
    }

    #[expect(clippy::unused_self, reason = "with a store it is")]
    pub(in crate::listen) fn known(&self, _: Option<String>) -> AlreadyHandled {
        Box::new(|_| false)
    }

    #[expect(clippy::unused_self, reason = "with a store it is")]
    pub(in crate::listen) fn is_open(&self) -> bool {
        false
    }

    #[expect(clippy::unused_self, reason = "with a store it is")]
    pub(in crate::listen) fn add_store_handler(&self, _: &mut Pipeline, _: WhenFull) {}

    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "with a store it is")]
    pub(in crate::listen) fn add_lane(
        &mut self,
        pipeline: &mut Pipeline,
        _: &HandlerConfig,
        name: &str,
        filtered: Filtered,
        settings: LaneSettings,
    ) -> Result<(), ListenError> {
        let Filtered { handler, filters } = filtered;
        pipeline.add(name, handler, LaneConfig { settings, filters, queue: None });
        Ok(())
    }

    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "with a store it is")]
    pub(in crate::listen) fn start(&mut self, _: &StoreConfig) -> Result<(), ListenError> {
        Ok(())
    }

    #[expect(clippy::unused_self, reason = "with a store it is")]
    pub(in crate::listen) fn close(self) {}
}
