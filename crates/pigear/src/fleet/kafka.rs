//! `kafka`: publishes each alert to a topic of Kafka, and a source that reads from one.
//!
//! An alert counts as handled once all in-sync replicas have it. What isn't acknowledged is published again, with
//! the same id in a header, so that a consumer can drop what it has seen. While no broker can be reached, or the
//! partition has no leader, alerts wait.

/// A value of a key that has names.
macro_rules! named {
    (
        $(#[$doc:meta])*
        $visibility:vis $name:ident: $expected:literal { $($(#[$about:meta])* $variant:ident = $text:literal,)+ }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $visibility enum $name { $($(#[$about])* $variant),+ }

        impl std::str::FromStr for $name {
            type Err = &'static str;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(concat!("expected ", $expected)),
                }
            }
        }
    };
}

mod access;
mod attempt;
mod connection;
mod cursor;
mod fetched;
mod fetching;
mod messages;
mod options;
mod outgoing;
mod pace;
mod partitioner;
mod places;
#[cfg(feature = "command")]
mod probe;
mod publisher;
mod session;
mod source;
mod source_options;
mod topic;
mod trouble;
mod unreadable;

use std::sync::Arc;

use pigear_alert::Alert;
use pigear_pipeline::{Context, Failure, Handler, Needs, Progress};

pub use access::Mechanism;
pub use options::{Compression, Options};
#[cfg(feature = "command")]
pub(crate) use probe::probe;
pub(crate) use source::KafkaSource;
pub(crate) use source_options::{Reads, check_source, reads};

use super::batch_policy;
use super::outcome::{self, Outcome};
use super::runtime::Runtime;
use crate::description::{Description, FileUse};
use crate::keys::SetupError;
use publisher::Publisher;

pub(crate) const DESCRIPTION: Description = Description {
    about: "publishes each alert to a topic of Kafka; url=kafka://HOST:PORT topic=pigear.alerts create=yes \
    partitions=N replication=N format=NAME compression=zstd user=NAME password_file=FILE mechanism=NAME tls=yes \
    and more",
    files: &[
        ("password_file", FileUse::Reads),
        ("ca", FileUse::Reads),
        ("cert", FileUse::Reads),
        ("key", FileUse::Reads),
    ],
};

/// The most alerts that are published at once.
const MOST: usize = 4_096;

/// Publishes each alert.
pub struct Kafka {
    publisher: Publisher,
    runtime: Runtime,
    needs: Needs,
    /// Whether time was up.
    gave_up: bool,
}

impl Kafka {
    /// Prepares everything; nothing is sent yet: brokers may start later.
    ///
    /// # Errors
    /// If keys contradict each other, or a file can't be read.
    pub fn new(options: &Options) -> Result<Self, SetupError> {
        let publisher = Publisher::new(options).map_err(SetupError::Keys)?;
        let runtime =
            Runtime::new("kafka").map_err(|error| format!("cannot start threads: {error}"))?;
        let needs = Needs {
            batch: batch_policy(MOST),
            delivers: true,
            target: Some(publisher.target()),
            ..Needs::default()
        };
        Ok(Self { publisher, runtime, needs, gave_up: false })
    }
}

impl Handler for Kafka {
    fn needs(&self) -> Needs {
        self.needs.clone()
    }

    fn start(&mut self, context: Context) -> Result<(), Failure> {
        let Self { publisher, runtime, .. } = self;
        publisher.start(context);
        let who = publisher.to_string();
        runtime.try_first(&who, publisher.connect());
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
}
