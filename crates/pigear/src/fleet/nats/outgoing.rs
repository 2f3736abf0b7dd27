//! An alert as a message that is published.

/// A header of messages that may have been published before. Beyond the duplicate window only a reader can find out.
pub(super) const RETRY_HEADER: &str = "Pigear-Retry";

/// An alert as a message.
pub(super) struct Outgoing {
    pub(super) subject: String,
    pub(super) id: String,
    pub(super) payload: Vec<u8>,
}
