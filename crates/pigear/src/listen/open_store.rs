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
use crate::config::HandlerConfig;

/// The name of the lane that stores alerts.
const STORE: &str = "store";

impl OpenStore {
    /// Whether a handler's alerts wait in the store.
    pub(super) fn makes_durable(
        &self,
        config: &HandlerConfig,
        name: &str,
        handler: &dyn Handler,
    ) -> Result<bool, ListenError> {
        let wrong =
            |problem: &str| Err(ListenError::StoreSettings(format!("handler {name}: {problem}")));
        if self.is_open() && name == STORE {
            return wrong(
                "the store itself has this name in counters; give the handler another one",
            );
        }
        let durable = config.durable.unwrap_or(self.is_open() && handler.needs().delivers);
        if durable && config.is_numbered {
            let kind = &config.kind;
            return wrong(&format!(
                "the store must know it by a name of its own, since the next configuration may give this \
                one to another receiver; write --data-handler NAME={kind}, or name = \"NAME\" in a \
                configuration file"
            ));
        }
        if durable && !self.is_open() {
            return wrong("durable=true needs a store; give one with --store PATH");
        }
        if durable && handler.needs().datagram {
            return wrong("it cannot be durable: datagrams are not stored");
        }
        if config.begin.is_some() && !durable {
            return wrong("from=… is for handlers that get their alerts from a store");
        }
        Ok(durable)
    }
}
