//! Logging in and out.

use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::change::{Change, READ_ONLY};
use crate::web::access::users::Role;
use crate::web::access::{Identity, LIFETIME, Session};
use crate::web::body::JsonBody;
use crate::web::ends::Client;
use crate::web::parameters::{Parameters, Selects};
use crate::web::problem::{Problem, ProblemObject};
use crate::web::site::{Shared, Site};

/// A login: a name and a password, or the token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Login {
    /// The user's name.
    name: Option<String>,
    /// The user's password.
    password: Option<String>,
    /// The token, instead of both.
    token: Option<String>,
}

/// Who is logged in.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct SessionObject {
    /// The user; absent without a login, or with the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    /// What the user may do.
    role: Role,
    /// The value of the header `X-CSRF-Token` for requests that change something; absent where it isn't needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf: Option<String>,
    /// How to log in: `password`, `token`; empty where no login is needed.
    login: Vec<&'static str>,
    /// Whether alerts can be marked and commented on: the user may, and the store can be written.
    can_triage: bool,
    /// Why not; absent if they can.
    #[serde(skip_serializing_if = "Option::is_none")]
    triage_problem: Option<String>,
}

/// Who is logged in
#[utoipa::path(
    get, path = "/api/v1/session", tag = "session",
    responses(
        (status = 200, description = "The session", body = SessionObject),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(in crate::web) async fn session(
    State(site): State<Shared>,
    Extension(identity): Extension<Identity>,
    RawQuery(query): RawQuery,
) -> Result<Json<SessionObject>, Problem> {
    Parameters::of(query.as_deref()).finish(&[], Selects::Nothing)?;
    Ok(Json(object(&site, &identity).await))
}

async fn object(site: &Site, identity: &Identity) -> SessionObject {
    let (user, role) = match identity {
        Identity::Anyone | Identity::Token => (None, Role::Full),
        Identity::User(session) => (session.user.clone(), session.role),
    };
    let csrf = site.access.csrf(identity).map(str::to_owned);
    let triage_problem = match role {
        Role::ReadOnly => Some(READ_ONLY.to_owned()),
        Role::Full => site.queries.why_unchangeable().await,
    };
    let (login, can_triage) = (site.access.ways(), triage_problem.is_none());
    SessionObject { user, role, csrf, login, can_triage, triage_problem }
}

/// Log in
///
/// The response sets a cookie. At most five wrong logins a minute are accepted from an address.
#[utoipa::path(
    post, path = "/api/v1/login", tag = "session", request_body = Login, security(()),
    responses(
        (status = 200, description = "The session", body = SessionObject),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(in crate::web) async fn log_in(
    State(site): State<Shared>,
    Extension(client): Extension<Client>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    JsonBody(login): JsonBody<Login>,
) -> Result<Response, Problem> {
    Parameters::of(query.as_deref()).finish(&[], Selects::Nothing)?;
    if site.access.ways().is_empty() {
        return Ok(Json(object(&site, &Identity::Anyone).await).into_response());
    }
    let (id, session) = match login {
        Login { name: Some(name), password: Some(password), token: None } => {
            site.access.log_in(&name, password, client).await?
        }
        Login { name: None, password: None, token: Some(token) } => {
            site.access.log_in_with(&token, client.address)?
        }
        _ => {
            let detail = "give name and password, or token";
            return Err(Problem::new(StatusCode::BAD_REQUEST, "body", detail));
        }
    };
    let is_secure = site.has_tls || forwarded_as(&headers) == Some("https");
    let cookie = cookie(&site, &id, LIFETIME, is_secure);
    let object = object(&site, &Identity::User(session)).await;
    Ok((cookie, Json(object)).into_response())
}

/// The scheme that a proxy in between says.
fn forwarded_as(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-forwarded-proto")?.to_str().ok()
}

fn cookie(
    site: &Site,
    id: &str,
    age: Duration,
    is_secure: bool,
) -> [(axum::http::HeaderName, HeaderValue); 1] {
    let (name, prefix, age) = (site.access.cookie(), &site.prefix, age.as_secs());
    let secure = if is_secure { "; Secure" } else { "" };
    let text =
        format!("{name}={id}; Path={prefix}/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}");
    // It has ASCII only.
    [(SET_COOKIE, HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("")))]
}

/// Log out
#[utoipa::path(
    post, path = "/api/v1/logout", tag = "session",
    params(("X-CSRF-Token" = Option<String>, Header, description = "`csrf` of the session")),
    responses(
        (status = 204, description = "Done"),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(in crate::web) async fn log_out(
    State(site): State<Shared>,
    Change(identity): Change,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    Parameters::of(query.as_deref()).finish(&[], Selects::Nothing)?;
    if let Identity::User(session) = &identity {
        end(&site, session);
    }
    let gone = cookie(&site, "", Duration::ZERO, site.has_tls);
    Ok((StatusCode::NO_CONTENT, gone).into_response())
}

fn end(site: &Site, session: &Session) {
    site.access.log_out(session);
}
