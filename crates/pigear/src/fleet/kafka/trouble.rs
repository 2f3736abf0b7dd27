//! What went wrong between the client and a broker.

use rskafka::client::error::{Error, ProtocolError, RequestError};
use rskafka::{BackoffError, ConnectionError};

/// What to do about a batch that wasn't acknowledged.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The broker will never accept it.
    Refused(String),
    /// It is larger than the broker accepts.
    TooLarge,
    /// The connection was closed, or the partition's leader has moved: it is worth trying again at once.
    Lost(String),
    /// It may be accepted later, for this reason not now.
    Later(String),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match protocol_error(&error) {
            Some(ProtocolError::MessageTooLarge | ProtocolError::RecordListTooLarge) => {
                Self::TooLarge
            }
            Some(
                refused @ (ProtocolError::InvalidRecord
                | ProtocolError::InvalidTimestamp
                | ProtocolError::UnsupportedForMessageFormat),
            ) => Self::Refused(format!("the broker refuses it: {refused:?}")),
            Some(ProtocolError::NotLeaderOrFollower) => Self::Lost(in_words(&error)),
            None if is_broken(innermost(&error)) => Self::Lost(in_words(&error)),
            Some(_) | None => Self::Later(in_words(&error)),
        }
    }
}

/// Whether a connection broke that had been established. A broker closes one that isn't used for ten minutes.
fn is_broken(error: &Error) -> bool {
    matches!(error, Error::Request(RequestError::Poisoned(_) | RequestError::IO(_)))
}

/// What the broker answered, if that is the error.
pub(super) fn protocol_error(error: &Error) -> Option<ProtocolError> {
    match innermost(error) {
        Error::ServerError { protocol_error, .. } => Some(*protocol_error),
        _ => None,
    }
}

/// The error of the last attempt.
fn innermost(error: &Error) -> &Error {
    match error {
        Error::RetryFailed(BackoffError::DeadlineExceded { source, .. }) => {
            source.downcast_ref().map_or(error, innermost)
        }
        _ => error,
    }
}

/// An error for a user.
pub(super) fn in_words(error: &Error) -> String {
    match innermost(error) {
        Error::ServerError { protocol_error, .. } => answer(*protocol_error),
        Error::RetryFailed(BackoffError::DeadlineExceded { source, .. })
        | Error::Connection(ConnectionError::RetryFailed(BackoffError::DeadlineExceded {
            source,
            ..
        })) => connection(&source.to_string()),
        Error::Connection(problem) => connection(&problem.to_string()),
        Error::Request(RequestError::Poisoned(problem)) => {
            format!("the connection is lost: {problem}")
        }
        other => other.to_string(),
    }
}

fn answer(error: ProtocolError) -> String {
    let why = match error {
        ProtocolError::UnknownTopicOrPartition => "the topic, or the partition, doesn't exist",
        ProtocolError::LeaderNotAvailable | ProtocolError::NotLeaderOrFollower => {
            "the partition's leader has moved, or there is none"
        }
        ProtocolError::NotEnoughReplicas | ProtocolError::NotEnoughReplicasAfterAppend => {
            "fewer brokers have the partition than it demands (min.insync.replicas)"
        }
        ProtocolError::TopicAuthorizationFailed | ProtocolError::ClusterAuthorizationFailed => {
            "the user may not do this"
        }
        ProtocolError::InvalidReplicationFactor => "there are fewer brokers than replicas",
        ProtocolError::RequestTimedOut => "the replicas don't acknowledge in time",
        _ => return format!("the broker answers {error:?}"),
    };
    format!("{why} ({error:?})")
}

/// Why there is no connection.
fn connection(text: &str) -> String {
    if text.contains("unsupported sasl mechanism") || text.contains("UnsupportedSaslMechanism") {
        return "the broker doesn't know this mechanism; choose another with mechanism=NAME"
            .to_owned();
    }
    if text.contains("Sasl") {
        return "the broker refuses the credentials".to_owned();
    }
    format!("cannot connect: {text}")
}
