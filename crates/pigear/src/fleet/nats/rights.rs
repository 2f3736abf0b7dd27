//! What the server doesn't let the user do. It refuses that without an answer to who asked.

use std::collections::BTreeMap;

use async_nats::{Event, ServerError};
use pigear_pipeline::EventCounter;
use tracing::warn;

use crate::visible::visible;

/// Of so many subjects it is counted how often they were refused.
const MAX_SUBJECTS: usize = 32;

/// The rights that were missing.
pub(super) struct MissingRights {
    servers: String,
    refused: BTreeMap<String, EventCounter>,
}

impl MissingRights {
    pub(super) fn new(servers: String) -> Self {
        Self { servers, refused: BTreeMap::new() }
    }

    /// Logs what the server refuses.
    pub(super) fn note(&mut self, event: &Event) {
        let Event::ServerError(ServerError::Other(text)) = event else { return };
        let Some(missing) = missing(text) else { return };
        if self.refused.len() >= MAX_SUBJECTS && !self.refused.contains_key(&missing) {
            return;
        }
        let counter = self.refused.entry(missing.clone()).or_default();
        if let Some(count) = counter.add(1) {
            let (servers, missing) = (&self.servers, visible(missing.as_bytes()));
            warn!(
                "{servers}: the user may not {missing}; the server needs to grant that ({count} refused so far)"
            );
        }
    }
}

/// The right that a server says is missing: `publish to SUBJECT` or `subscribe to SUBJECT`.
fn missing(text: &str) -> Option<String> {
    let (_, refused) = text.split_once("Permissions Violation for ")?;
    let (what, subject) = refused.split_once(" to \"")?;
    let (subject, _) = subject.split_once('"')?;
    let what = match what {
        "Publish" => "publish",
        "Subscription" => "subscribe",
        _ => return None,
    };
    // These have another end for each alert and each connection.
    let subject = ["$JS.ACK.", "_INBOX."]
        .iter()
        .find(|begin| subject.starts_with(**begin))
        .map_or(subject.to_owned(), |begin| format!("{begin}>"));
    Some(format!("{what} to {subject}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_refuses_is_a_right() {
        for (text, right) in [
            (
                "Permissions Violation for Publish to \"$JS.ACK.PIGEAR.c.1.2.3.4.5\"",
                Some("publish to $JS.ACK.>"),
            ),
            (
                "Permissions Violation for Publish to \"pigear.alerts.a.1\"",
                Some("publish to pigear.alerts.a.1"),
            ),
            (
                "Permissions Violation for Subscription to \"_INBOX.x.*\"",
                Some("subscribe to _INBOX.>"),
            ),
            (
                "Permissions Violation for Subscription to \"a\" using queue \"q\"",
                Some("subscribe to a"),
            ),
            ("Stale Connection", None),
        ] {
            assert_eq!(missing(text).as_deref(), right, "{text}");
        }
    }
}
