//! Metrics of a listener.

use std::io;
use std::sync::Arc;

use pigear_pipeline::{Stats, Stop};

use super::ListenError;
use crate::config::Config;
use crate::metrics::{Bound, Running, Subjects};
use crate::registry::Registry;
use crate::rules::SharedRules;
use crate::sensors::SharedSensors;

/// The server of metrics, if one is configured.
pub(super) struct MetricsServer {
    bound: Option<Bound>,
    rules: SharedRules,
    sensors: SharedSensors,
    #[cfg(feature = "web")]
    streams: crate::web::SharedStreams,
    #[cfg(feature = "store")]
    store: Option<std::path::PathBuf>,
}

impl MetricsServer {
    /// Binds its address.
    pub(super) fn bind(config: &Config, registry: &Registry) -> Result<Self, ListenError> {
        let bound = config.metrics.map(|address| {
            Bound::at(address.0).map_err(|error| ListenError::Metrics {
                address: address.0,
                problem: error.to_string(),
            })
        });
        Ok(Self {
            bound: bound.transpose()?,
            rules: registry.rules().clone(),
            sensors: registry.sensors().clone(),
            #[cfg(feature = "web")]
            streams: registry.streams().clone(),
            #[cfg(feature = "store")]
            store: config.store.path.clone(),
        })
    }

    /// Where metrics are.
    pub(super) fn url(&self) -> Option<String> {
        self.bound.as_ref().map(Bound::url)
    }

    /// Serves until the result is dropped.
    pub(super) fn start(self, stats: &Arc<Stats>, stop: &Stop) -> io::Result<Option<Running>> {
        let subjects = Subjects {
            stats: Arc::clone(stats),
            stop: stop.clone(),
            rules: self.rules,
            sensors: self.sensors,
            #[cfg(feature = "web")]
            streams: self.streams,
            #[cfg(feature = "store")]
            store: self.store,
        };
        self.bound.map(|bound| bound.start(subjects)).transpose()
    }
}
