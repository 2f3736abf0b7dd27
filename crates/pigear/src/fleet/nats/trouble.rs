//! What went wrong with a message that was published.

use std::error::Error as _;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};

/// The stream couldn't store the message (`JSStreamStoreFailedF`): usually it is full.
const STREAM_STORE_FAILED: ErrorCode = ErrorCode(10_077);

/// What to do about a message that wasn't acknowledged.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The message will never be accepted.
    Refused(String),
    /// It may be accepted later, for this reason not now.
    Later(String),
    /// The same, but the answer doesn't say why: the server is asked.
    Unknown(&'static str),
}

impl From<PublishError> for Trouble {
    fn from(error: PublishError) -> Self {
        match error.kind() {
            PublishErrorKind::MaxPayloadExceeded => {
                let cause = error.source().map(ToString::to_string).unwrap_or_default();
                Self::Refused(format!("longer than the server accepts (max_payload): {cause}"))
            }
            PublishErrorKind::StreamNotFound => Self::Unknown("no stream takes the alert"),
            PublishErrorKind::TimedOut => Self::Unknown("the server doesn't acknowledge"),
            PublishErrorKind::BrokenPipe => Self::Unknown("the connection is lost"),
            _ => {
                let source = error.source();
                match source
                    .and_then(|source| source.downcast_ref::<async_nats::jetstream::Error>())
                {
                    Some(answer) => Self::of(answer),
                    None => Self::Unknown("publishing failed"),
                }
            }
        }
    }
}

impl Trouble {
    /// What the server answered.
    fn of(answer: &async_nats::jetstream::Error) -> Self {
        match answer.error_code() {
            ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM => {
                Self::Refused(format!("the stream refuses it: {answer}"))
            }
            STREAM_STORE_FAILED => Self::Later(format!(
                "the stream is full, and refuses new alerts (discard=new): {answer}; alerts wait until there is \
                room"
            )),
            ErrorCode::INSUFFICIENT_RESOURCES
            | ErrorCode::STORAGE_RESOURCES_EXCEEDED
            | ErrorCode::ACCOUNT_RESOURCES_EXCEEDED => {
                Self::Later(format!("the server has no room for the stream: {answer}"))
            }
            _ => Self::Later(format!("the server answers: {answer}")),
        }
    }
}
