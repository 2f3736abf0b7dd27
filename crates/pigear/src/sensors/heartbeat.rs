//! What a sensor says about itself.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a sensor says about itself. Fields that are missing have their defaults, and unknown ones are skipped, so that
/// sensors of different versions can share a fleet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Heartbeat {
    /// The sensor; empty if it has no name.
    pub(crate) sensor: String,
    /// Which run of which Pigear this is.
    pub(crate) run: String,
    /// The machine's name.
    pub(crate) host: String,
    /// The version of Pigear.
    pub(crate) version: String,
    /// When this run began, by the sensor's clock.
    pub(crate) started: Timestamp,
    /// When this was sent, by the sensor's clock.
    pub(crate) sent: Timestamp,
    /// When the next one is due, in milliseconds.
    pub(crate) interval_ms: u64,
    /// Whether this is the last one: the Pigear was stopped.
    pub(crate) stopped: bool,
    /// The sockets, logs and recordings that it reads.
    pub(crate) sockets: Vec<String>,
    /// The packet threads that have sockets of their own.
    pub(crate) threads: Vec<u32>,
    /// The handler that publishes the sensor's alerts.
    pub(crate) handler: String,
    /// The counters, as in the file of `--stats`.
    pub(crate) counters: Value,
}

impl Heartbeat {
    /// When the next one is due.
    pub(crate) fn interval(&self) -> Duration {
        // What is in it may be anything: no sensor is silent after no time, and time never overflows.
        Duration::from_millis(self.interval_ms.clamp(100, 86_400_000))
    }

    /// A counter of the whole program.
    pub(crate) fn counter(&self, name: &str) -> u64 {
        self.counters[name].as_u64().unwrap_or_default()
    }

    /// A counter of all handlers together.
    pub(crate) fn of_handlers(&self, name: &str) -> u64 {
        let handlers = self.counters["handlers"].as_object();
        let counts = handlers.into_iter().flat_map(|all| all.values());
        counts.filter_map(|one| one[name].as_u64()).fold(0, u64::saturating_add)
    }

    /// How many alerts wait to be published.
    pub(crate) fn lag(&self) -> u64 {
        self.counters["handlers"][&self.handler]["waiting"].as_u64().unwrap_or_default()
    }
}
