//! The keys of the handler.

use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use rskafka::client::partition;
use serde::Deserialize;

use super::access::{AccessKeys, Mechanism, urls};
use super::topic::{TopicSettings, check_name};
use crate::fleet::payload::Payload;
use crate::keys::{FormatKeys, Time, YesNo, parsed, parsed_option, positive_option};
use crate::secret::Secret;

/// The default of `topic`.
const TOPIC: &str = "pigear.alerts";

/// The default of `batch_bytes`: half of what brokers accept, if they aren't told otherwise.
const BATCH_BYTES: u64 = 512 << 10;

/// The most batches that may be in flight.
const MAX_IN_FLIGHT: usize = 64;

named! {
    /// How batches are compressed.
    pub Compression: "none, gzip, lz4, snappy or zstd" {
        /// Not at all.
        None = "none",
        /// With gzip.
        Gzip = "gzip",
        /// With LZ4.
        Lz4 = "lz4",
        /// With Snappy.
        Snappy = "snappy",
        /// With Zstandard.
        Zstd = "zstd",
    }
}

impl From<Compression> for partition::Compression {
    fn from(compression: Compression) -> Self {
        match compression {
            Compression::None => Self::NoCompression,
            Compression::Gzip => Self::Gzip,
            Compression::Lz4 => Self::Lz4,
            Compression::Snappy => Self::Snappy,
            Compression::Zstd => Self::Zstd,
        }
    }
}

/// The keys of `kafka`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// The brokers to ask first: `kafka://HOST:PORT`, several with commas between. The port can be left out: 9092.
    #[serde(deserialize_with = "urls")]
    pub url: Vec<String>,
    /// The topic; `pigear.alerts`, if not given.
    pub topic: String,
    /// `yes` creates the topic if it is missing.
    #[serde(deserialize_with = "parsed_option")]
    pub create: Option<YesNo>,
    /// How many partitions a topic that is created has; the broker's default, if not given.
    #[serde(deserialize_with = "positive_option")]
    pub partitions: Option<u16>,
    /// How many brokers have each of them; the broker's default, if not given.
    #[serde(deserialize_with = "positive_option")]
    pub replication: Option<u16>,
    /// How an alert is written; in Pigear's binary form, if not given.
    pub format: FormatKeys,
    /// How batches are compressed: `zstd` (default), `lz4`, `snappy`, `gzip` or `none`.
    #[serde(deserialize_with = "parsed")]
    pub compression: Compression,
    /// The most bytes of a batch before compression; 512KiB, if not given.
    #[serde(deserialize_with = "parsed")]
    pub batch_bytes: ByteSize,
    /// How many batches of a partition may be published and not acknowledged; 1, if not given.
    #[serde(deserialize_with = "parsed")]
    pub in_flight: usize,
    /// How long an acknowledgement may take; 10s, if not given.
    #[serde(deserialize_with = "parsed")]
    pub timeout: Time,
    /// The user.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<Secret>,
    /// A file with its password.
    pub password_file: Option<PathBuf>,
    /// How the user proves who it is: `scram-sha-512` (default), `scram-sha-256` or `plain`.
    #[serde(deserialize_with = "parsed_option")]
    pub mechanism: Option<Mechanism>,
    /// `yes` demands TLS.
    #[serde(deserialize_with = "parsed_option")]
    pub tls: Option<YesNo>,
    /// A PEM file with the certificates that sign the brokers'. The system's, by default.
    pub ca: Option<PathBuf>,
    /// A PEM file with the client's certificate.
    pub cert: Option<PathBuf>,
    /// The key of the certificate (PEM), if it isn't in the same file.
    pub key: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            url: Vec::new(),
            topic: TOPIC.to_owned(),
            create: None,
            partitions: None,
            replication: None,
            format: FormatKeys::default(),
            compression: Compression::Zstd,
            batch_bytes: ByteSize(BATCH_BYTES),
            in_flight: 1,
            timeout: Time(Duration::from_secs(10)),
            user: None,
            password: None,
            password_file: None,
            mechanism: None,
            tls: None,
            ca: None,
            cert: None,
            key: None,
        }
    }
}

impl Options {
    /// Checks what each key alone can't say.
    pub(crate) fn check(&self) -> Result<(), String> {
        if !(1..=MAX_IN_FLIGHT).contains(&self.in_flight) {
            let in_flight = self.in_flight;
            return Err(format!("in_flight is {in_flight}, but must be 1 to {MAX_IN_FLIGHT}"));
        }
        if self.batch_bytes.as_u64() == 0 {
            return Err("batch_bytes: must be greater than 0".to_owned());
        }
        if self.timeout.0.is_zero() {
            return Err("timeout: must be greater than 0".to_owned());
        }
        if self.create != Some(YesNo::Yes)
            && (self.partitions.is_some() || self.replication.is_some())
        {
            return Err("partitions and replication are for create=yes".to_owned());
        }
        if let Some(count) = self.replication.filter(|count| i16::try_from(*count).is_err()) {
            return Err(format!("replication is {count}, but must be 1 to {}", i16::MAX));
        }
        check_name(&self.topic)?;
        self.access().check()?;
        Payload::new(&self.format, None).map(drop)
    }

    pub(super) fn access(&self) -> AccessKeys {
        AccessKeys {
            url: self.url.clone(),
            url_name: "url",
            user: self.user.clone(),
            password: self.password.clone(),
            password_file: self.password_file.clone(),
            mechanism: self.mechanism,
            tls: self.tls,
            ca: self.ca.clone(),
            cert: self.cert.clone(),
            key: self.key.clone(),
        }
    }

    pub(super) fn settings(&self) -> TopicSettings {
        TopicSettings {
            name: self.topic.clone(),
            create: self.create == Some(YesNo::Yes),
            partitions: self.partitions,
            replication: self.replication,
        }
    }
}
