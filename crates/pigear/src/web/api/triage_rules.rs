//! Filters whose alerts are acknowledged as they come.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::alerts::Id;
use super::change::{Added, Write, removed};
use crate::script::Filter;
use crate::store::{Reader, Selection, SelectionProblem, StoreIdentity, TriageRule};
use crate::web::body::JsonBody;
use crate::web::parameters::{Parameters, StoreParameters};
use crate::web::problem::{Problem, ProblemObject};
use crate::web::site::Shared;

/// Filters whose alerts are acknowledged as they come.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct TriageRules {
    /// The filters, oldest first.
    rules: Vec<TriageRuleObject>,
    /// Which store they are in.
    store: String,
}

/// A filter whose alerts are acknowledged.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct TriageRuleObject {
    /// Its number.
    id: i64,
    /// The filter.
    expression: String,
    /// When it was added.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Who added it.
    by: String,
}

impl From<TriageRule> for TriageRuleObject {
    fn from(rule: TriageRule) -> Self {
        Self { id: rule.id, expression: rule.expression, at: rule.at, by: rule.by }
    }
}

/// Filters whose alerts are acknowledged as they come
#[utoipa::path(
    get, path = "/api/v1/triage/rules", tag = "triage", params(StoreParameters),
    responses(
        (status = 200, description = "The filters", body = TriageRules),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(in crate::web) async fn rules(
    State(site): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<Json<TriageRules>, Problem> {
    let of = Parameters::store_only(query.as_deref())?;
    let read = |reader: &mut Reader, store: StoreIdentity| {
        let rules = reader.triage_rules()?.into_iter().map(TriageRuleObject::from).collect();
        Ok(TriageRules { rules, store: store.to_string() })
    };
    site.queries.run_in(of, read).await.map(Json)
}

/// A filter to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct RuleRequest {
    /// The filter.
    #[schema(
        example = "msg.sig_id == 384",
        pattern = r"^msg\.sig_id == [1-9][0-9]{0,6}$",
        max_length = 8192
    )]
    expression: String,
}

/// Add a filter
///
/// Alerts that are stored from now on and pass it are acknowledged while a page is served.
#[utoipa::path(
    post, path = "/api/v1/triage/rules", tag = "triage", request_body = RuleRequest,
    params(("X-CSRF-Token" = Option<String>, Header, description = "`csrf` of the session"), StoreParameters),
    responses(
        (status = 201, description = "Added", body = Added),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(in crate::web) async fn add_rule(
    State(site): State<Shared>,
    Write(by): Write,
    RawQuery(query): RawQuery,
    JsonBody(RuleRequest { expression }): JsonBody<RuleRequest>,
) -> Result<(StatusCode, Json<Added>), Problem> {
    let of = Parameters::store_only(query.as_deref())?;
    Selection::default()
        .set("filter", &expression)
        .map_err(|problem| Problem::criterion("filter", &expression, &problem))?;
    Filter::compile(&expression).map_err(SelectionProblem::Filter)?;
    let added = site.queries.change(of, move |triage| Ok(triage.add_rule(&expression, &by)?));
    added.await.map(|id| (StatusCode::CREATED, Json(Added { id })))
}

/// Remove a filter; what it acknowledged stays so
#[utoipa::path(
    delete, path = "/api/v1/triage/rules/{id}", tag = "triage",
    params(
        ("id" = i64, Path, description = "The filter's number", minimum = 1),
        ("X-CSRF-Token" = Option<String>, Header, description = "`csrf` of the session"),
        StoreParameters,
    ),
    responses(
        (status = 204, description = "Done"),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(in crate::web) async fn remove_rule(
    State(site): State<Shared>,
    Write(_): Write,
    Id(id): Id,
    RawQuery(query): RawQuery,
) -> Result<StatusCode, Problem> {
    let of = Parameters::store_only(query.as_deref())?;
    let remove = site.queries.change(of, move |triage| Ok(triage.remove_rule(id)?));
    removed(remove.await?, "filter", id)
}
