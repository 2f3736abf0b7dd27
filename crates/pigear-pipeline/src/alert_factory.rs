//! Makes alerts from datagrams.

use std::sync::{Arc, PoisonError, RwLock};

use pigear_alert::maps::Names;
use pigear_alert::wire::{DecodeError, Decoder};
use pigear_alert::{Alert, Origin, Sender};

use crate::complete::Completing;

/// The name maps for new alerts. They can be replaced while alerts are received.
#[derive(Debug, Default)]
pub struct NamesCell(RwLock<Arc<Names>>);

impl NamesCell {
    /// Starts with these maps.
    #[must_use]
    pub fn new(names: Names) -> Self {
        Self(RwLock::new(Arc::new(names)))
    }

    /// The current maps.
    #[must_use]
    pub fn get(&self) -> Arc<Names> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the maps for all later alerts.
    pub fn set(&self, names: Names) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(names);
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
        alert.datagram = keep.then(|| datagram.into());
        Ok(Arc::new(alert))
    }
}
