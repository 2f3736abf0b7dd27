//! From a datagram to an alert.

use std::sync::{Arc, PoisonError, RwLock};

use pigear_alert::maps::Names;
use pigear_alert::wire::{DecodeError, Decoder};
use pigear_alert::{Alert, Origin, Sender};

use crate::complete::Completing;

/// The names that new alerts get. They can be replaced while alerts are received.
#[derive(Debug, Default)]
pub struct NamesCell(RwLock<Arc<Names>>);

impl NamesCell {
    /// Starts with these names.
    #[must_use]
    pub fn new(names: Names) -> Self {
        Self(RwLock::new(Arc::new(names)))
    }

    /// The names as they are now.
    #[must_use]
    pub fn get(&self) -> Arc<Names> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Alerts from now on get these names.
    pub fn set(&self, names: Names) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(names);
    }
}

/// Turns the datagrams of one source into alerts: decodes them, and adds when and where they came.
#[derive(Clone, Debug, Default)]
pub struct AlertFactory {
    /// How datagrams are decoded.
    pub decoder: Decoder,
    /// Where they come from.
    pub origin: Arc<Origin>,
    /// The names that alerts get.
    pub names: Arc<NamesCell>,
    /// Where alerts are completed from Snort's log, if they are.
    pub completing: Option<Completing>,
}

impl AlertFactory {
    /// Decodes a datagram that was received just now. With `keep`, the alert has the datagram too.
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
