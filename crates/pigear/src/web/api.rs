//! The API, below `/api/v1`.

mod alerts;
mod change;
mod comments;
mod counts;
mod criteria;
mod export;
mod health;
mod ids;
mod letters;
pub(super) mod object;
mod rule;
mod sensors;
mod session;
mod stream;
mod triage;
mod triage_actions;
mod triage_marks;
mod triage_rules;

pub(super) use alerts::*;
pub(super) use change::check_origin;
pub(super) use comments::*;
pub(super) use counts::*;
pub(super) use criteria::*;
pub(super) use export::*;
pub(super) use health::*;
pub(super) use letters::*;
pub(super) use rule::*;
pub(super) use sensors::*;
pub(super) use session::*;
pub(super) use stream::*;
pub(super) use triage::*;
pub(super) use triage_actions::*;
pub(super) use triage_marks::*;
pub(super) use triage_rules::*;

use axum::Router;
use axum::routing::{delete, get, post};

use super::openapi;
use super::site::Shared;

/// Adds the routes of the API.
pub(super) fn routes(router: Router<Shared>, prefix: &str) -> Router<Shared> {
    let path = |path: &str| format!("{prefix}/api/v1/{path}");
    router
        .route(&path("alerts"), get(alerts::list))
        .route(&path("alerts/{id}"), get(alerts::one))
        .route(&path("alerts/{id}/packet"), get(export::packet))
        .route(&path("alerts/{id}/export"), get(export::export_one))
        .route(&path("alerts/{id}/rule"), get(rule::rule))
        .route(&path("alerts/{id}/comments"), post(comments::comment))
        .route(&path("comments"), post(comments::comment_on_each))
        .route(&path("comments/remove"), post(comments::remove_comments))
        .route(&path("comments/{id}"), delete(comments::remove_comment))
        .route(&path("triage"), post(triage::triage))
        .route(&path("triage/undo"), post(triage_actions::undo))
        .route(&path("triage/actions"), get(triage_actions::actions))
        .route(&path("triage/marks"), post(triage_marks::marks))
        .route(&path("triage/rules"), get(triage_rules::rules).post(triage_rules::add_rule))
        .route(&path("triage/rules/{id}"), delete(triage_rules::remove_rule))
        .route(&path("dead-letters"), get(letters::dead_letters))
        .route(&path("redeliver"), post(letters::send_again))
        .route(&path("packets"), get(export::packets).post(export::packets_of))
        .route(&path("export"), get(export::export).post(export::export_of))
        .route(&path("criteria"), get(criteria::criteria))
        .route(&path("counts"), get(counts::counts))
        .route(&path("series"), get(counts::series))
        .route(&path("values"), get(counts::values))
        .route(&path("stream"), get(stream::stream))
        .route(&path("health"), get(health::health))
        .route(&path("sensors"), get(sensors::sensors))
        .route(&path("session"), get(session::session))
        .route(&path("login"), post(session::log_in))
        .route(&path("logout"), post(session::log_out))
        .route(&path("openapi.json"), get(openapi::serve))
}
