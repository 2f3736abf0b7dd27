//! Makes alerts from datagrams.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use pigear_alert::maps::Names;
use pigear_alert::wire::{DecodeError, Decoder};
use pigear_alert::{Alert, Datagram, Origin, Sender};
use tracing::warn;

use crate::complete::Completing;

/// The name maps for new alerts. They can be replaced while alerts are received.
#[derive(Debug, Default)]
pub struct NamesCell {
    names: RwLock<Arc<Names>>,
    /// Whether it was said that an alert has no message: one of a rule, and one of another generator.
    said_missing: [AtomicBool; 2],
}

impl NamesCell {
    /// Starts with these maps.
    #[must_use]
    pub fn new(names: Names) -> Self {
        Self { names: RwLock::new(Arc::new(names)), ..Self::default() }
    }

    /// The current maps.
    #[must_use]
    pub fn get(&self) -> Arc<Names> {
        Arc::clone(&self.names.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the maps for all later alerts.
    pub fn set(&self, names: Names) {
        *self.names.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(names);
    }

    /// Says once for each map that an alert from Snort's log has no message because the map is missing, or
    /// doesn't have it. The log itself has no messages.
    pub(crate) fn check_message(&self, alert: &Alert) {
        if !alert.msg().is_empty() {
            return;
        }
        let (generator, id) = (alert.message.sig_generator, alert.message.sig_id);
        let names = self.get();
        let is_rule = matches!(generator, 1 | 3);
        let (map, is_absent) = if is_rule {
            ("sid-msg.map", names.rules.is_empty())
        } else {
            ("gen-msg.map", names.generators.is_empty())
        };
        let [rules, others] = &self.said_missing;
        let said = if is_rule { rules } else { others };
        if said.swap(true, Ordering::Relaxed) {
            return;
        }
        let option = map.replace('.', "-");
        if is_absent {
            warn!(
                "alerts have no message: Snort's log has none, and {map} is missing; give it with --{option}"
            );
        } else {
            warn!("{map} has no message for {generator}:{id}; is it that of Snort's rules?");
        }
    }
}

/// Makes alerts from the datagrams of one source: decodes them, and adds time and origin.
#[derive(Clone, Debug, Default)]
pub struct AlertFactory {
    /// Decodes the datagrams.
    pub decoder: Decoder,
    /// The origin of the datagrams.
    pub origin: Arc<Origin>,
    /// The name maps.
    pub names: Arc<NamesCell>,
    /// Where alerts are completed from Snort's log, if that is configured.
    pub completing: Option<Completing>,
}

impl AlertFactory {
    /// Decodes a datagram received now. With `keep`, the alert keeps the datagram too.
    ///
    /// # Errors
    /// If the datagram is not an alert.
    pub fn take(
        &self,
        datagram: &[u8],
        sender: Option<Sender>,
        keep: bool,
    ) -> Result<Arc<Alert>, DecodeError> {
        let decoded = self.decoder.decode(datagram)?;
        let mut alert = Alert::new(decoded, Arc::clone(&self.origin), self.names.get());
        alert.sender = sender;
        alert.datagram = keep.then(|| Datagram::new(datagram));
        Ok(Arc::new(alert))
    }
}

#[cfg(test)]
mod tests {
    use pigear_alert::AlertMessage;
    use pigear_alert::wire::{Dialect, encode};

    use super::*;

    #[test]
    fn a_datagram_that_is_kept_weighs_no_more_than_what_is_in_it() {
        let mut message = AlertMessage::default();
        (message.event_id, message.pkt) = (1, vec![7; 60].into());
        let sent = encode(&message, Dialect::Snort29);
        let [without, with] =
            [false, true].map(|keep| AlertFactory::default().take(&sent, None, keep).unwrap());
        assert_eq!(with.datagram.as_ref().unwrap().to_vec(), sent);
        let more = with.memory() - without.memory();
        assert!(more < sent.len() / 100, "{more}");
    }
}
