//! The error responses of Splunk's HTTP event collector.

use serde::Deserialize;

/// A response like `{"text":"Invalid data format","code":6,"invalid-event-number":1}`.
#[derive(Deserialize)]
struct Refused {
    #[serde(rename = "invalid-event-number")]
    invalid_event_number: usize,
}

/// The alert of a batch that a response is about, counted from 0.
///
/// Splunk's documentation doesn't say what happens to the events before that one. Splunk itself was
/// observed to index them (moby/moby issue 35862), while the receiver of the OpenTelemetry Collector
/// gives the same response and stores none. So they are sent again: duplicates are better than losses.
pub(super) fn culprit(body: &[u8]) -> Option<usize> {
    serde_json::from_slice::<Refused>(body).ok().map(|refused| refused.invalid_event_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_names_the_event() {
        let body = br#"{"text":"Invalid data format","code":6,"invalid-event-number":1}"#;
        assert_eq!(culprit(body), Some(1));
        for other in ["", "[]", r#"{"code":6}"#, r#"{"invalid-event-number":-1}"#, "<html>"] {
            assert_eq!(culprit(other.as_bytes()), None, "{other}");
        }
    }
}
