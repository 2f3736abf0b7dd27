//! Alerts of the socket, completed from Snort's own log.
//!
//! The socket is quick but lacks things: in Snort 3 six alerts of ten come without a packet, and so
//! without addresses. The log has them all. So the [`Completer`] follows the log, and puts each event
//! together with the datagram of the same alert:
//!
//! ```text
//! socket ──▶ intake ──has all──────────────────────▶ fan-out
//!              │ lacks something                      ▲ ▲
//!              ▼          as it is, when time is up ──┘ │
//!            [join] ─────────────── completed ──────────┤
//!              ▲                                        │
//! log ──▶ completer ──── never came over the socket ────┘
//! ```
//!
//! An alert that has all it needs never waits. What Snort logged while nobody listened, or what the
//! socket lost, is handed on from the log: no alert is missed, and the number of those that the socket
//! lost is exact.

mod completer;
mod join;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pigear_alert::Alert;

pub use completer::Completer;
use join::Join;

/// Where intakes leave alerts that lack something. Clones share it.
#[derive(Clone)]
pub struct Completing(Arc<Shared>);

struct Shared {
    join: Mutex<Join>,
    /// Desks that may still bring alerts.
    intakes: AtomicUsize,
}

impl Completing {
    /// Alerts that lack something wait so long for their event.
    #[must_use]
    pub fn new(wait: Duration) -> Self {
        Self(Arc::new(Shared { join: Mutex::new(Join::new(wait)), intakes: AtomicUsize::new(0) }))
    }

    /// Takes an alert, and returns it, if it needn't wait.
    pub(crate) fn take(&self, alert: Arc<Alert>) -> Option<Arc<Alert>> {
        self.join().alert(alert, Instant::now())
    }

    pub(crate) fn intake_opened(&self) {
        self.0.intakes.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn intake_closed(&self) {
        self.0.intakes.fetch_sub(1, Ordering::SeqCst);
    }

    fn has_intakes(&self) -> bool {
        self.0.intakes.load(Ordering::SeqCst) > 0
    }

    /// How long alerts and events wait for one another.
    fn wait(&self) -> Duration {
        self.join().wait()
    }

    /// When something will have waited for too long.
    fn due(&self) -> Option<Instant> {
        self.join().due()
    }

    fn join(&self) -> MutexGuard<'_, Join> {
        self.0.join.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Completing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Completing").finish_non_exhaustive()
    }
}
