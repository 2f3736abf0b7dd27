//! What was said about alerts that are named, in short.

use axum::Json;
use axum::extract::{RawQuery, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ids::bounded;
use crate::store::Marks;
use crate::web::body::JsonBody;
use crate::web::parameters::{Parameters, StoreParameters};
use crate::web::problem::{Problem, ProblemObject};
use crate::web::site::Shared;

/// Which alerts.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct MarksRequest {
    /// The alerts.
    #[schema(min_items = 1, max_items = 10_000)]
    ids: Vec<i64>,
}

/// What was said about alerts.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct AlertMarks {
    /// Those about which anything was said.
    marks: Vec<AlertMarksObject>,
    /// Which store they are of.
    store: String,
}

/// What was said about an alert.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct AlertMarksObject {
    /// The alert's id.
    id: i64,
    /// Whether somebody has looked at it, and nothing is left to be done.
    acknowledged: bool,
    /// Whether it is worth keeping in sight.
    starred: bool,
    /// How many comments it has.
    comments: usize,
    /// The number of the last comment; absent if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_comment: Option<i64>,
}

impl From<(i64, Marks)> for AlertMarksObject {
    fn from((id, marks): (i64, Marks)) -> Self {
        let Marks { is_acknowledged: acknowledged, is_starred: starred, comments, last_comment } =
            marks;
        Self { id, acknowledged, starred, comments, last_comment }
    }
}

/// The marks of alerts, and how many comments they have
///
/// It changes nothing. A page that lists alerts sees so what others do with them.
#[utoipa::path(
    post, path = "/api/v1/triage/marks", tag = "triage", request_body = MarksRequest, params(StoreParameters),
    responses(
        (status = 200, description = "The marks; alerts about which nothing was said are left out", body = AlertMarks),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(in crate::web) async fn marks(
    State(site): State<Shared>,
    RawQuery(query): RawQuery,
    JsonBody(MarksRequest { ids }): JsonBody<MarksRequest>,
) -> Result<Json<AlertMarks>, Problem> {
    let of = Parameters::store_only(query.as_deref())?;
    bounded(&ids)?;
    let read = site.queries.run_in(of, move |reader, store| {
        let marks = reader.marks(&ids)?.into_iter().map(AlertMarksObject::from).collect();
        Ok(AlertMarks { marks, store: store.to_string() })
    });
    read.await.map(Json)
}
