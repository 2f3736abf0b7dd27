//! How to see whether the receivers of handlers can be reached.

use serde::de::DeserializeOwned;

use super::Registry;
use crate::handler::socket;
use crate::keys::Keys;
use crate::probed::Probed;

impl Registry {
    /// Those of the built-in handlers that have a receiver.
    pub(super) fn add_probes(&mut self) {
        #[cfg(feature = "http")]
        self.add_probe("http", crate::handler::http::probe);
        #[cfg(feature = "kafka")]
        self.add_probe("kafka", |options| crate::fleet::kafka::probe(&options));
        #[cfg(feature = "nats")]
        self.add_probe("nats", |options| crate::fleet::nats::probe(&options));
        self.add_probe("socket", |options| Ok(socket::probe(options)));
        #[cfg(feature = "syslog")]
        self.add_probe("syslog", crate::handler::syslog::probe);
    }

    fn add_probe<O: DeserializeOwned>(
        &mut self,
        name: &str,
        probe: impl Fn(O) -> Result<Probed, String> + Send + Sync + 'static,
    ) {
        if let Some(kind) = self.kinds.get_mut(name) {
            let options = |keys: Keys| keys.options_with_format::<O>();
            kind.probe = Some(Box::new(move |keys| {
                options(keys).map_err(|problem| problem.to_string()).and_then(&probe)
            }));
        }
    }

    /// Tries to reach the receiver of a handler with these keys, without handing it any alert; `None` if it has
    /// none, or none that is known here.
    pub(crate) fn probe(&self, name: &str, keys: Keys) -> Option<Result<Probed, String>> {
        let (_, kind) = self.kind(name).ok()?;
        kind.probe.as_ref().map(|probe| probe(keys))
    }
}
