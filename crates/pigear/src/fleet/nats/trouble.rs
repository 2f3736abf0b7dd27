//! What went wrong with a message that was published.

use std::error::Error as _;

use async_nats::jetstream::ErrorCode;
use async_nats::{PublishError, PublishErrorKind};

/// The stream couldn't store the message (`JSStreamStoreFailedF`): usually it is full.
const STREAM_STORE_FAILED: ErrorCode = ErrorCode(10_077);

/// What to do about a message that wasn't acknowledged.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The message will never be accepted.
    Refused(String),
    /// It may be accepted later, for this reason not now.
    Later(String),
    /// The stream is full. It may have room for the next message already.
    Full(String),
    /// The same, but the answer doesn't say why: the server is asked.
    Unknown(&'static str),
}

impl From<PublishError> for Trouble {
    /// The message was not sent.
    fn from(error: PublishError) -> Self {
        match error.kind() {
            PublishErrorKind::MaxPayloadExceeded => {
                let cause = error.source().map(ToString::to_string).unwrap_or_default();
                Self::Refused(format!("longer than the server accepts (max_payload): {cause}"))
            }
            PublishErrorKind::InvalidSubject => {
                Self::Refused("the server's protocol doesn't allow its subject".to_owned())
            }
            PublishErrorKind::Send => Self::Unknown("the connection is lost"),
        }
    }
}

impl Trouble {
    /// What the server answered.
    pub(super) fn of(answer: &async_nats::jetstream::Error) -> Self {
        match answer.error_code() {
            ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM => {
                Self::Refused(format!("the stream refuses it: {answer}"))
            }
            STREAM_STORE_FAILED => Self::Full(format!(
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
