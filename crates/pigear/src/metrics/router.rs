//! What is answered to each request.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::Mutex;

use super::exposition::Form;
use super::gathered::Gatherer;
use super::negotiation::Wanted;

pub(super) type Shared = Arc<Mutex<Gatherer>>;

const PATHS: &str = "metrics are at /metrics; /healthz and /readyz say whether Pigear is well\n";

pub(super) fn router(gatherer: &Shared) -> Router {
    Router::new()
        .route("/", get(|| async { PATHS }))
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .fallback(|| async { (StatusCode::NOT_FOUND, PATHS) })
        .with_state(Arc::clone(gatherer))
}

async fn metrics(State(gatherer): State<Shared>, headers: HeaderMap) -> Response {
    let wanted = Wanted::of(&headers);
    let body = gatherer.lock().await.body(wanted).await;
    let kind = match wanted.form {
        Form::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        Form::Text => "text/plain; version=0.0.4; charset=utf-8",
    };
    let head = [(CONTENT_TYPE, kind), (VARY, "Accept, Accept-Encoding")];
    let mut response = (head, body).into_response();
    if wanted.gzip {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

async fn healthz(State(gatherer): State<Shared>) -> Response {
    verdict(&gatherer.lock().await.illness())
}

async fn readyz(State(gatherer): State<Shared>) -> Response {
    verdict(&gatherer.lock().await.unreadiness())
}

/// `ok`, or a line for each problem.
fn verdict(problems: &[String]) -> Response {
    let head = [(CACHE_CONTROL, "no-store")];
    if problems.is_empty() {
        return (head, "ok\n").into_response();
    }
    let text = problems.join("\n") + "\n";
    (StatusCode::SERVICE_UNAVAILABLE, head, text).into_response()
}
