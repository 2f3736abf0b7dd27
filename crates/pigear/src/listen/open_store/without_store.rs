use std::sync::Arc;

use pigear_pipeline::source::unified2::AlreadyHandled;
use pigear_pipeline::{LaneSettings, OnError, Pipeline, Queue, WhenFull};

use crate::config::{HandlerConfig, StoreConfig};
use crate::listen::ListenError;

/// This build has no store.
pub(in crate::listen) struct OpenStore;

impl OpenStore {
    #[expect(clippy::unnecessary_wraps, reason = "with a store it is")]
    pub(in crate::listen) fn open(_: &StoreConfig, _: OnError) -> Result<Self, ListenError> {
        Ok(Self)
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

    #[expect(clippy::unused_self, reason = "with a store it is")]
    pub(in crate::listen) fn has_lane(&self, _: &str) -> bool {
        false
    }

    #[expect(clippy::unused_self, reason = "with a store it is")]
    pub(in crate::listen) fn forget_lane(&mut self, _: &str) {}

    #[expect(clippy::unused_self, reason = "with a store it is")]
    pub(in crate::listen) fn undo_lane(&mut self, _: &str) {}

    #[expect(clippy::unused_self, reason = "with a store it is")]
    pub(in crate::listen) fn set_target(&self, _: &str, _: Option<&str>) {}

    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "with a store it is")]
    pub(in crate::listen) fn queue(
        &mut self,
        _: &HandlerConfig,
        _: &str,
        _: Option<String>,
        _: LaneSettings,
    ) -> Result<Option<Arc<dyn Queue>>, ListenError> {
        Ok(None)
    }

    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "with a store it is")]
    pub(in crate::listen) fn start(&mut self, _: &StoreConfig) -> Result<(), ListenError> {
        Ok(())
    }

    #[expect(clippy::unused_self, reason = "with a store it is")]
    pub(in crate::listen) fn close(self) {}
}
