//! What all requests share.

use std::sync::Arc;

use jiff::Timestamp;
use pigear_pipeline::Stats;

use super::access::Access;
use super::acknowledging::Acknowledging;
use super::feed::Feed;
use super::hosts::Hosts;
use super::proxies::Proxies;
use super::queries::Queries;
use super::streams::Streams;
use super::timeouts::Timeouts;
use crate::rules::SharedRules;

/// What all requests share.
pub(super) struct Site {
    pub(super) queries: Arc<Queries>,
    pub(super) access: Access,
    pub(super) hosts: Hosts,
    pub(super) proxies: Arc<Proxies>,
    pub(super) streams: Arc<Streams>,
    pub(super) timeouts: Timeouts,
    pub(super) feed: Arc<Feed>,
    #[expect(dead_code, reason = "works until it is dropped")]
    pub(super) acknowledging: Acknowledging,
    /// Snort's rules.
    pub(super) rules: SharedRules,
    /// The counters, if a pipeline serves the page.
    pub(super) stats: Option<Arc<Stats>>,
    /// Of all paths: empty, or beginning with a slash.
    pub(super) prefix: String,
    pub(super) has_tls: bool,
    pub(super) started: Timestamp,
}

/// A shared [`Site`].
pub(super) type Shared = Arc<Site>;
