//! Triage: alerts are acknowledged, starred and commented on.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::alerts::Id;
use super::change::Write;
use crate::script::Filter;
use crate::store::{Further, MarkKind, Reader, Selection, StoreIdentity, TriageRule};
use crate::web::body::JsonBody;
use crate::web::parameters::{Parameters, Selects, StoreParameters};
use crate::web::problem::{Problem, ProblemObject};
use crate::web::site::Shared;

/// The most alerts that are named in a request.
const MOST_IDS: usize = 10_000;

/// A mark of an alert.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::web) enum Mark {
    /// Somebody has looked at it, and nothing is left to be done.
    Acknowledged,
    /// It is worth keeping in sight.
    Starred,
}

impl From<Mark> for MarkKind {
    fn from(mark: Mark) -> Self {
        match mark {
            Mark::Acknowledged => Self::Acknowledged,
            Mark::Starred => Self::Starred,
        }
    }
}

/// Which alerts get a mark, or lose it: those of `ids`, or all that meet `criteria`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct TriageRequest {
    /// The alerts.
    #[schema(max_items = 10_000)]
    ids: Option<Vec<i64>>,
    /// Criteria, as the parameters of `alerts`; a parameter that may be repeated may have a list.
    criteria: Option<BTreeMap<String, Texts>>,
    /// The mark.
    mark: Mark,
    /// Whether they get it.
    set: bool,
}

/// A text, or several.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
pub(in crate::web) enum Texts {
    One(String),
    Several(Vec<String>),
}

impl Texts {
    fn all(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Several(texts) => texts,
        }
    }
}

/// What was done.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct TriageDone {
    /// The number of the action, to undo it.
    action: i64,
    /// How many alerts were changed.
    alerts: u64,
}

/// Acknowledge or star alerts, or take that back
///
/// The latest twenty actions can be undone.
#[utoipa::path(
    post, path = "/api/v1/triage", tag = "triage", request_body = TriageRequest,
    params(("X-CSRF-Token" = Option<String>, Header, description = "`csrf` of the session"), StoreParameters),
    responses(
        (status = 200, description = "Done", body = TriageDone),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(in crate::web) async fn triage(
    State(site): State<Shared>,
    Write(by): Write,
    RawQuery(query): RawQuery,
    JsonBody(request): JsonBody<TriageRequest>,
) -> Result<Json<TriageDone>, Problem> {
    let of = store(query.as_deref())?;
    let change = (request.mark.into(), request.set);
    let wrong = |detail: String| Problem::new(StatusCode::BAD_REQUEST, "body", detail);
    let ids = match (request.ids, request.criteria) {
        (Some(ids), None) if ids.len() <= MOST_IDS => ids,
        (Some(_), None) => return Err(wrong(format!("give at most {MOST_IDS} ids"))),
        (None, Some(criteria)) => {
            let selection = selection(&criteria)?;
            site.queries.run(move |reader| matching(reader, &selection)).await?
        }
        _ => return Err(wrong("give either ids or criteria".to_owned())),
    };
    let done = site.queries.change(of, move |triage| Ok(triage.mark(&ids, change, &by)?));
    done.await.map(|done| Json(TriageDone { action: done.id, alerts: done.alerts }))
}

/// The store that a request is about; it has no other parameters.
fn store(query: Option<&str>) -> Result<Option<StoreIdentity>, Problem> {
    let mut parameters = Parameters::of(query);
    let store = parameters.store()?;
    parameters.finish(&["store"], Selects::Nothing)?;
    Ok(store)
}

/// The alerts that meet criteria. One for which a filter fails doesn't.
fn matching(reader: &mut Reader, selection: &Selection) -> Result<Vec<i64>, Problem> {
    let mut ids = Vec::new();
    reader.newest(&selection.criteria_for_change(|| TimeZone::UTC)?, |stored| {
        ids.push(stored.id);
        Further::On
    })?;
    Ok(ids)
}

fn selection(criteria: &BTreeMap<String, Texts>) -> Result<Selection, Problem> {
    let mut selection = Selection::default();
    let all =
        criteria.iter().flat_map(|(name, texts)| texts.all().iter().map(move |it| (name, it)));
    for (name, text) in all {
        match selection.set(name, text) {
            Ok(true) => {}
            Ok(false) => {
                return Err(Problem::parameter(name, format!("unknown criterion {name:?}")));
            }
            Err(problem) => return Err(Problem::parameter(name, problem)),
        }
    }
    Ok(selection)
}

/// The action to undo.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct UndoRequest {
    /// Its number.
    action: i64,
}

/// What was undone.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct Undone {
    /// How many alerts are as before.
    alerts: u64,
}

