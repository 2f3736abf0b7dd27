//! What a server says.

use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::retry;

/// What a server said, or that it said nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It has taken everything.
    Taken,
    /// It will never take this.
    Refused(String),
    /// Of each alert, whether it was taken; `None` for those to be sent again.
    Each(Vec<Option<Result<(), String>>>),
    /// Something went wrong that may pass.
    Failed {
        problem: String,
        /// How long the server asks us to wait.
        asked: Option<Duration>,
    },
}

/// The answer to a bulk request of Elasticsearch.
#[derive(Deserialize)]
struct Bulk {
    errors: bool,
    #[serde(default)]
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    create: Created,
}

#[derive(Deserialize)]
struct Created {
    status: u16,
    #[serde(default)]
    error: Value,
}

/// Reads what Elasticsearch says of each alert.
///
/// A conflict means that it has an alert of this id: it was sent before, and the answer got lost.
pub(super) fn bulk(body: &[u8], alerts: usize) -> Result<Answer, String> {
    let bulk: Bulk = serde_json::from_slice(body)
        .map_err(|error| format!("the answer is not that of a bulk request: {error}"))?;
    if !bulk.errors {
        return Ok(Answer::Taken);
    }
    if bulk.items.len() != alerts {
        return Err(format!("{} answers to {alerts} alerts", bulk.items.len()));
    }
    Ok(Answer::Each(bulk.items.into_iter().map(|item| item.create.result()).collect()))
}

impl Created {
    fn result(self) -> Option<Result<(), String>> {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if status.is_success() || status == StatusCode::CONFLICT {
            return Some(Ok(()));
        }
        let field = |name: &str| self.error.get(name).and_then(Value::as_str).unwrap_or_default();
        let reason = format!("{status}: {}: {}", field("type"), field("reason"));
        (!retry::is_passing(status)).then_some(Err(reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_of_a_bulk_request_has_its_own_end() {
        let body = br#"{"took":1,"errors":true,"items":[
            {"create":{"_index":"x","status":201}},
            {"create":{"status":409,"error":{"type":"version_conflict_engine_exception"}}},
            {"create":{"status":429,"error":{"type":"es_rejected_execution_exception"}}},
            {"create":{"status":400,"error":{"type":"mapper_parsing_exception","reason":"no"}}}]}"#;
        let refused = "400 Bad Request: mapper_parsing_exception: no".to_owned();
        let expected = vec![Some(Ok(())), Some(Ok(())), None, Some(Err(refused))];
        assert_eq!(bulk(body, 4), Ok(Answer::Each(expected)));
        assert_eq!(bulk(body, 3), Err("4 answers to 3 alerts".to_owned()));
        assert_eq!(bulk(br#"{"errors":false,"items":[]}"#, 9), Ok(Answer::Taken));
        assert!(bulk(b"<html>", 1).unwrap_err().starts_with("the answer is not"));
    }
}
