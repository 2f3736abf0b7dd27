//! Whether criteria make sense, without a search.

use axum::extract::RawQuery;
use axum::http::StatusCode;
use jiff::tz::TimeZone;

use crate::store::Selection;
use crate::web::parameters::{Parameters, Selects};
use crate::web::problem::{Problem, ProblemObject};

/// Checks criteria
///
/// Nothing is searched: this is how a page says what is wrong before it chooses something.
#[utoipa::path(
    get, path = "/api/v1/criteria", tag = "alerts", params(Selection),
    responses(
        (status = 204, description = "They can be used"),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(in crate::web) async fn criteria(RawQuery(query): RawQuery) -> Result<StatusCode, Problem> {
    let mut parameters = Parameters::of(query.as_deref());
    let selection = parameters.selection()?;
    parameters.finish(&[], Selects::Alerts)?;
    selection.criteria(|| TimeZone::UTC)?;
    Ok(StatusCode::NO_CONTENT)
}
