//! What the parts of a program share about sensors.

use std::sync::Arc;
#[cfg(feature = "nats")]
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::SensorReport;
#[cfg(feature = "nats")]
use super::roll::Roll;

/// What the parts of a program share about sensors: handlers are created before sources are opened.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedSensors(
    #[cfg_attr(not(feature = "nats"), allow(dead_code, reason = "without NATS there are none"))]
    Arc<Shared>,
);

#[derive(Debug, Default)]
struct Shared {
    /// The sensors of this program itself.
    #[cfg(feature = "nats")]
    own: Mutex<Vec<OwnSensor>>,
    /// The sensors that its sources hear of.
    #[cfg(feature = "nats")]
    rolls: Mutex<Vec<Arc<Mutex<Roll>>>>,
}

/// A sensor of this program.
#[cfg(feature = "nats")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OwnSensor {
    /// Its name; empty if it has none.
    pub(crate) name: String,
    /// What it reads.
    pub(crate) sockets: Vec<String>,
    /// The packet threads that have sockets of their own.
    pub(crate) threads: Vec<u32>,
}

#[cfg(feature = "nats")]
impl SharedSensors {
    /// Adds what a sensor of this program reads.
    pub(crate) fn add_own(&self, added: OwnSensor) {
        let mut own = lock(&self.0.own);
        match own.iter_mut().find(|sensor| sensor.name == added.name) {
            Some(sensor) => {
                sensor.sockets.extend(added.sockets);
                sensor.threads.extend(added.threads);
            }
            None => own.push(added),
        }
    }

    /// The sensors of this program.
    pub(crate) fn own(&self) -> Vec<OwnSensor> {
        lock(&self.0.own).clone()
    }

    /// Forgets everything: a configuration is run anew.
    pub(crate) fn clear(&self) {
        lock(&self.0.own).clear();
        lock(&self.0.rolls).clear();
    }

    /// A new roll, for a source. A sensor is silent after this many heartbeats that didn't come.
    pub(crate) fn new_roll(&self, allowed: u32) -> Arc<Mutex<Roll>> {
        let roll = Arc::new(Mutex::new(Roll::new(allowed)));
        lock(&self.0.rolls).push(Arc::clone(&roll));
        roll
    }

    /// All sensors that are known; `None` if no source hears of any.
    #[cfg(any(feature = "metrics", feature = "web"))]
    pub(crate) fn report(&self) -> Option<Vec<SensorReport>> {
        let rolls = lock(&self.0.rolls);
        let now = jiff::Timestamp::now();
        let all = rolls.iter().flat_map(|roll| lock(roll).report(now)).collect();
        (!rolls.is_empty()).then_some(all)
    }
}

#[cfg(not(feature = "nats"))]
impl SharedSensors {
    /// None: no source hears of any.
    #[expect(clippy::unused_self, reason = "with NATS it is used")]
    pub(crate) fn report(&self) -> Option<Vec<SensorReport>> {
        None
    }
}

#[cfg(feature = "nats")]
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
