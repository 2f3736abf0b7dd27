//! What is said about a sensor.

use jiff::Timestamp;
use serde::Serialize;

/// A sensor of the fleet.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "web", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "web", schema(as = Sensor))]
#[cfg_attr(not(feature = "nats"), allow(dead_code, reason = "without NATS there are none"))]
pub(crate) struct SensorReport {
    /// Its name; absent if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sensor: Option<String>,
    /// `ok`, `silent`, or `stopped`: silent because its Pigear was stopped.
    pub(crate) state: &'static str,
    /// Its last sign of life, by the server's clock.
    #[cfg_attr(feature = "web", schema(value_type = String, format = DateTime))]
    pub(crate) last_seen: Timestamp,
    /// When its Pigear was started, by the sensor's clock.
    #[cfg_attr(feature = "web", schema(value_type = String, format = DateTime))]
    pub(crate) started: Timestamp,
    /// The machine's name.
    pub(crate) host: String,
    /// The version of its Pigear.
    pub(crate) version: String,
    /// By how many seconds its clock is ahead of the server's.
    pub(crate) clock_offset: f64,
    /// Alerts received since it was started.
    pub(crate) received: u64,
    /// Alerts that Snort numbered and that were never received: an estimate.
    pub(crate) missed: u64,
    /// Datagrams that are not alerts.
    pub(crate) malformed: u64,
    /// Alerts that found no room, of all its handlers.
    pub(crate) dropped: u64,
    /// Alerts that its handlers could not process.
    pub(crate) failed: u64,
    /// Alerts that wait to be published.
    pub(crate) lag: u64,
    /// The sockets, logs and recordings that it reads.
    pub(crate) sockets: Vec<String>,
    /// The packet threads that have sockets of their own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) threads: Vec<u32>,
    /// What is wrong: its clock, or that another Pigear has the same name.
    pub(crate) problems: Vec<String>,
}
