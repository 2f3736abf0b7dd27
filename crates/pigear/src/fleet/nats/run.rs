//! A run of the source, and why reading ends.

use std::time::Duration;

use pigear_pipeline::source::SourceError;
use pigear_pipeline::{Intake, SourceConnection, Stop};

use super::runtime::Runtime;

/// How long the server may take to answer about stream and consumer.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);

/// What a run of the source has.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    pub(super) runtime: &'a Runtime,
    pub(super) intake: &'a Intake<'a>,
    pub(super) stop: &'a Stop,
    /// Whether alerts can come.
    pub(super) connected: &'a SourceConnection,
}

/// Why reading ended.
pub(super) enum End {
    /// There were enough alerts, or the run ends.
    Stop(Result<(), SourceError>),
    /// The consumer is opened again.
    Again(String),
    /// The same at once: something that was delivered may not have arrived.
    AtOnce(&'static str),
}
