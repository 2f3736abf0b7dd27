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

/// Whether the partition doesn't have the message that was asked for.
pub(super) fn is_out_of_range(error: &Error) -> bool {
    protocol_error(error) == Some(ProtocolError::OffsetOutOfRange)
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

/// Why messages can't be read, if a broker sent them, and the client's library can't read them. What comes behind them
/// may be readable.
pub(super) fn unreadable(error: &Error) -> Option<String> {
    match innermost(error) {
        Error::Request(
            problem @ (RequestError::ReadVersionedError(_)
            | RequestError::ReadError(_)
            | RequestError::TooMuchData { .. }),
        ) => {
            let text = problem.to_string();
            let reason = [
                "Cannot read versioned data: ",
                "Read error: ",
                "Cannot read data: ",
                "Malformed data: ",
            ]
            .into_iter()
            .fold(&*text, |text, part| text.strip_prefix(part).unwrap_or(text));
            Some(if reason.contains("out of range integral type conversion") {
                "a header has no value, or a length is wrong".to_owned()
            } else {
                reason.to_owned()
            })
        }
        Error::InvalidResponse(text) if text.to_lowercase().contains("timestamp") => {
            Some(text.clone())
        }
        _ => None,
    }
}

/// A topic that isn't listed: the brokers list those that the user may see.
pub(super) fn no_topic(name: &str) -> String {
    format!("there is no topic {name}, or the user may not see it")
}

/// Why connecting failed, for a user.
pub(super) fn of_connecting(error: &Error, with_tls: bool) -> String {
    let text = in_words(error);
    let is_plain = ["tls handshake eof", "InvalidContentType", "corrupt message"]
        .iter()
        .any(|part| text.contains(part));
    if with_tls && is_plain {
        "cannot connect: the broker doesn't speak TLS; leave out tls=yes (and ca, cert and key), if it has none on \
        this port"
            .to_owned()
    } else if text.contains("early eof") {
        CLOSES.to_owned()
    } else {
        text
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

/// Parts of the library's text about a connection, and what they mean.
const CONNECTION: [(&str, &str); 6] = [
    (
        "unsupported sasl mechanism",
        "the broker doesn't know this mechanism; choose another with mechanism=NAME",
    ),
    (
        "UnsupportedSaslMechanism",
        "the broker doesn't know this mechanism; choose another with mechanism=NAME",
    ),
    (
        "for: SaslHandshake",
        "the broker has no users on this port; leave out user, or change the port",
    ),
    (
        "IllegalSaslState",
        "the broker has no users on this port; leave out user, or change the port",
    ),
    ("Sasl", "the broker refuses the credentials"),
    ("cannot sync versions", CLOSES),
];

/// A broker that expects credentials or TLS closes the connection without a word.
const CLOSES: &str = "the broker closes the connection, or is none; does it want TLS (tls=yes), or credentials (user=NAME)?";

/// Why there is no connection.
fn connection(text: &str) -> String {
    let known = CONNECTION.iter().find(|(part, _)| text.contains(part));
    if let Some((_, meaning)) = known {
        return (*meaning).to_owned();
    }
    let cause = text.replace("error connecting to broker ", "").replace("IO Error: ", "");
    format!("cannot connect: {cause}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_what_the_user_can_change() {
        for (text, meaning) in [
            (
                "error connecting to broker \"a:1\": IO Error: Connection refused (os error 111)",
                "cannot connect: \"a:1\": Connection refused (os error 111)",
            ),
            (
                "Sasl handshake failed: API error: SaslAuthenticationFailed",
                "the broker refuses the credentials",
            ),
            (
                "Sasl handshake failed: unsupported sasl mechanism",
                "the broker doesn't know this mechanism; choose another with mechanism=NAME",
            ),
            (
                "Sasl handshake failed: Request error: Cannot find matching version for: SaslHandshake",
                "the broker has no users on this port; leave out user, or change the port",
            ),
        ] {
            assert_eq!(connection(text), meaning);
        }
    }
}
