//! The sensors of a fleet.

use axum::Json;
use axum::extract::{RawQuery, State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::sensors::SensorReport;
use crate::web::parameters::{Parameters, Selects};
use crate::web::problem::{Problem, ProblemObject};
use crate::web::site::Shared;

/// The sensors of a fleet.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct Sensors {
    /// Whether this Pigear hears of sensors: its socket handler is `nats`.
    watched: bool,
    /// The sensors that sent a heartbeat, by name.
    sensors: Vec<SensorReport>,
}

/// The sensors of a fleet, as in `pigear sensors`
#[utoipa::path(
    get, path = "/api/v1/sensors", tag = "health",
    responses(
        (status = 200, description = "The sensors", body = Sensors),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(in crate::web) async fn sensors(
    State(site): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<Json<Sensors>, Problem> {
    Parameters::of(query.as_deref()).finish(&[], Selects::Nothing)?;
    let found = site.sensors.report();
    Ok(Json(Sensors { watched: found.is_some(), sensors: found.unwrap_or_default() }))
}
