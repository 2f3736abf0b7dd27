//! The sensors of a fleet: their heartbeats, and what follows from them.

#[cfg(feature = "nats")]
mod heartbeat;
#[cfg(feature = "nats")]
mod notice;
mod report;
#[cfg(feature = "nats")]
mod roll;
#[cfg(feature = "nats")]
mod sensor;
mod shared;

#[cfg(feature = "nats")]
pub(crate) use heartbeat::Heartbeat;
#[cfg(feature = "nats")]
pub(crate) use notice::Notice;
pub(crate) use report::SensorReport;
#[cfg(feature = "nats")]
pub(crate) use roll::Roll;
#[cfg(feature = "nats")]
pub(crate) use sensor::Seen;
#[cfg(feature = "nats")]
pub(crate) use shared::OwnSensor;
pub(crate) use shared::SharedSensors;
