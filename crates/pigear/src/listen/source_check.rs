//! Checks a source's settings, without looking at what they name.
//!
//! A start and `pigear config check` both call this, so they refuse the same in the same words.

use std::path::{Path, PathBuf};

use super::ListenError;
use super::sockets;
use crate::config::{SourceConfig, SourceKind};
#[cfg(feature = "kafka")]
use crate::fleet::kafka;
#[cfg(feature = "nats")]
use crate::fleet::nats;

/// # Errors
/// What is wrong first.
pub(super) fn check_source(source: &SourceConfig) -> Result<(), ListenError> {
    match source.misplaced() {
        Some(problem) => Err(ListenError::Source(problem)),
        None => check_kind(source),
    }
}

/// All that is wrong with settings together, of which some are left out because they are wrong alone.
#[cfg(feature = "command")]
pub(crate) fn all_wrong(source: &SourceConfig, left_out: &[String]) -> Vec<ListenError> {
    let is_left_out = |key: &&str| left_out.iter().any(|it| it == key);
    if is_left_out(&"type") {
        return Vec::new();
    }
    let misplaced = source.all_misplaced().into_iter();
    let misplaced = misplaced.filter(|(keys, _)| !keys.iter().any(&is_left_out));
    let mut found: Vec<_> = misplaced.map(|(_, problem)| ListenError::Source(problem)).collect();
    let about_sockets = ["from", "logdir", "instances", "id_offset", "complete_from", "bookmark"];
    if found.is_empty() && !about_sockets.iter().any(is_left_out) {
        found.extend(check_kind(source).err());
    }
    found
}

fn check_kind(source: &SourceConfig) -> Result<(), ListenError> {
    match &source.kind {
        SourceKind::Unix => {
            let sockets = sockets::named_by(source, PathBuf::new)?;
            may_share_bookmark(source, sockets.len())?;
            sockets::check_numbers(source)
        }
        SourceKind::Unified2 => log(source).map(drop),
        SourceKind::Play => recording(source).map(drop),
        SourceKind::Nats => {
            #[cfg(feature = "nats")]
            return nats::check_source(servers(source)?)
                .map_err(|problem| ListenError::From { name: "nats", problem });
            #[cfg(not(feature = "nats"))]
            Err(ListenError::Source("this program was built without nats"))
        }
        SourceKind::Kafka => {
            #[cfg(feature = "kafka")]
            return kafka::check_source(brokers(source)?)
                .map_err(|problem| ListenError::From { name: "kafka", problem });
            #[cfg(not(feature = "kafka"))]
            Err(ListenError::Source("this program was built without kafka"))
        }
        // It checks its own.
        SourceKind::Resolved(_) => Ok(()),
    }
}

/// Snort's log.
pub(super) fn log(source: &SourceConfig) -> Result<&Path, ListenError> {
    source.from.as_deref().ok_or(ListenError::Source(
        "the socket handler `unified2` needs Snort's log; give it with --from DIR/NAME",
    ))
}

pub(super) fn recording(source: &SourceConfig) -> Result<&Path, ListenError> {
    source.from.as_deref().ok_or(ListenError::Source(
        "the socket handler `play` needs a recording; give it with --from FILE",
    ))
}

#[cfg(feature = "nats")]
pub(super) fn servers(source: &SourceConfig) -> Result<&str, ListenError> {
    source.from.as_deref().and_then(Path::to_str).ok_or(ListenError::Source(
        "the socket handler `nats` needs servers; give them with --from nats://HOST:PORT",
    ))
}

#[cfg(feature = "kafka")]
pub(super) fn brokers(source: &SourceConfig) -> Result<&str, ListenError> {
    source.from.as_deref().and_then(Path::to_str).ok_or(ListenError::Source(
        "the socket handler `kafka` needs brokers and a topic; give them with --from kafka://HOST:PORT/TOPIC",
    ))
}

/// Refuses a bookmark for several logs.
pub(super) fn may_share_bookmark(source: &SourceConfig, sockets: usize) -> Result<(), ListenError> {
    if sockets > 1 && source.complete_from.is_some() && source.bookmark.is_some() {
        return Err(ListenError::Source(
            "each packet thread has its own log, and logs can't share a --bookmark",
        ));
    }
    Ok(())
}
