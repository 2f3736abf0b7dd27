//! The keys of the handler.

use std::path::PathBuf;
use std::time::Duration;

use async_nats::jetstream::stream::{Compression, DiscardPolicy, RetentionPolicy, StorageType};
use bytesize::ByteSize;
use serde::Deserialize;

use super::access::{AccessKeys, urls};
use super::bucket::{self, BUCKET};
use super::heartbeats::HeartbeatSettings;
use super::stream::StreamSettings;
use crate::fleet::SubjectTemplate;
use crate::fleet::payload::Payload;
use crate::keys::{FormatKeys, Time, YesNo, parsed, parsed_option, positive_option};
use crate::secret::Secret;

/// The default of `in_flight`.
const IN_FLIGHT: usize = 1_024;

/// The most that the client's library keeps in flight.
const MAX_IN_FLIGHT: usize = 5_000;

/// More often would load the servers of a large fleet.
const LEAST_HEARTBEAT: Duration = Duration::from_millis(100);

/// NATS calls `max_bytes` what is `max_size` here, and `max_bytes` is for a format.
pub(super) const STREAM_SIZE: &str = "the stream's size is max_size";

/// The keys of `nats`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// The servers: `nats://HOST:PORT` or `tls://HOST:PORT`, several with commas between. The port can be left out: 4222.
    #[serde(deserialize_with = "urls")]
    pub(super) url: Vec<Secret>,
    /// `yes` creates the stream if it is missing.
    #[serde(deserialize_with = "parsed_option")]
    pub create: Option<YesNo>,
    /// The stream; `PIGEAR`, if not given.
    pub stream: String,
    /// The subject, in which `SENSOR` and `PRIORITY` stand for the alert's own.
    #[serde(deserialize_with = "parsed")]
    pub subject: SubjectTemplate,
    /// How an alert is written; in Pigear's binary form, if not given.
    pub format: FormatKeys,
    /// How many servers have the stream: 1, 3 or 5.
    #[serde(deserialize_with = "positive_option")]
    pub replicas: Option<usize>,
    /// How long the stream keeps alerts: `limits` (default), `workqueue` or `interest`.
    pub(super) retention: Option<RetentionPolicy>,
    /// How old alerts may get; 7d, if not given. 0 for no limit.
    #[serde(deserialize_with = "parsed_option")]
    pub max_age: Option<Time>,
    /// How many bytes the stream may have; no limit, if not given.
    #[serde(deserialize_with = "positive_option")]
    pub max_size: Option<ByteSize>,
    /// What a full stream does: remove `old` alerts (default), or refuse `new` ones.
    pub(super) discard: Option<DiscardPolicy>,
    /// For how long the stream remembers ids, by which it drops duplicates; 2m, if not given.
    #[serde(deserialize_with = "parsed_option")]
    pub duplicate_window: Option<Time>,
    /// How the stream is compressed on the server's disk: `s2` (default) or `none`.
    pub(super) compression: Option<Compression>,
    /// Where the stream is kept: `file` (default) or `memory`.
    pub(super) storage: Option<StorageType>,
    /// How many alerts may be published and not acknowledged; 1024, if not given.
    #[serde(deserialize_with = "parsed")]
    pub in_flight: usize,
    /// How long an acknowledgement may take; 5s, if not given.
    #[serde(deserialize_with = "positive_time")]
    pub timeout: Time,
    /// How often each sensor's heartbeat is sent; 10s, if not given. 0 for none.
    #[serde(deserialize_with = "parsed")]
    pub heartbeat: Time,
    /// The key-value bucket of the heartbeats; `PIGEAR_SENSORS`, if not given.
    pub bucket: String,
    /// A credentials file (JWT and seed).
    pub creds: Option<PathBuf>,
    /// The user.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<Secret>,
    /// A file with its password.
    pub password_file: Option<PathBuf>,
    /// A token.
    pub token: Option<Secret>,
    /// A file with a token.
    pub token_file: Option<PathBuf>,
    /// A file with the seed of an nkey.
    pub nkey: Option<PathBuf>,
    /// `yes` demands TLS also where the URL doesn't.
    #[serde(deserialize_with = "parsed_option")]
    pub tls: Option<YesNo>,
    /// A PEM file with the certificates that sign the server's. The system's, by default.
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
            create: None,
            stream: "PIGEAR".to_owned(),
            subject: SubjectTemplate::default(),
            format: FormatKeys::default(),
            replicas: None,
            retention: None,
            max_age: None,
            max_size: None,
            discard: None,
            duplicate_window: None,
            compression: None,
            storage: None,
            in_flight: IN_FLIGHT,
            timeout: Time(Duration::from_secs(5)),
            heartbeat: Time(Duration::from_secs(10)),
            bucket: BUCKET.to_owned(),
            creds: None,
            user: None,
            password: None,
            password_file: None,
            token: None,
            token_file: None,
            nkey: None,
            tls: None,
            ca: None,
            cert: None,
            key: None,
        }
    }
}

