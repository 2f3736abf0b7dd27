//! Actions of the triage: the latest ones, and how one of them is undone.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::change::Write;
use super::triage::{Mark, Texts};
use crate::store::{PastAction, Reader, StoreIdentity};
use crate::web::body::JsonBody;
use crate::web::parameters::{Parameters, StoreParameters};
use crate::web::problem::{Problem, ProblemObject};
use crate::web::site::Shared;

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
            mark: action.kind.into(),
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
