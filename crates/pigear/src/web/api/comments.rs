//! Comments on alerts.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::alerts::Id;
use super::change::{Added, Removal, Write, removed};
use super::ids::{alerts, bounded, none_stored};
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

/// The same comment on several alerts.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct CommentsRequest {
    /// The alerts.
    #[schema(min_items = 1, max_items = 10_000)]
    ids: Vec<i64>,
    /// The text of each comment.
    #[schema(min_length = 1, max_length = 10_000)]
    text: String,
}

/// The comments that were added.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct CommentsAdded {
    /// Their numbers.
    ids: Vec<i64>,
}

/// Comments, by their numbers.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct CommentsRemoval {
    /// The comments.
    #[schema(min_items = 1, max_items = 10_000)]
    ids: Vec<i64>,
}

/// What was removed.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct CommentsRemoved {
    /// How many comments.
    comments: usize,
}

/// Make the same comment on several alerts
///
/// Either all of them get it, or none does. Those that aren't stored any more are left out.
#[utoipa::path(
    post, path = "/api/v1/comments", tag = "triage", request_body = CommentsRequest,
    params(("X-CSRF-Token" = Option<String>, Header, description = "`csrf` of the session"), StoreParameters),
    responses(
        (status = 201, description = "Added", body = CommentsAdded),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(in crate::web) async fn comment_on_each(
    State(site): State<Shared>,
    Write(by): Write,
    RawQuery(query): RawQuery,
    JsonBody(CommentsRequest { ids, text }): JsonBody<CommentsRequest>,
) -> Result<(StatusCode, Json<CommentsAdded>), Problem> {
    let of = Parameters::store_only(query.as_deref())?;
    let alerts = alerts(ids)?;
    let added = site.queries.change(of, move |triage| {
        let ids = triage.comment_on_each(&alerts, &by, &text)?;
        if ids.is_empty() { Err(none_stored()) } else { Ok(CommentsAdded { ids }) }
    });
    added.await.map(|added| (StatusCode::CREATED, Json(added)))
}

/// Remove several comments
///
/// A user may remove their own only; a page without users and a program with the token, any. Either all of them are
/// removed, or none is; numbers that no comment has are left out.
#[utoipa::path(
    post, path = "/api/v1/comments/remove", tag = "triage", request_body = CommentsRemoval,
    params(("X-CSRF-Token" = Option<String>, Header, description = "`csrf` of the session"), StoreParameters),
    responses(
        (status = 200, description = "Done", body = CommentsRemoved),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(in crate::web) async fn remove_comments(
    State(site): State<Shared>,
    Removal(author): Removal,
    RawQuery(query): RawQuery,
    JsonBody(CommentsRemoval { ids }): JsonBody<CommentsRemoval>,
) -> Result<Json<CommentsRemoved>, Problem> {
    let of = Parameters::store_only(query.as_deref())?;
    bounded(&ids)?;
    let remove =
        site.queries.change(of, move |triage| Ok(triage.remove_comments(&ids, author.as_deref())?));
    Ok(Json(CommentsRemoved { comments: remove.await? }))
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
