//! Elasticsearch's results per alert.

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::retry;

/// The result of an alert; `None` if it must be sent again.
pub(super) type ItemResult = Option<Result<(), String>>;

const NOT_BULK: &str = "not the answer to a bulk request (does the URL end in /_bulk?)";

/// The answer to a bulk request.
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

/// Reads Elasticsearch's results per alert.
///
/// A conflict means that it has an alert of this id: it was sent before, and the response was lost.
///
/// # Errors
/// If these are not results of a bulk request, or not for these alerts. Then the server is not
/// Elasticsearch, or the URL asks for something else; either way the alerts are not confirmed, and a
/// retry would not help.
pub(super) fn read(body: &[u8], alerts: usize) -> Result<Vec<ItemResult>, String> {
    let bulk: Bulk = serde_json::from_slice(body).map_err(|_| NOT_BULK.to_owned())?;
    if !bulk.errors {
        return Ok(vec![Some(Ok(())); alerts]);
    }
    if bulk.items.len() != alerts {
        return Err(format!(
            "{} answers to {alerts} alerts (does the URL have a filter_path?)",
            bulk.items.len()
        ));
    }
    Ok(bulk.items.into_iter().map(|item| item.create.result()).collect())
}

impl Created {
    fn result(self) -> ItemResult {
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
            {"create":{"_index":"x","status":201,"failure_store":"used"}},
            {"create":{"status":409,"error":{"type":"version_conflict_engine_exception"}}},
            {"create":{"status":429,"error":{"type":"es_rejected_execution_exception"}}},
            {"create":{"status":400,"error":{"type":"mapper_parsing_exception","reason":"no"}}}]}"#;
        let refused = "400 Bad Request: mapper_parsing_exception: no".to_owned();
        let expected = vec![Some(Ok(())), Some(Ok(())), None, Some(Err(refused))];
        assert_eq!(read(body, 4), Ok(expected));
        assert!(read(body, 3).unwrap_err().starts_with("4 answers to 3 alerts"));
        assert_eq!(read(br#"{"errors":false,"items":[]}"#, 2), Ok(vec![Some(Ok(())); 2]));
    }

    #[test]
    fn what_is_no_answer_to_a_bulk_request_is_refused() {
        for body in ["<html>", "", "{}", "[]", r#"{"errors":true,"items":[{"index":{}}]}"#] {
            assert_eq!(read(body.as_bytes(), 1), Err(NOT_BULK.to_owned()), "{body}");
        }
    }
}
