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
use super::lane_check::{begins_without_store, wrong};
use crate::config::HandlerConfig;

impl OpenStore {
    /// Whether the alerts of a handler wait in the store, whose settings are checked.
    pub(super) fn makes_durable(
        &self,
        config: &HandlerConfig,
        name: &str,
        handler: &dyn Handler,
    ) -> Result<bool, ListenError> {
        let durable = config.durable.unwrap_or(self.is_open() && handler.needs().delivers);
        if durable && config.is_numbered {
            let kind = &config.kind;
            return Err(wrong(
                name,
                &format!(
                    "the store must know it by a name of its own, since the next configuration may give this \
                one to another receiver; write --data-handler NAME={kind}, or name = \"NAME\" in a \
                configuration file"
                ),
            ));
        }
        if durable && handler.needs().datagram {
            return Err(wrong(name, "it cannot be durable: datagrams are not stored"));
        }
        if config.begin.is_some() && !durable {
            return Err(begins_without_store(name));
        }
        Ok(durable)
    }
}
