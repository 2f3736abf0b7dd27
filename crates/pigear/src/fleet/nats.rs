//! `nats`: publishes each alert to a stream of NATS `JetStream`, and a source that reads from one.
//!
//! An alert counts as handled once the stream has acknowledged it. Publishing keeps many alerts in flight; what
//! isn't acknowledged is published again, in order, with the same id, so that the stream drops what it has already.
//! While no server can be reached, or the stream refuses alerts, they wait.

mod access;
mod acknowledgements;
mod bucket;
mod connection;
mod consumer;
mod consumer_watch;
mod heartbeats;
mod known_alerts;
mod list;
mod login;
mod options;
mod other_readers;
mod outgoing;
mod presence;
#[cfg(feature = "command")]
mod probe;
mod publisher;
mod pull;
mod redelivery;
mod removals;
mod returning;
mod rights;
mod run;
mod scarcity;
mod source;
mod source_options;
mod standing;
mod stream;
mod termination;
mod trouble;
mod unacknowledged;
mod watcher;

use std::sync::Arc;

use pigear_alert::Alert;
use pigear_pipeline::{Context, Failure, Handler, Needs, Progress};

pub(crate) use list::SensorList;
pub use options::Options;
#[cfg(feature = "command")]
pub(crate) use probe::probe;
pub(crate) use source::NatsSource;
pub(crate) use source_options::check_source;

use super::batch_policy;
use super::outcome::{self, Outcome};
use super::runtime::{self, Runtime};
use crate::description::{Description, FileUse};
use crate::keys::SetupError;
use crate::sensors::SharedSensors;
use heartbeats::{HeartbeatSettings, Heartbeats};
use publisher::Publisher;

pub(crate) const DESCRIPTION: Description = Description {
    about: "publishes each alert to a NATS JetStream; url=nats://HOST:PORT create=yes stream=PIGEAR \
    subject=pigear.alerts.SENSOR.PRIORITY format=NAME in_flight=1024 creds=FILE nkey=FILE token_file=FILE \
    and more",
    files: &[
        ("creds", FileUse::Reads),
        ("nkey", FileUse::Reads),
        ("password_file", FileUse::Reads),
        ("token_file", FileUse::Reads),
        ("ca", FileUse::Reads),
        ("cert", FileUse::Reads),
        ("key", FileUse::Reads),
    ],
};

/// The most alerts that are published at once, as a multiple of those in flight: the pause between two batches is
/// shared by more.
const BATCHES: usize = 4;

/// Publishes each alert.
pub struct Nats {
    publisher: Publisher,
    runtime: Runtime,
    needs: Needs,
    sensors: SharedSensors,
    heartbeat: HeartbeatSettings,
    heartbeats: Option<Heartbeats>,
    /// Whether time was up.
    gave_up: bool,
}

impl Nats {
    /// Prepares everything; nothing is sent yet: servers may start later.
    ///
    /// # Errors
    /// If keys contradict each other, or a file can't be read.
    pub fn new(options: Options) -> Result<Self, SetupError> {
        let in_flight = options.in_flight;
        let heartbeat = options.heartbeats().map_err(SetupError::Keys)?;
        let publisher = Publisher::new(options).map_err(SetupError::Keys)?;
        let runtime =
            Runtime::new("nats").map_err(|error| format!("cannot start threads: {error}"))?;
        let most = in_flight.saturating_mul(BATCHES);
        let needs = Needs {
            batch: batch_policy(most),
            delivers: true,
            target: Some(publisher.target()),
            ..Needs::default()
        };
        let sensors = SharedSensors::default();
        Ok(Self { publisher, runtime, needs, sensors, heartbeat, heartbeats: None, gave_up: false })
    }

    /// With the sensors whose heartbeats are sent.
    pub(crate) fn with_sensors(mut self, sensors: SharedSensors) -> Self {
        self.sensors = sensors;
        self
    }

    /// Begins to send heartbeats, unless that was done, or isn't wanted.
    fn start_heartbeats(&mut self, context: &Context) {
        if self.heartbeats.is_none() && !self.heartbeat.interval.is_zero() {
            let _entered = self.runtime.enter();
            let (settings, sensors) = (self.heartbeat.clone(), self.sensors.clone());
            let connection = self.publisher.connection();
            self.heartbeats = Some(Heartbeats::start(settings, connection, sensors, context));
        }
    }
}

impl Drop for Nats {
    /// Parts of a connection end in the background.
    fn drop(&mut self) {
        let _entered = self.runtime.enter();
        self.publisher.disconnect();
    }
}

impl Handler for Nats {
    fn needs(&self) -> Needs {
        self.needs.clone()
    }

    fn start(&mut self, context: Context) -> Result<(), Failure> {
        let Self { publisher, runtime, .. } = &mut *self;
        publisher.start(context.clone());
        let who = publisher.to_string();
        runtime.try_first(&who, publisher.connect());
        self.start_heartbeats(&context);
        Ok(())
    }

    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
        if self.gave_up {
            return Err(Failure::time_up());
        }
        let Self { publisher, runtime, .. } = self;
        let outcomes = runtime.run(publisher.publish_all(alerts));
        self.gave_up = outcomes.contains(&Outcome::Open);
        outcome::verdict(outcomes)
    }

    fn finish(&mut self) -> Result<(), Failure> {
        if let Some(heartbeats) = self.heartbeats.take() {
            self.runtime.run(heartbeats.end());
        }
        Ok(())
    }
}
