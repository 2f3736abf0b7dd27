//! Dead letters: what was refused for good, and sending it again.

use axum::Json;
use axum::extract::{RawQuery, State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::change::Write;
use crate::store::{DeadLetter, Reader, redeliver};
use crate::web::body::JsonBody;
use crate::web::parameters::{Parameters, Selects, StoreParameters};
use crate::web::problem::{Problem, ProblemObject};
use crate::web::site::Shared;

/// How many dead letters there are by default, and at most.
const USUAL: i64 = 100;
const MOST: i64 = 1_000;

/// Which dead letters.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes parameters")]
pub(in crate::web) struct LetterParameters {
    /// Those of this handler.
    lane: Option<String>,
    /// How many, the newest; 100 by default.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<i64>,
}

/// Dead letters.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct DeadLetters {
    /// The dead letters, newest first.
    letters: Vec<DeadLetterObject>,
    /// Which store they are in.
    store: String,
}

/// What a handler could not deliver, and won't retry unless told to.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct DeadLetterObject {
    /// Its number.
    id: i64,
    /// The handler.
    lane: String,
    /// When it was refused.
    #[schema(value_type = String, format = DateTime)]
    refused: Timestamp,
    /// Why.
    reason: String,
    /// Whether it is to be sent again.
    again: bool,
    /// How many alerts it stands for.
    count: u64,
    /// The alert's id; absent if it was never stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    alert: Option<i64>,
    /// The rule's message; absent if the alert can't be decoded any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    msg: Option<String>,
}

impl From<DeadLetter> for DeadLetterObject {
    fn from(letter: DeadLetter) -> Self {
        let msg = letter.alert().map(|alert| String::from_utf8_lossy(&alert.msg()).into_owned());
        let DeadLetter { id, lane, refused, reason, again, alert_id, count, .. } = letter;
        let alert = Some(alert_id).filter(|id| *id > 0);
        Self { id, lane, refused, reason, again, count, alert, msg }
    }
}

/// Dead letters
#[utoipa::path(
    get, path = "/api/v1/dead-letters", tag = "health", params(LetterParameters, StoreParameters),
    responses(
        (status = 200, description = "The dead letters", body = DeadLetters),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(in crate::web) async fn dead_letters(
    State(site): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<Json<DeadLetters>, Problem> {
    let mut parameters = Parameters::of(query.as_deref());
    let lane = parameters.text("lane")?;
    let limit = parameters.number("limit", 1..=MOST)?.unwrap_or(USUAL);
    let of = parameters.store()?;
    parameters.finish(&["lane", "limit", "store"], Selects::Nothing)?;
    let limit = usize::try_from(limit).unwrap_or_default();
    let letters = site.queries.run_in(of, move |reader, store| {
        let letters = reader.dead_letters(lane.as_deref(), limit)?;
        let letters = letters.into_iter().map(DeadLetterObject::from).collect();
        Ok(DeadLetters { letters, store: store.to_string() })
    });
    letters.await.map(Json)
}

/// Which dead letters are sent again.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct RedeliverRequest {
    /// Those of this handler; all by default.
    lane: Option<String>,
}

/// What is sent again.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct Redelivered {
    /// How many dead letters are sent again.
    alerts: u64,
    /// How many can't be, because they are damaged.
    damaged: u64,
}

/// Send dead letters again
///
/// The Pigear that delivers does it within a second or two.
#[utoipa::path(
    post, path = "/api/v1/redeliver", tag = "health", request_body = RedeliverRequest,
    params(("X-CSRF-Token" = Option<String>, Header, description = "`csrf` of the session"), StoreParameters),
    responses(
        (status = 200, description = "They are marked", body = Redelivered),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(in crate::web) async fn send_again(
    State(site): State<Shared>,
    Write(_): Write,
    RawQuery(query): RawQuery,
    JsonBody(RedeliverRequest { lane }): JsonBody<RedeliverRequest>,
) -> Result<Json<Redelivered>, Problem> {
    let of = Parameters::store_only(query.as_deref())?;
    let path = site.queries.path().to_owned();
    let mark = move || {
        if of.is_some() && of != Some(Reader::open(&path)?.identity()?) {
            return Err(Problem::other_store());
        }
        Ok(redeliver(&path, lane.as_deref())?)
    };
    let marked = site.queries.blocking(mark).await?;
    let alerts = marked.lanes.iter().map(|(_, letters)| letters).sum();
    Ok(Json(Redelivered { alerts, damaged: marked.damaged }))
}