/// Undo an action
#[utoipa::path(
    post, path = "/api/v1/triage/undo", tag = "triage", request_body = UndoRequest,
    params(("X-CSRF-Token" = Option<String>, Header, description = "`csrf` of the session"), StoreParameters),
    responses(
        (status = 200, description = "Done", body = Undone),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(in crate::web) async fn undo(
    State(site): State<Shared>,
    Write(_): Write,
    RawQuery(query): RawQuery,
    JsonBody(UndoRequest { action }): JsonBody<UndoRequest>,
) -> Result<Json<Undone>, Problem> {
    let of = store(query.as_deref())?;
    let done = site.queries.change(of, move |triage| {
        triage.undo(action)?.ok_or_else(|| {
            Problem::not_found(format!("action {action} can't be undone any more, or was undone"))
        })
    });
    done.await.map(|alerts| Json(Undone { alerts }))
}

/// A comment.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct CommentRequest {
    /// Its text.
    #[schema(min_length = 1, max_length = 10_000)]
    text: String,
}

/// What was added.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct Added {
    /// Its number.
    id: i64,
}

/// Comment on an alert
#[utoipa::path(
    post, path = "/api/v1/alerts/{id}/comments", tag = "triage", request_body = CommentRequest,
    params(
        ("id" = i64, Path, description = "The alert's id", minimum = 1),
        ("X-CSRF-Token" = Option<String>, Header, description = "`csrf` of the session"),
        StoreParameters,
    ),
    responses(
        (status = 201, description = "Added", body = Added),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(in crate::web) async fn comment(
    State(site): State<Shared>,
    Write(by): Write,
    Id(id): Id,
    RawQuery(query): RawQuery,
    JsonBody(CommentRequest { text }): JsonBody<CommentRequest>,
) -> Result<(StatusCode, Json<Added>), Problem> {
    let of = store(query.as_deref())?;
    let added = site.queries.change(of, move |triage| {
        let added = triage.comment(id, &by, &text)?;
        added.ok_or_else(|| {
            Problem::not_found(format!(
                "there is no alert {id} in the store, or it has 100 comments"
            ))
        })
    });
    added.await.map(|id| (StatusCode::CREATED, Json(Added { id })))
}

/// Remove a comment
#[utoipa::path(
    delete, path = "/api/v1/comments/{id}", tag = "triage",
    params(
        ("id" = i64, Path, description = "The comment's number", minimum = 1),
        ("X-CSRF-Token" = Option<String>, Header, description = "`csrf` of the session"),
        StoreParameters,
    ),
    responses(
        (status = 204, description = "Done"),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(in crate::web) async fn remove_comment(
    State(site): State<Shared>,
    Write(_): Write,
    Id(id): Id,
    RawQuery(query): RawQuery,
) -> Result<StatusCode, Problem> {
    let of = store(query.as_deref())?;
    let removed = site.queries.change(of, move |triage| Ok(triage.remove_comment(id)?)).await?;
    gone(removed, "comment", id)
}

fn gone(removed: bool, what: &str, id: i64) -> Result<StatusCode, Problem> {
    let missing = || Problem::not_found(format!("there is no {what} {id}"));
    removed.then_some(StatusCode::NO_CONTENT).ok_or_else(missing)
}

/// Filters whose alerts are acknowledged as they come.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct TriageRules {
    /// The filters, oldest first.
    rules: Vec<TriageRuleObject>,
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
    get, path = "/api/v1/triage/rules", tag = "triage",
    responses(
        (status = 200, description = "The filters", body = TriageRules),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(in crate::web) async fn rules(
    State(site): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<Json<TriageRules>, Problem> {
    Parameters::of(query.as_deref()).finish(&[], Selects::Nothing)?;
    let rules = site.queries.run(|reader| Ok(reader.triage_rules()?)).await?;
    Ok(Json(TriageRules { rules: rules.into_iter().map(TriageRuleObject::from).collect() }))
}

/// A filter to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct RuleRequest {
    /// The filter.
    #[schema(example = "msg.sig_id == 384", pattern = r"^msg\.sig_id == [1-9][0-9]{0,6}$")]
    expression: String,
}

/// Add a filter
///
/// Alerts that are stored from now on and pass it are acknowledged while a page is served.
#[utoipa::path(
    post, path = "/api/v1/triage/rules", tag = "triage", request_body = RuleRequest,
    params(("X-CSRF-Token" = Option<String>, Header, description = "`csrf` of the session")),
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
    Parameters::of(query.as_deref()).finish(&[], Selects::Nothing)?;
    Filter::compile(&expression).map_err(crate::store::SelectionProblem::Filter)?;
    let added = site.queries.change(None, move |triage| Ok(triage.add_rule(&expression, &by)?));
    added.await.map(|id| (StatusCode::CREATED, Json(Added { id })))
}

/// Remove a filter; what it acknowledged stays so
#[utoipa::path(
    delete, path = "/api/v1/triage/rules/{id}", tag = "triage",
    params(
        ("id" = i64, Path, description = "The filter's number", minimum = 1),
        ("X-CSRF-Token" = Option<String>, Header, description = "`csrf` of the session"),
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
    Parameters::of(query.as_deref()).finish(&[], Selects::Nothing)?;
    let removed = site.queries.change(None, move |triage| Ok(triage.remove_rule(id)?)).await?;
    gone(removed, "filter", id)
}
