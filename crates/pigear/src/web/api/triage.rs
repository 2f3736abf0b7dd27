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
use super::change::{Removal, Write};
use crate::script::Filter;
use crate::store::{
    AlertSet, Further, MarkKind, PastAction, Reader, Selection, StoreError, StoreIdentity,
    StoreProblem, TriageRule,
};
use crate::web::body::JsonBody;
use crate::web::parameters::{Parameters, StoreParameters};
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
    /// With criteria: the last alert that is marked, such as `last` of `counts`. Those with a higher id came later.
    #[schema(minimum = 0)]
    through: Option<i64>,
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
    /// The number of the action, to undo it; absent if no alert was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<i64>,
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
    let of = Parameters::store_only(query.as_deref())?;
    let change = (request.mark.into(), request.set);
    let wrong = |detail: String| Problem::new(StatusCode::BAD_REQUEST, "body", detail);
    let (alerts, of, criteria) = match (request.ids, request.criteria) {
        (Some(_), None) if request.through.is_some() => {
            return Err(wrong("through goes with criteria only".to_owned()));
        }
        (Some(ids), None) if ids.len() <= MOST_IDS => (ids.into_iter().collect(), of, None),
        (Some(_), None) => return Err(wrong(format!("give at most {MOST_IDS} ids"))),
        (None, Some(criteria)) => {
            // Texts can always be written.
            let text = serde_json::to_string(&criteria).unwrap_or_default();
            let search = Matching { criteria, before: before(request.through), of };
            let (alerts, of) = search.find(&site).await?;
            (alerts, of, Some(text))
        }
        _ => return Err(wrong("give either ids or criteria".to_owned())),
    };
    let done = site.queries.change(of, move |triage| {
        Ok(triage.mark_all(&alerts, change, &by, criteria.as_deref())?)
    });
    let done = done.await?;
    let action = (done.alerts > 0).then_some(done.id);
    Ok(Json(TriageDone { action, alerts: done.alerts }))
}

/// The id before which alerts are looked for.
fn before(through: Option<i64>) -> i64 {
    through.map_or(i64::MAX, |through| through.max(0).saturating_add(1))
}

/// A search for the alerts that meet criteria.
struct Matching {
    criteria: BTreeMap<String, Texts>,
    before: i64,
    /// The store, once it is known.
    of: Option<StoreIdentity>,
}

impl Matching {
    /// Finds them, however long it takes: other queries may run between its parts, all of which are of one store. An
    /// alert for which a filter fails doesn't meet the criteria.
    async fn find(mut self, site: &Site) -> Result<(AlertSet, Option<StoreIdentity>), Problem> {
        let mut alerts = AlertSet::default();
        loop {
            let (selection, before) = (selection(&self.criteria)?, self.before);
            let part = site.queries.run_in(self.of, move |reader, store| {
                let criteria = selection.criteria_for_change(|| TimeZone::UTC)?;
                let times = [("since", criteria.since), ("until", criteria.until)];
                let found = reader.newest_before(before, &criteria, |stored| {
                    alerts.insert(stored.id);
                    Further::On
                });
                let reached =
                    match found {
                        Err(StoreError {
                            source: StoreProblem::Unfinished { reached }, ..
                        }) if reached < before => Some(reached),
                        found => found.map(|()| None)?,
                    };
                Ok((alerts, store, times, reached))
            });
            let (found, store, times, reached) = part.await?;
            self.of = Some(store);
            let Some(reached) = reached else { return Ok((found, self.of)) };
            (alerts, self.before) = (found, reached);
            self.fix(times);
        }
    }

    /// Relative times are from the first part on the same.
    fn fix(&mut self, times: [(&str, Option<Timestamp>); 2]) {
        for (name, time) in times {
            if let Some(time) = time {
                self.criteria.insert(name.to_owned(), Texts::One(time.to_string()));
            }
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
    let of = Parameters::store_only(query.as_deref())?;
    let done = site.queries.change(of, move |triage| {
        triage.undo(action, &by)?.ok_or_else(|| {
            let detail = format!(
                "action {action} can't be undone: it was undone already, or is none of the latest hundred"
            );
            Problem::new(StatusCode::CONFLICT, "undone", detail)
        })
    });
    done.await.map(|alerts| Json(Undone { alerts }))
}

/// What people did.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct TriageActions {
    /// The latest hundred, newest first.
    actions: Vec<TriageActionObject>,
    /// Which store they are of.
    store: String,
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
    get, path = "/api/v1/triage/actions", tag = "triage", params(StoreParameters),
    responses(
        (status = 200, description = "The actions, newest first", body = TriageActions),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(in crate::web) async fn actions(
    State(site): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<Json<TriageActions>, Problem> {
    let of = Parameters::store_only(query.as_deref())?;
    let read = |reader: &mut Reader, store: StoreIdentity| {
        let actions = reader.triage_actions()?.into_iter().map(TriageActionObject::from).collect();
        Ok(TriageActions { actions, store: store.to_string() })
    };
    site.queries.run_in(of, read).await.map(Json)
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
    let of = Parameters::store_only(query.as_deref())?;
    let added = site.queries.change(of, move |triage| {
        let added = triage.comment(id, &by, &text)?;
        added.ok_or_else(|| Problem::not_found(format!("there is no alert {id} in the store")))
    });
    added.await.map(|id| (StatusCode::CREATED, Json(Added { id })))
}

/// Remove a comment
///
/// A user may remove their own only; a page without users and a program with the token, any.
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
    Removal(author): Removal,
    Id(id): Id,
    RawQuery(query): RawQuery,
) -> Result<StatusCode, Problem> {
    let of = Parameters::store_only(query.as_deref())?;
    let remove =
        site.queries.change(of, move |triage| Ok(triage.remove_comment(id, author.as_deref())?));
    let removed = remove.await?;
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
    #[schema(example = "msg.sig_id == 384", pattern = r"^msg\.sig_id == [1-9][0-9]{0,6}$")]
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
    Filter::compile(&expression).map_err(crate::store::SelectionProblem::Filter)?;
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
    let removed = site.queries.change(of, move |triage| Ok(triage.remove_rule(id)?)).await?;
    gone(removed, "filter", id)
}
