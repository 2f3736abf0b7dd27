//! How long a client may take.

use std::time::Duration;

/// How long a client may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeouts {
    /// For a handshake of TLS.
    pub(super) handshake: Duration,
    /// For the head of a request; and how long it may be idle before its next one.
    pub(super) head: Duration,
    /// For the body of a request.
    pub(super) body: Duration,
    /// To read anything of what was sent.
    pub(super) write: Duration,
    /// To take anything of a live stream that has something for it. Less than `write`, so that it is counted.
    pub(super) stream: Duration,
    /// After which a live stream sends something without alerts: then a client that is gone is noticed.
    pub(super) heartbeat: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(20),
            body: Duration::from_secs(10),
            write: Duration::from_secs(30),
            stream: Duration::from_secs(20),
            heartbeat: Duration::from_secs(15),
        }
    }
}
