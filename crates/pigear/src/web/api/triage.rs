//! Triage: alerts are acknowledged and starred.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::change::Write;
use super::ids::MOST_IDS;
use crate::store::{
    AlertSet, FilterFailure, Further, MarkKind, Selection, StoreError, StoreIdentity, StoreProblem,
};
use crate::web::body::JsonBody;
use crate::web::parameters::{Parameters, StoreParameters};
use crate::web::problem::{Problem, ProblemObject};
use crate::web::site::{Shared, Site};

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

impl From<MarkKind> for Mark {
    fn from(kind: MarkKind) -> Self {
        match kind {
            MarkKind::Acknowledged => Self::Acknowledged,
            MarkKind::Starred => Self::Starred,
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
    /// which is not empty. All that is given as `filter` has at most 16 expressions and 8192 bytes.
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
    /// What the filter failed on, which is left as it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    filter_failed: Option<FilterFailure>,
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
    let mut filter_failed = None;
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
            let Matched { alerts, store, failed } = search.find(&site).await?;
            filter_failed = failed;
            (alerts, Some(store), Some(text))
        }
        _ => return Err(wrong("give either ids or criteria".to_owned())),
    };
    let done = site.queries.change(of, move |triage| {
        Ok(triage.mark_all(&alerts, change, &by, criteria.as_deref())?)
    });
    let done = done.await?;
    let action = (done.alerts > 0).then_some(done.id);
    Ok(Json(TriageDone { action, alerts: done.alerts, filter_failed }))
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

/// What was found.
struct Matched {
    alerts: AlertSet,
    /// Where.
    store: StoreIdentity,
    /// What the filter failed on, which is not among them.
    failed: Option<FilterFailure>,
}

impl Matching {
    /// Finds them, however long it takes: other queries may run between its parts, all of which are of one store. An
    /// alert for which a filter fails doesn't meet the criteria.
    async fn find(mut self, site: &Site) -> Result<Matched, Problem> {
        let (mut alerts, mut failed) = (AlertSet::default(), None::<FilterFailure>);
        loop {
            let (selection, before) = (selection(&self.criteria)?, self.before);
            let part = site.queries.run_in(self.of, move |reader, store| {
                let criteria = selection.criteria(|| TimeZone::UTC)?;
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
                Ok((alerts, store, times, reached, criteria.filter_failure()))
            });
            let (found, store, times, reached, more) = part.await?;
            failed = match (failed, more) {
                (Some(first), Some(more)) => {
                    Some(FilterFailure { alerts: first.alerts + more.alerts, ..first })
                }
                (first, more) => first.or(more),
            };
            self.of = Some(store);
            let Some(reached) = reached else {
                return Ok(Matched { alerts: found, store, failed });
            };
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
