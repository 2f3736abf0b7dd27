//! The body of a request, as JSON.

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::problem::Problem;
use super::site::Shared;

/// The largest body, in bytes.
const MAX_BODY: usize = 256 << 10;

/// The body of a request.
pub(super) struct JsonBody<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Shared> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, site: &Shared) -> Result<Self, Problem> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            let detail = "the body must be application/json";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "body", detail));
        }
        let wrong = |status, detail: String| Problem::new(status, "body", detail);
        let bytes = timeout(site.timeouts.body, to_bytes(request.into_body(), MAX_BODY)).await;
        let bytes = bytes.map_err(|_| {
            wrong(StatusCode::REQUEST_TIMEOUT, "the body takes too long".to_owned())
        })?;
        let bytes = bytes.map_err(|_| {
            let detail = format!("the body has more than {MAX_BODY} bytes");
            wrong(StatusCode::PAYLOAD_TOO_LARGE, detail)
        })?;
        let read = serde_json::from_slice(&bytes);
        let wrong = |error| wrong(StatusCode::BAD_REQUEST, format!("the body is wrong: {error}"));
        read.map(Self).map_err(wrong)
    }
}
