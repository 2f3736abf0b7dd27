//! The API, below `/api/v1`.

mod alerts;
mod change;
mod counts;
mod export;
mod health;
pub(super) mod object;
mod session;
mod stream;

pub(super) use alerts::*;
pub(super) use counts::*;
pub(super) use export::*;
pub(super) use health::*;
pub(super) use session::*;
pub(super) use stream::*;

use axum::Router;
use axum::routing::{get, post};

use super::openapi;
use super::site::Shared;

/// Adds the routes of the API.
pub(super) fn routes(router: Router<Shared>, prefix: &str) -> Router<Shared> {
    let path = |path: &str| format!("{prefix}/api/v1/{path}");
    router
        .route(&path("alerts"), get(alerts::list))
        .route(&path("alerts/{id}"), get(alerts::one))
        .route(&path("alerts/{id}/packet"), get(export::packet))
        .route(&path("packets"), get(export::packets))
        .route(&path("export"), get(export::export))
        .route(&path("counts"), get(counts::counts))
        .route(&path("series"), get(counts::series))
        .route(&path("values"), get(counts::values))
        .route(&path("stream"), get(stream::stream))
        .route(&path("health"), get(health::health))
        .route(&path("session"), get(session::session))
        .route(&path("login"), post(session::log_in))
        .route(&path("logout"), post(session::log_out))
        .route(&path("openapi.json"), get(openapi::serve))
}
