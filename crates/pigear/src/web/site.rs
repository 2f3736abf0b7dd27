//! What all requests share.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use pigear_pipeline::Stats;
use serde::Serialize;

use super::access::Access;
use super::acknowledging::Acknowledging;
use super::feed::Feed;
use super::history::History;
use super::problem::Problem;
use super::proxies::Proxies;
use super::queries::Queries;
use super::single_flight::SingleFlight;
use super::streams::Streams;
use super::timeouts::Timeouts;
use super::turns::Turn;
use crate::hosts::Hosts;
use crate::rules::SharedRules;
use crate::sensors::SharedSensors;
use crate::store::Reader;

/// What all requests share.
pub(super) struct Site {
    pub(super) queries: Arc<Queries>,
    /// What many pages ask at the same time.
    pub(super) shared_answers: Arc<SingleFlight<Turn>>,
    pub(super) access: Access,
    pub(super) hosts: Hosts,
    pub(super) proxies: Arc<Proxies>,
    pub(super) streams: Arc<Streams>,
    pub(super) timeouts: Timeouts,
    pub(super) feed: Arc<Feed>,
    pub(super) history: Arc<History>,
    #[expect(dead_code, reason = "works until it is dropped")]
    pub(super) acknowledging: Acknowledging,
    /// Snort's rules.
    pub(super) rules: SharedRules,
    /// The sensors that the program hears of.
    pub(super) sensors: SharedSensors,
    /// The counters, if a pipeline serves the page.
    pub(super) stats: Option<Arc<Stats>>,
    /// Of all paths: empty, or beginning with a slash.
    pub(super) prefix: String,
    pub(super) has_tls: bool,
    pub(super) started: Timestamp,
}

/// A shared [`Site`].
pub(super) type Shared = Arc<Site>;

impl Site {
    /// Answers a question with the JSON of what is read, which others that ask the same share.
    pub(super) async fn answer<T: Serialize>(
        &self,
        path: &str,
        query: Option<String>,
        read: impl FnOnce(&mut Reader) -> Result<T, Problem> + Send + 'static,
    ) -> Result<JsonText, Problem> {
        let question = format!("{path}?{}", query.unwrap_or_default());
        let queries = Arc::clone(&self.queries);
        let work = |reader: &mut Reader| {
            let text = serde_json::to_vec(&read(reader)?).map_err(|_| Problem::internal())?;
            Ok(Bytes::from(text))
        };
        let read = move |turn| async move { queries.run_in_turn(turn, work).await };
        self.shared_answers.answer(question, self.queries.turn(), read).await.map(JsonText)
    }
}

/// JSON that is written already.
pub(super) struct JsonText(Bytes);

impl IntoResponse for JsonText {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.0));
        let kind = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, kind);
        response
    }
}
