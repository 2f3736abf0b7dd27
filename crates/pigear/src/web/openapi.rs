//! The description of the API, made from the types of its requests and responses.

use std::sync::OnceLock;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use utoipa::OpenApi;

use super::api;
use super::parameters::{Parameters, Selects};
use super::problem::{Problem, ProblemObject};
use super::site::Shared;
use crate::manual::manual;

#[derive(OpenApi)]
#[openapi(
    info(title = "Pigear", description = "Alerts of Snort, from the store of Pigear."),
    paths(
        api::list,
        api::one,
        api::packet,
        api::packets,
        api::packets_of,
        api::export,
        api::export_of,
        api::export_one,
        api::rule,
        api::comment,
        api::comment_on_each,
        api::remove_comments,
        api::remove_comment,
        api::triage,
        api::undo,
        api::actions,
        api::rules,
        api::add_rule,
        api::remove_rule,
        api::dead_letters,
        api::send_again,
        api::criteria,
        api::counts,
        api::series,
        api::values,
        api::stream,
        api::health,
        api::sensors,
        api::session,
        api::log_in,
        api::log_out,
        serve,
    ),
    components(schemas(api::LayerObject))
)]
struct Description;

/// The schema of an alert.
const ALERT: &str = include_str!("../../data/alert.schema.json");

/// The description, without the prefix of paths.
fn description() -> Value {
    let mut whole = serde_json::to_value(Description::openapi()).unwrap_or_default();
    whole["externalDocs"] = json!({ "description": "The page and its API", "url": manual!("web") });
    // What the schema defines for itself is beside the other schemas here.
    let alert = ALERT.replace("#/$defs/", "#/components/schemas/");
    let mut alert: Value = serde_json::from_str(&alert).unwrap_or_default();
    if let Some(alert) = alert.as_object_mut() {
        alert.remove("$schema");
        for (name, schema) in
            alert.remove("$defs").as_ref().and_then(Value::as_object).into_iter().flatten()
        {
            whole["components"]["schemas"][name] = schema.clone();
        }
    }
    let id =
        json!({ "description": "The alert's id in the store.", "type": "integer", "minimum": 1 });
    alert["properties"]["id"] = id;
    if let Some(required) = alert["required"].as_array_mut() {
        required.insert(0, "id".into());
    }
    let mut details = alert.clone();
    let added = whole["components"]["schemas"]["AlertDetails"]["properties"].take();
    for (name, schema) in added.as_object().into_iter().flatten() {
        details["properties"][name] = schema.clone();
    }
    details["properties"]["layers"]["items"] =
        json!({ "$ref": "#/components/schemas/LayerObject" });
    details["title"] = "AlertDetails".into();
    details["description"] = "An alert with all that is known of its packet.".into();
    if let Some(required) = details["required"].as_array_mut() {
        required.push("layers".into());
    }
    whole["components"]["schemas"]["Alert"] = alert;
    whole["components"]["schemas"]["AlertDetails"] = details;
    whole["components"]["securitySchemes"] = json!({
        "token": { "type": "http", "scheme": "bearer", "description": "The key `token` or `token_file`." },
        "session": { "type": "apiKey", "in": "cookie", "name": "pigear_session" },
    });
    whole["security"] = json!([{}, { "token": [] }, { "session": [] }]);
    whole
}

/// This description
#[utoipa::path(
    get, path = "/api/v1/openapi.json", tag = "description",
    responses(
        (status = 200, description = "OpenAPI 3.1", body = Object, content_type = "application/json"),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(super) async fn serve(
    State(site): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    static WHOLE: OnceLock<Value> = OnceLock::new();
    Parameters::of(query.as_deref()).finish(&[], Selects::Nothing)?;
    let mut whole = WHOLE.get_or_init(description).clone();
    let server = if site.prefix.is_empty() { "/" } else { &site.prefix };
    whole["components"]["securitySchemes"]["session"]["name"] = site.access.cookie().into();
    whole["servers"] = json!([{ "url": server }]);
    Ok(Json(whole).into_response())
}
