//! This build has no metrics.

use std::io;
use std::sync::Arc;

use pigear_pipeline::{Stats, Stop};

use super::ListenError;
use crate::config::Config;
use crate::registry::Registry;

/// There is none.
pub(super) struct MetricsServer;

/// Nothing that runs.
pub(super) struct NotRunning;

impl MetricsServer {
    pub(super) fn bind(config: &Config, _: &Registry) -> Result<Self, ListenError> {
        match config.metrics {
            None => Ok(Self),
            Some(address) => Err(ListenError::Metrics {
                address: address.0,
                problem: "this program was built without metrics".to_owned(),
            }),
        }
    }

    #[expect(clippy::unused_self, reason = "with metrics it is used")]
    pub(super) fn url(&self) -> Option<String> {
        None
    }

    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "with metrics it is used")]
    pub(super) fn start(self, _: &Arc<Stats>, _: &Stop) -> io::Result<NotRunning> {
        Ok(NotRunning)
    }
}