fn positive_time<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Time, D::Error> {
    let time: Time = parsed(value)?;
    if time.0.is_zero() {
        Err(serde::de::Error::custom("must be greater than 0"))
    } else {
        Ok(time)
    }
}

impl Options {
    /// Checks what each key alone can't say.
    pub(crate) fn check(&self) -> Result<(), String> {
        if !(1..=MAX_IN_FLIGHT).contains(&self.in_flight) {
            return Err(format!(
                "in_flight is {}, but must be 1 to {MAX_IN_FLIGHT}",
                self.in_flight
            ));
        }
        self.heartbeats()?;
        check_stream_name(&self.stream)?;
        self.access().check()?;
        Payload::new(&self.format, Some(STREAM_SIZE)).map(drop)
    }

    pub(super) fn access(&self) -> AccessKeys {
        AccessKeys {
            url: self.url.clone(),
            url_name: "url",
            creds: self.creds.clone(),
            user: self.user.clone(),
            password: self.password.clone(),
            password_file: self.password_file.clone(),
            token: self.token.clone(),
            token_file: self.token_file.clone(),
            nkey: self.nkey.clone(),
            tls: self.tls,
            ca: self.ca.clone(),
            cert: self.cert.clone(),
            key: self.key.clone(),
        }
    }

    pub(super) fn heartbeats(&self) -> Result<HeartbeatSettings, String> {
        bucket::check_name(&self.bucket).map_err(|problem| format!("bucket: {problem}"))?;
        let interval = self.heartbeat.0;
        if !interval.is_zero() && interval < LEAST_HEARTBEAT {
            return Err(format!(
                "heartbeat is {interval:?}, but must be 0 or at least {LEAST_HEARTBEAT:?}"
            ));
        }
        Ok(HeartbeatSettings {
            bucket: self.bucket.clone(),
            interval,
            create: self.create == Some(YesNo::Yes),
            replicas: self.replicas.unwrap_or(1),
            storage: self.storage.unwrap_or(StorageType::File),
        })
    }

    pub(super) fn settings(&self) -> StreamSettings {
        StreamSettings {
            name: self.stream.clone(),
            create: self.create == Some(YesNo::Yes),
            subject: self.subject.filter(None, None),
            replicas: self.replicas,
            retention: self.retention,
            max_age: self.max_age.map(|age| age.0),
            max_bytes: self.max_size.map(|max| i64::try_from(max.as_u64()).unwrap_or(i64::MAX)),
            discard: self.discard,
            duplicate_window: self.duplicate_window.map(|window| window.0),
            compression: self.compression.clone(),
            storage: self.storage,
        }
    }
}

/// A stream's or consumer's name, which is a part of subjects and a directory on the server.
pub(super) fn check_stream_name(name: &str) -> Result<(), String> {
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !".*>/\\".contains(c);
    if name.is_empty() || !name.chars().all(is_plain) {
        return Err(format!(
            "{name:?} is not a name of a stream or consumer: it must not have spaces and .*>/\\"
        ));
    }
    Ok(())
}
