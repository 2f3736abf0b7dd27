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
        api::marks,
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
    add_ip(&mut whole);
    whole["components"]["schemas"]["Alert"] = alert;
    whole["components"]["schemas"]["AlertDetails"] = details;
    whole["components"]["securitySchemes"] = json!({
        "token": { "type": "http", "scheme": "bearer", "description": "The key `token` or `token_file`." },
        "session": { "type": "apiKey", "in": "cookie", "name": "pigear_session" },
    });
    whole["security"] = json!([{}, { "token": [] }, { "session": [] }]);
    whole
}

/// Describes `ip`, the other name of `host`, which is no field of the criteria.
fn add_ip(whole: &mut Value) {
    let paths = whole["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut());
    let operations = paths.filter_map(Value::as_object_mut).flat_map(|path| path.values_mut());
    for operation in operations {
        let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
        let Some(parameters) = parameters else { continue };
        let place = parameters.iter().position(|one| one["name"] == "host" && one["in"] == "query");
        let Some(place) = place else { continue };
        let mut ip = parameters[place].clone();
        ip["name"] = "ip".into();
        ip["description"] = "The same as `host`: one of them may be given".into();
        parameters.insert(place + 1, ip);
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Selection;

    #[test]
    fn each_name_of_a_criterion_is_described() {
        let whole = description();
        let mut selecting = 0;
        for (path, operations) in whole["paths"].as_object().unwrap() {
            for operation in operations.as_object().unwrap().values() {
                let parameters = operation["parameters"].as_array();
                let names: Vec<_> =
                    parameters.into_iter().flatten().map(|one| &one["name"]).collect();
                if names.iter().any(|name| *name == "since") {
                    selecting += 1;
                    for known in Selection::NAMES {
                        assert_eq!(
                            names.iter().filter(|name| **name == known).count(),
                            1,
                            "{path} {known}"
                        );
                    }
                }
            }
        }
        assert_eq!(selecting, 8);
    }
}
