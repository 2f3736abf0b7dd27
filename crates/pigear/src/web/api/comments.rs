//! Comments on alerts.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::alerts::Id;
use super::change::{Added, Removal, Write, removed};
use crate::web::body::JsonBody;
use crate::web::parameters::{Parameters, StoreParameters};
use crate::web::problem::{Problem, ProblemObject};
use crate::web::site::Shared;

/// A comment.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct CommentRequest {
    /// Its text.
    #[schema(min_length = 1, max_length = 10_000)]
    text: String,
}

/// Comment on an alert
#[utoipa::path(
    post, path = "/api/v1/alerts/{id}/comments", tag = "triage", request_body = CommentRequest,
    params(
        ("id" = i64, Path, description = "The alert's id", minimum = 1),
        ("X-CSRF-Token" = Option<String>, Header, description = "`csrf` of the session"),
        StoreParameters,
    ),
    responses(
        (status = 201, description = "Added", body = Added),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(in crate::web) async fn comment(
    State(site): State<Shared>,
    Write(by): Write,
    Id(id): Id,
    RawQuery(query): RawQuery,
    JsonBody(CommentRequest { text }): JsonBody<CommentRequest>,
) -> Result<(StatusCode, Json<Added>), Problem> {
    let of = Parameters::store_only(query.as_deref())?;
    let added = site.queries.change(of, move |triage| {
        let added = triage.comment(id, &by, &text)?;
        added.ok_or_else(|| Problem::not_found(format!("there is no alert {id} in the store")))
    });
    added.await.map(|id| (StatusCode::CREATED, Json(Added { id })))
}

/// Remove a comment
///
/// A user may remove their own only; a page without users and a program with the token, any.
#[utoipa::path(
    delete, path = "/api/v1/comments/{id}", tag = "triage",
    params(
        ("id" = i64, Path, description = "The comment's number", minimum = 1),
        ("X-CSRF-Token" = Option<String>, Header, description = "`csrf` of the session"),
        StoreParameters,
    ),
    responses(
        (status = 204, description = "Done"),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(in crate::web) async fn remove_comment(
    State(site): State<Shared>,
    Removal(author): Removal,
    Id(id): Id,
    RawQuery(query): RawQuery,
) -> Result<StatusCode, Problem> {
    let of = Parameters::store_only(query.as_deref())?;
    let remove =
        site.queries.change(of, move |triage| Ok(triage.remove_comment(id, author.as_deref())?));
    removed(remove.await?, "comment", id)
}
