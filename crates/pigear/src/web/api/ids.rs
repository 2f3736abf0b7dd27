//! Alerts that a request names by their numbers.

use axum::http::StatusCode;

use crate::store::AlertSet;
use crate::web::problem::Problem;

/// The most alerts, or comments, that are named in a request.
pub(super) const MOST_IDS: usize = 10_000;

/// The alerts: one at least, and not more than a request may name.
pub(super) fn alerts(ids: Vec<i64>) -> Result<AlertSet, Problem> {
    bounded(&ids)?;
    Ok(ids.into_iter().collect())
}

/// That there is none of the alerts.
pub(super) fn none_stored() -> Problem {
    Problem::not_found("none of these alerts is in the store")
}

/// Whether a request may name these: at least one, and not too many.
pub(super) fn bounded(ids: &[i64]) -> Result<(), Problem> {
    if (1..=MOST_IDS).contains(&ids.len()) {
        return Ok(());
    }
    let detail = format!("give 1 to {MOST_IDS} ids");
    Err(Problem::new(StatusCode::BAD_REQUEST, "body", detail))
}
