//! The store of a running listener, and the lanes that read from it.

#[cfg(feature = "store")]
mod with_store;
#[cfg(not(feature = "store"))]
mod without_store;

#[cfg(feature = "store")]
pub(super) use with_store::OpenStore;
#[cfg(not(feature = "store"))]
pub(super) use without_store::OpenStore;

use pigear_pipeline::Handler;

use super::ListenError;
use super::lane_check::is_durable;
use crate::config::HandlerConfig;
use crate::registry::Requirements;

impl OpenStore {
    /// Whether the alerts of a handler wait in the store, whose settings are checked.
    pub(super) fn makes_durable(
        &self,
        config: &HandlerConfig,
        name: &str,
        handler: &dyn Handler,
    ) -> Result<bool, ListenError> {
        let needs = handler.needs();
        let requirements =
            Requirements { delivers: needs.delivers, datagram: needs.datagram, listens: None };
        is_durable(config, name, self.is_open(), requirements).map_err(|problem| problem.error)
    }
}
