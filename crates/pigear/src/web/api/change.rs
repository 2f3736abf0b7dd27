//! What a request must have that changes something: it comes from the page itself, and not from another site's. And
//! what is returned if something was added or removed.

use axum::Extension;
use axum::extract::FromRequestParts;
use axum::http::header::{HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::web::access::Identity;
use crate::web::access::users::Role;
use crate::web::problem::Problem;
use crate::web::site::{Shared, Site};

/// The header with the token against forged requests.
pub(in crate::web) const CSRF_HEADER: &str = "x-csrf-token";

/// Where a browser says a request comes from.
const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// What a user is told who may change nothing.
pub(super) const READ_ONLY: &str = "this user may look, but change nothing";

/// A request that may change something, and who makes it. It has the token against forged requests.
pub(in crate::web) struct Change(pub(super) Identity);

/// Refuses a request that another site's page makes.
pub(in crate::web) fn check_origin(site: &Site, headers: &HeaderMap) -> Result<(), Problem> {
    if is_same_origin(site, headers) { Ok(()) } else { Err(another_site(headers)) }
}

impl FromRequestParts<Shared> for Change {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, site: &Shared) -> Result<Self, Problem> {
        let found = Extension::<Identity>::from_request_parts(parts, site).await;
        let Extension(identity) = found.map_err(|_| Problem::internal())?;
        let given = parts.headers.get(CSRF_HEADER).map(HeaderValue::as_bytes);
        match site.access.csrf(&identity) {
            Some(token) if given != Some(token.as_bytes()) => {
                let detail = format!("the header {CSRF_HEADER} is missing or wrong");
                let problem = Problem::new(StatusCode::FORBIDDEN, "csrf", detail);
                Err(problem.hint("GET /api/v1/session has its value as csrf"))
            }
            _ => Ok(Self(identity)),
        }
    }
}

/// A request of someone who may change what is in the store, with the name of who that is.
pub(in crate::web) struct Write(pub(super) String);

impl FromRequestParts<Shared> for Write {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, site: &Shared) -> Result<Self, Problem> {
        let Change(identity) = Change::from_request_parts(parts, site).await?;
        let name = match identity {
            Identity::Anyone => "local",
            Identity::Token => "token",
            Identity::User(session) if session.role == Role::ReadOnly => {
                return Err(Problem::new(StatusCode::FORBIDDEN, "read-only", READ_ONLY));
            }
            Identity::User(session) => {
                return Ok(Self(session.user.unwrap_or_else(|| "token".to_owned())));
            }
        };
        Ok(Self(name.to_owned()))
    }
}

/// A request of someone who may change what is in the store: whose comments may be removed, or everybody's.
pub(in crate::web) struct Removal(pub(super) Option<String>);

impl FromRequestParts<Shared> for Removal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, site: &Shared) -> Result<Self, Problem> {
        Write::from_request_parts(parts, site).await?;
        let Change(identity) = Change::from_request_parts(parts, site).await?;
        Ok(Self(match identity {
            Identity::User(session) => session.user,
            Identity::Anyone | Identity::Token => None,
        }))
    }
}

/// What was added.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct Added {
    /// Its number.
    pub(super) id: i64,
}

/// The status after something was to be removed.
pub(super) fn removed(removed: bool, what: &str, id: i64) -> Result<StatusCode, Problem> {
    let missing = || Problem::not_found(format!("there is no {what} {id}"));
    removed.then_some(StatusCode::NO_CONTENT).ok_or_else(missing)
}

/// That a request comes from another site, and what to give if that is the page itself behind another server.
fn another_site(headers: &HeaderMap) -> Problem {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let detail = "the request comes from another site";
    let problem = |detail: String| Problem::new(StatusCode::FORBIDDEN, "origin", detail);
    let is_cross = text(SEC_FETCH_SITE).is_some_and(|from| from != "same-origin" && from != "none");
    let origin = text(ORIGIN.as_str());
    match origin.and_then(|origin| Some((origin, authority(origin)?))) {
        Some((origin, host)) if !is_cross => {
            let own = text(HOST.as_str()).unwrap_or("none");
            let hint = format!(
                "the browser has the page from {origin}, but Host is {own} here; if that is this page, give \
                 hosts={host}, or have the server in between send Host with its port"
            );
            problem(format!("{detail}: {origin}")).hint(hint)
        }
        _ => problem(detail.to_owned()),
    }
}

/// The host of an origin, with its port, if it is one.
fn authority(origin: &str) -> Option<&str> {
    let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"))?;
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "-._:[]".contains(letter);
    (!host.is_empty() && host.chars().all(is_part)).then_some(host)
}

/// What a browser says about where a request comes from. Other programs say nothing.
fn is_same_origin(site: &Site, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let fetched = text(SEC_FETCH_SITE).is_none_or(|from| ["same-origin", "none"].contains(&from));
    let origin = text(ORIGIN.as_str()).is_none_or(|origin| {
        let Some((scheme, host)) = origin.split_once("://") else { return false };
        // A proxy in between may have changed the host.
        let is_own = text(HOST.as_str()).is_some_and(|own| own.eq_ignore_ascii_case(host))
            || site.hosts.has_origin(host);
        is_own && (scheme == "https" || !site.has_tls)
    });
    fetched && origin
}
