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
use crate::store::{
    AlertSet, Further, MarkKind, PastAction, Selection, StoreError, StoreIdentity, StoreProblem,
    TriageRule,
};
use crate::web::body::JsonBody;
use crate::web::parameters::{Parameters, Selects, StoreParameters};
use crate::web::problem::{Problem, ProblemObject};
use crate::web::site::{Shared, Site};

/// The most alerts that are named in a request.
const MOST_IDS: usize = 10_000;

/// A mark of an alert.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
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
    /// Criteria, as the parameters of `alerts`; a parameter that may be repeated may have a list,
    /// which is not empty.
    criteria: Option<BTreeMap<String, Texts>>,
    /// The mark.
    mark: Mark,
    /// Whether they get it.
    set: bool,
}

/// A text, or several.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
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
/// The latest hundred actions can be undone.
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
    let (alerts, criteria) = match (request.ids, request.criteria) {
        (Some(ids), None) if ids.len() <= MOST_IDS => (ids.into_iter().collect(), None),
        (Some(_), None) => return Err(wrong(format!("give at most {MOST_IDS} ids"))),
        (None, Some(criteria)) => {
            // Texts can always be written.
            let text = serde_json::to_string(&criteria).unwrap_or_default();
            (matching(&site, criteria).await?, Some(text))
        }
        _ => return Err(wrong("give either ids or criteria".to_owned())),
    };
    let done = site.queries.change(of, move |triage| {
        Ok(triage.mark_all(&alerts, change, &by, criteria.as_deref())?)
    });
    done.await.map(|done| Json(TriageDone { action: done.id, alerts: done.alerts }))
}

/// The store that a request is about; it has no other parameters.
fn store(query: Option<&str>) -> Result<Option<StoreIdentity>, Problem> {
    let mut parameters = Parameters::of(query);
    let store = parameters.store()?;
    parameters.finish(&["store"], Selects::Nothing)?;
    Ok(store)
}

/// The alerts that meet criteria, however long it takes to find them: other queries may run between its parts. One
/// for which a filter fails doesn't.
async fn matching(site: &Site, criteria: BTreeMap<String, Texts>) -> Result<AlertSet, Problem> {
    let (mut alerts, mut before) = (AlertSet::default(), i64::MAX);
    loop {
        let selection = selection(&criteria)?;
        let part = site.queries.run(move |reader| {
            let criteria = selection.criteria_for_change(|| TimeZone::UTC)?;
            let found = reader.newest_before(before, &criteria, |stored| {
                alerts.insert(stored.id);
                Further::On
            });
            match found {
                Err(StoreError { source: StoreProblem::Unfinished { reached }, .. })
                    if reached < before =>
                {
                    Ok((alerts, Some(reached)))
                }
                found => Ok(found.map(|()| (alerts, None))?),
            }
        });
        match part.await? {
            (found, None) => return Ok(found),
            (found, Some(reached)) => (alerts, before) = (found, reached),
        }
    }
}

fn selection(criteria: &BTreeMap<String, Texts>) -> Result<Selection, Problem> {
    let mut selection = Selection::default();
    // Without values, a criterion would be met by all alerts.
    if let Some((name, _)) = criteria.iter().find(|(_, texts)| texts.all().is_empty()) {
        return Err(Problem::parameter(name, "give at least one value, or not the criterion"));
    }
    let all =
        criteria.iter().flat_map(|(name, texts)| texts.all().iter().map(move |it| (name, it)));
    for (name, text) in all {
        match selection.set(name, text) {
            Ok(true) => {}
            Ok(false) => {
                return Err(Problem::parameter(name, format!("unknown criterion {name:?}")));
            }
            Err(problem) => return Err(Problem::criterion(name, text, &problem)),
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
    Write(by): Write,
    RawQuery(query): RawQuery,
    JsonBody(UndoRequest { action }): JsonBody<UndoRequest>,
) -> Result<Json<Undone>, Problem> {
    let of = store(query.as_deref())?;
    let done = site.queries.change(of, move |triage| {
        triage.undo(action, &by)?.ok_or_else(|| {
            Problem::not_found(format!("action {action} can't be undone any more, or was undone"))
        })
    });
    done.await.map(|alerts| Json(Undone { alerts }))
}

/// What people did.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct TriageActions {
    /// The latest hundred, newest first.
    actions: Vec<TriageActionObject>,
}

/// Marks that someone set or removed together.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct TriageActionObject {
    /// Its number, to undo it.
    id: i64,
    /// When it was.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Who did it.
    by: String,
    /// The mark.
    mark: Mark,
    /// Whether the alerts got it.
    set: bool,
    /// The criteria by which the alerts were found; absent if they were named.
    #[serde(skip_serializing_if = "Option::is_none")]
    criteria: Option<BTreeMap<String, Texts>>,
    /// How many alerts were changed.
    alerts: u64,
    /// Whether it can be undone.
    undoable: bool,
    /// When and by whom it was undone; absent if it wasn't.
    #[serde(skip_serializing_if = "Option::is_none")]
    undone: Option<UndoneObject>,
}

/// When something was undone, and by whom.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct UndoneObject {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// By whom.
    by: String,
}

impl From<PastAction> for TriageActionObject {
    fn from(action: PastAction) -> Self {
        Self {
            undoable: action.is_undoable(),
            id: action.id,
            at: action.at,
            by: action.by,
            mark: match action.kind {
                MarkKind::Acknowledged => Mark::Acknowledged,
                MarkKind::Starred => Mark::Starred,
            },
            set: action.is_set,
            criteria: action.criteria.and_then(|text| serde_json::from_str(&text).ok()),
            alerts: action.alerts,
            undone: action.undone.map(|undone| UndoneObject { at: undone.at, by: undone.by }),
        }
    }
}

/// The latest hundred actions, which can be undone
#[utoipa::path(
    get, path = "/api/v1/triage/actions", tag = "triage",
    responses(
        (status = 200, description = "The actions, newest first", body = TriageActions),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(in crate::web) async fn actions(
    State(site): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<Json<TriageActions>, Problem> {
    Parameters::of(query.as_deref()).finish(&[], Selects::Nothing)?;
    let actions = site.queries.run(|reader| Ok(reader.triage_actions()?)).await?;
    Ok(Json(TriageActions { actions: actions.into_iter().map(TriageActionObject::from).collect() }))
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
