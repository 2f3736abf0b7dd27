//! The key-value bucket with the sensors' heartbeats.

use std::time::Instant;

use async_nats::Client;
use async_nats::datetime::DateTime;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::kv::{Entry, Operation, PutError, Store};
use async_nats::jetstream::stream::Config;
use jiff::Timestamp;

use super::access::REQUEST_TIMEOUT;
use super::acknowledgements::UNACKNOWLEDGED;
use super::stream::{self, Unavailable};
use crate::fleet::subject::key;
use crate::sensors::{Heartbeat, Roll, Seen};

/// The default of `bucket`.
pub(super) const BUCKET: &str = "PIGEAR_SENSORS";

/// A name of a bucket.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || !name.chars().all(is_plain) {
        return Err(format!(
            "{name:?} is not a name of a bucket: it has ASCII letters, digits, - and _"
        ));
    }
    Ok(())
}

/// Opens the bucket. One that is missing is created, if there is a configuration.
///
/// # Errors
/// Why that isn't possible, in words for a user.
pub(super) async fn open(
    client: &Client,
    name: &str,
    create: Option<Config>,
) -> Result<Store, String> {
    let context = stream::jetstream(client, REQUEST_TIMEOUT);
    match (stream::info(&context, &stream_name(name)).await, create) {
        (Ok(_), _) => {}
        (Err(Unavailable::Missing), Some(config)) => {
            if let Err(error) = context.create_stream(config).await {
                // Another sensor may have been faster.
                let store = context.get_key_value(name).await;
                return store.map_err(|_| format!("cannot create the bucket {name}: {error}"));
            }
        }
        (Err(Unavailable::Missing), None) => {
            return Err(format!(
                "there is no bucket {name} yet; a sensor with create=yes creates it, and so does \
                `nats kv add {name} --history 8`"
            ));
        }
        (Err(problem), _) => return Err(format!("bucket {name}: {problem}")),
    }
    let store = context.get_key_value(name).await;
    store.map_err(|error| format!("cannot use the bucket {name}: {error}"))
}

/// When the bucket was created. It can be used now.
///
/// # Errors
/// Why not, in words for a user.
pub(super) async fn created(client: &Client, name: &str) -> Result<DateTime, String> {
    let info = stream::info(&stream::jetstream(client, REQUEST_TIMEOUT), &stream_name(name)).await;
    info.map(|info| info.created).map_err(|problem| format!("bucket {name}: {problem}"))
}

/// The stream that the bucket is.
pub(super) fn stream_name(bucket: &str) -> String {
    format!("KV_{bucket}")
}

/// Why a heartbeat wasn't taken.
pub(super) fn put_in_words(bucket: &str, error: &PutError) -> String {
    let cause = std::error::Error::source(error);
    let cause = cause.and_then(|cause| cause.downcast_ref::<PublishError>());
    let kind = cause.map(async_nats::error::Error::kind);
    if kind == Some(PublishErrorKind::TimedOut) {
        return format!("bucket {bucket}: {UNACKNOWLEDGED}");
    }
    // Its text has that of its causes.
    format!("bucket {bucket}: {error}")
}

/// Hands what is in the bucket to a roll. What isn't a heartbeat is left out.
pub(super) fn take(roll: &mut Roll, entry: &Entry, is_new: bool) {
    if entry.operation != Operation::Put {
        roll.remove(&entry.key);
        return;
    }
    let Ok(beat) = serde_json::from_slice::<Heartbeat>(&entry.value) else { return };
    if entry.key != key(&beat.sensor) {
        return;
    }
    let nanoseconds = entry.created.unix_timestamp_nanos();
    let at = Timestamp::from_nanosecond(nanoseconds).unwrap_or_default();
    roll.take(
        &entry.key,
        beat,
        Seen { at, revision: entry.revision, heard: Instant::now(), is_new },
    );
}

/// Whether a sensor is one of those that are wanted; all are, if none is named.
pub(super) fn is_wanted(wanted: &[String], sensor: &str) -> bool {
    wanted.is_empty() || wanted.iter().any(|name| name == sensor)
}
