//! Completes alerts of the socket from Snort's own log.
//!
//! The socket is fast but incomplete: in Snort 3 six of ten alerts have no packet, and so no addresses.
//! The log has them all. So the [`Completer`] follows the log, and joins each event with the datagram
//! of the same alert:
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
//! A complete alert doesn't wait, unless [all](Completed::All) shall have what only the log has: Snort's
//! action. Alerts that were logged while Pigear was down, or that the socket
//! lost, are delivered from the log: no alert is missed, and the number of lost ones is exact.

mod completed;
mod completer;
mod in_hand;
mod join;
mod log;
#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use pigear_alert::Alert;
use pigear_alert::unified2::Logged;

pub use completed::{Completed, UnknownCompleted};
pub use completer::Completer;
use in_hand::{Hand, InHand};
pub(crate) use join::lacks_something;
use join::{Expired, Join, Joined, LateAlert};
pub use log::LogToFollow;

/// Where intakes leave incomplete alerts. Clones share it.
#[derive(Clone)]
pub struct Completing(Arc<Shared<Mutex<Join>>>);

struct Shared<L> {
    join: L,
    /// Intakes that may still deliver alerts.
    intakes: AtomicUsize,
    in_hand: InHand,
}

/// The lock of the [`Join`]. Each step of the join is one critical section; the tests' lock tries all
/// orders of steps.
trait Lock {
    fn with<T>(&self, step: impl FnOnce(&mut Join) -> T) -> T;
}

impl Lock for Mutex<Join> {
    fn with<T>(&self, step: impl FnOnce(&mut Join) -> T) -> T {
        step(&mut self.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<L: Lock> Shared<L> {
    fn new(join: L) -> Self {
        Self { join, intakes: AtomicUsize::new(0), in_hand: InHand::default() }
    }

    fn take(&self, alert: Arc<Alert>, now: Instant) -> Option<Arc<Alert>> {
        self.join.with(|join| join.alert(alert, now))
    }

    fn event(&self, event: Logged, late: LateAlert, now: Instant) -> Joined {
        self.join.with(|join| join.event(event, late, now))
    }

    fn expired(&self, now: Instant) -> Expired {
        self.join.with(|join| join.expired(now))
    }
}

impl Completing {
    /// How long alerts wait for their event, and which of them do.
    #[must_use]
    pub fn new(wait: Duration, which: Completed) -> Self {
        Self(Arc::new(Shared::new(Mutex::new(Join::new(wait, which)))))
    }

    /// To be held from before an alert is [taken](Self::take) until it is sent, if it is.
    pub(crate) fn hand(&self) -> Hand<'_> {
        self.0.in_hand.take()
    }

    /// Takes an alert, and returns it if it need not wait, or can't: no alerts wait any more, or too many.
    pub(crate) fn take(&self, alert: Arc<Alert>) -> Option<Arc<Alert>> {
        self.0.take(alert, Instant::now())
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

    /// Takes an event of the log.
    fn event(&self, event: Logged, late: LateAlert, now: Instant) -> Joined {
        self.0.event(event, late, now)
    }

    /// Some of the entries whose wait is over.
    fn expired(&self, now: Instant) -> Expired {
        self.0.expired(now)
    }

    /// The alerts of that.
    fn expired_alerts(&self, now: Instant) -> Expired {
        self.0.join.with(|join| join.expired_alerts(now))
    }

    fn in_hand(&self) -> &InHand {
        &self.0.in_hand
    }

    /// Every alert from now on is returned at once.
    fn close(&self) {
        self.0.join.with(Join::close);
    }

    fn prune(&self, now: Instant) {
        self.0.join.with(|join| join.prune(now));
    }

    /// Whether events wait for their alerts.
    fn has_events(&self) -> bool {
        self.0.join.with(|join| join.has_events())
    }

    /// How long alerts and events wait for each other.
    fn wait(&self) -> Duration {
        self.0.join.with(|join| join.wait())
    }

    /// When the next wait is over.
    fn due(&self) -> Option<Instant> {
        self.0.join.with(Join::due)
    }
}

impl std::fmt::Debug for Completing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Completing").finish_non_exhaustive()
    }
}
