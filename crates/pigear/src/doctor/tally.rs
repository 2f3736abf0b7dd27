//! Counts alerts by who sent them.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use pigear_alert::wire::Dialect;
use pigear_alert::{Alert, Sender};
use pigear_pipeline::{Failure, Handler, Progress};

use crate::handler::null;
use crate::registry::Registry;

/// Who sent alerts, and in which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tallied {
    pub(super) sender: Option<Sender>,
    pub(super) dialect: Dialect,
}

/// What came from one sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) alerts: u64,
    /// Those with addresses.
    pub(super) addressed: u64,
    /// Those with all numbers of the event.
    pub(super) whole: u64,
}

/// By process, user and dialect.
type Key = (i32, u32, &'static str);

/// The counts, which a handler adds to.
#[derive(Clone, Default)]
pub(super) struct SharedTally(Arc<Mutex<BTreeMap<Key, (Tallied, Counts)>>>);

impl SharedTally {
    /// The name of the handler.
    pub(super) const HANDLER: &'static str = "tally";

    /// Adds the handler to a registry.
    pub(super) fn register(&self, registry: &mut Registry) {
        let tally = self.clone();
        registry.register(Self::HANDLER, "counts by sender", move |null::Options {}| {
            Ok::<_, Infallible>(tally.clone())
        });
    }

    /// All senders, and what came from each.
    pub(super) fn taken(&self) -> Vec<(Tallied, Counts)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().copied().collect()
    }
}

impl Handler for SharedTally {
    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for alert in alerts {
            let who = Tallied { sender: alert.sender, dialect: alert.dialect };
            let (pid, uid) = who.sender.map_or((0, 0), |sender| (sender.pid, sender.uid));
            let (_, counts) =
                counts.entry((pid, uid, who.dialect.name())).or_insert((who, Counts::default()));
            counts.alerts += 1;
            counts.addressed += u64::from(alert.src_ip().is_some());
            counts.whole += u64::from(alert.has_whole_event());
        }
        Ok(Progress::All)
    }
}
