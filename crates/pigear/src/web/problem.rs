//! Errors, as `application/problem+json` (RFC 9457).

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::store::{FilterFailure, SelectionProblem, StoreError, StoreProblem};
use crate::visible::cut;

/// How much of a wrong value is repeated, in bytes.
const MAX_VALUE: usize = 100;

/// An error, for a response.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    /// On the heap, because results are small.
    object: Box<ProblemObject>,
    header: Option<(HeaderName, HeaderValue)>,
}

/// An error, as RFC 9457 describes it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemObject {
    /// Which kind of error it is: `urn:pigear:problem:NAME`.
    #[schema(example = "urn:pigear:problem:parameter")]
    r#type: String,
    /// The status in words.
    title: String,
    /// The status of the response.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong.
    detail: String,
    /// What you can do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// The parameter that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
    /// Where in a filter the error is: the line, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    /// Where in this line: the character, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    /// How to log in: `password`, `token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    login: Option<Vec<&'static str>>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, name: &str, detail: impl Into<String>) -> Self {
        let object = ProblemObject {
            r#type: format!("urn:pigear:problem:{name}"),
            title: status.canonical_reason().unwrap_or_default().to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            hint: None,
            parameter: None,
            line: None,
            column: None,
            login: None,
        };
        Self { object: Box::new(object), header: None }
    }

    /// A parameter is wrong.
    pub(super) fn parameter(name: &str, detail: impl Into<String>) -> Self {
        let mut problem = Self::new(StatusCode::BAD_REQUEST, "parameter", detail);
        problem.object.parameter = Some(name.to_owned());
        problem
    }

    /// A criterion has a value that it can't have.
    pub(super) fn criterion(name: &str, value: &str, problem: &str) -> Self {
        let value = cut(value, MAX_VALUE);
        Self::parameter(name, format!("{name}: {value:?}: {problem}"))
    }

    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    /// A download would lack alerts on which the filter fails.
    pub(super) fn filter_failed(failure: &FilterFailure) -> Self {
        let FilterFailure { alerts, problem } = failure;
        let which = if *alerts == 1 { "1 alert".to_owned() } else { format!("{alerts} alerts") };
        let detail = format!("the filter failed on {which}: {problem}");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "filter-failed", detail)
            .hint("correct the filter, or leave these alerts out with partial=yes")
    }

    /// A login is missing or wrong.
    pub(super) fn login(ways: Vec<&'static str>, detail: impl Into<String>) -> Self {
        let mut problem = Self::new(StatusCode::UNAUTHORIZED, "login", detail);
        problem.object.login = Some(ways);
        problem.header = Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        problem
    }

    /// The client may try again after this many seconds.
    pub(super) fn retry_after(mut self, seconds: u64) -> Self {
        self.header = Some((RETRY_AFTER, HeaderValue::from(seconds)));
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.object.hint = Some(hint.into());
        self
    }

    /// More queries than can run.
    pub(super) fn busy() -> Self {
        let detail = "too many queries run at the same time";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).retry_after(1)
    }

    /// Another change of the store takes long.
    pub(super) fn changing() -> Self {
        let detail = "another change of many alerts is in progress";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).retry_after(5)
    }

    /// A number, or a place in the list, is of another store than that which is there now.
    pub(super) fn other_store() -> Self {
        let detail = "another store is there now than the one that this is of";
        Self::new(StatusCode::CONFLICT, "other-store", detail)
            .hint("read the alerts anew: the same numbers are other alerts there")
    }

    /// As text, for an event of a stream.
    pub(super) fn text(&self) -> String {
        serde_json::to_string(&self.object).unwrap_or_default()
    }

    /// The server is about to end, or something in it broke.
    pub(super) fn internal() -> Self {
        let detail = "the query could not be carried out; the log may say why";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }
}

impl From<StoreError> for Problem {
    fn from(StoreError { path, source }: StoreError) -> Self {
        let hint = match &source {
            StoreProblem::Missing => Some(
                "move it back, or start a Pigear that stores alerts there; it is then found by itself",
            ),
            other => other.hint(),
        };
        let (name, detail, after) = match &source {
            StoreProblem::Comment { .. } | StoreProblem::ControlCharacter => {
                return Self::new(StatusCode::BAD_REQUEST, "body", source.to_string());
            }
            StoreProblem::TooManyCommentsOfAlert { .. }
            | StoreProblem::TooManyComments { .. }
            | StoreProblem::TooManyRules { .. } => {
                return Self::new(StatusCode::CONFLICT, "limit", source.to_string());
            }
            StoreProblem::CommentOfOther { .. } => {
                return Self::new(StatusCode::FORBIDDEN, "author", source.to_string());
            }
            StoreProblem::Unfinished { .. } => ("timeout", source.to_string(), None),
            _ => ("store", format!("cannot use the store {}: {source}", path.display()), Some(5)),
        };
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, name, detail);
        problem.object.hint = hint.map(str::to_owned);
        match after {
            Some(seconds) => problem.retry_after(seconds),
            None => problem,
        }
    }
}

impl From<SelectionProblem> for Problem {
    fn from(problem: SelectionProblem) -> Self {
        match problem {
            SelectionProblem::Filter(problem) => {
                let position = problem.position();
                let mut wrong = Self::parameter("filter", problem.what());
                "urn:pigear:problem:filter".clone_into(&mut wrong.object.r#type);
                wrong.object.line = position.map(|it| it.0);
                wrong.object.column = position.map(|it| it.1);
                wrong
            }
            SelectionProblem::Reversed { since, until } => {
                let times = format!("since is {since:.0}, and until is {until:.0}");
                Self::parameter("since", format!("{times}: since must be the earlier one"))
            }
            SelectionProblem::Time(problem) => Self::parameter("since", problem),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.object.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // Texts and numbers can always be written.
        let body = serde_json::to_vec(&self.object).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(CONTENT_TYPE, kind);
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}
