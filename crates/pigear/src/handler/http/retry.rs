//! Decides whether and when to retry.

use std::time::Duration;

use jiff::Timestamp;
use pigear_pipeline::{BackoffPolicy, Jitter};
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde_json::Value;

/// The waits between attempts. A server may ask for longer ones.
pub(super) const BACKOFF: BackoffPolicy = BackoffPolicy {
    first: Duration::from_millis(200),
    longest: Duration::from_secs(10),
    least: Duration::from_millis(100),
    longest_asked: Duration::from_secs(600),
    jitter: Jitter::Full,
};

/// Loki's status while ingestion is blocked (`block_ingestion_until`); it looks like a success.
const LOKI_BLOCKED: u16 = 260;

/// Whether the server has accepted the request.
pub(super) fn is_taken(status: StatusCode) -> bool {
    status.is_success() && status.as_u16() != LOKI_BLOCKED
}

/// Whether a retry may help.
pub(super) fn is_passing(status: StatusCode) -> bool {
    status.is_server_error()
        || status.as_u16() == LOKI_BLOCKED
        || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
}

/// How long the server asks to wait: in seconds, or until a date.
pub(super) fn asked(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(date.duration_since(now).try_into().unwrap_or(Duration::ZERO))
}

/// The same from a response body: Discord has it at the top level, Telegram below `parameters`.
pub(super) fn asked_in(body: &[u8]) -> Option<Duration> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let seconds = body.get("retry_after").or_else(|| body.get("parameters")?.get("retry_after"))?;
    Duration::try_from_secs_f64(seconds.as_f64()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(value: &str) -> Option<Duration> {
        let now = "2015-10-21T07:27:00Z".parse().unwrap();
        asked(&HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())]), now)
    }

    #[test]
    fn a_server_asks_in_seconds_or_with_a_date() {
        assert_eq!(asks("120"), Some(Duration::from_secs(120)));
        assert_eq!(asks("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::from_secs(60)));
        assert_eq!(asks("Wed, 21 Oct 2015 07:20:00 GMT"), Some(Duration::ZERO));
        assert_eq!(asks("soon"), None);
        assert_eq!(asks("-1"), None);
    }

    #[test]
    fn a_server_asks_in_its_answer() {
        let telegram = br#"{"ok":false,"error_code":429,"parameters":{"retry_after":7}}"#;
        assert_eq!(asked_in(telegram), Some(Duration::from_secs(7)));
        let discord = br#"{"message":"slow down","retry_after":1.5,"global":false}"#;
        assert_eq!(asked_in(discord), Some(Duration::from_millis(1500)));
        for none in ["", "ok", "{}", r#"{"retry_after":-1}"#, r#"{"retry_after":"x"}"#] {
            assert_eq!(asked_in(none.as_bytes()), None, "{none}");
        }
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let passing = [260, 408, 429, 500, 502, 503, 504, 507];
        let lasting = [301, 307, 400, 401, 403, 404, 409, 413, 415, 422];
        let is_passing = |status: u16| is_passing(StatusCode::from_u16(status).unwrap());
        assert!(passing.into_iter().all(is_passing));
        assert!(!lasting.into_iter().any(is_passing));
        let is_taken = |status: u16| is_taken(StatusCode::from_u16(status).unwrap());
        assert!([200, 201, 202, 204].into_iter().all(is_taken));
        assert!(!passing.into_iter().chain(lasting).any(is_taken));
    }
}
