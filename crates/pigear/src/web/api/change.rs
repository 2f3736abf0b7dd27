//! What a request must have that changes something: it comes from the page itself, and not from another site's.

use axum::Extension;
use axum::extract::FromRequestParts;
use axum::http::header::{HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};

use crate::web::access::Identity;
use crate::web::access::users::Role;
use crate::web::problem::Problem;
use crate::web::site::{Shared, Site};

/// The header with the token against forged requests.
pub(in crate::web) const CSRF_HEADER: &str = "x-csrf-token";

/// What a user is told who may change nothing.
pub(super) const READ_ONLY: &str = "this user may look, but change nothing";

/// A request that another site's page did not make.
pub(in crate::web) struct SameOrigin;

/// A request that may change something, and who makes it. It has the token against forged requests.
pub(in crate::web) struct Change(pub(super) Identity);

impl FromRequestParts<Shared> for SameOrigin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, site: &Shared) -> Result<Self, Problem> {
        if is_same_origin(site, &parts.headers) {
            return Ok(Self);
        }
        Err(Problem::new(StatusCode::FORBIDDEN, "origin", "the request comes from another site"))
    }
}

impl FromRequestParts<Shared> for Change {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, site: &Shared) -> Result<Self, Problem> {
        SameOrigin::from_request_parts(parts, site).await?;
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

/// What a browser says about where a request comes from. Other programs say nothing.
fn is_same_origin(site: &Site, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let fetched = text("sec-fetch-site").is_none_or(|from| ["same-origin", "none"].contains(&from));
    let origin = text(ORIGIN.as_str()).is_none_or(|origin| {
        let Some((scheme, host)) = origin.split_once("://") else { return false };
        // A proxy in between may have changed the host.
        let is_own = text(HOST.as_str()).is_some_and(|own| own.eq_ignore_ascii_case(host))
            || site.hosts.has_origin(host);
        is_own && (scheme == "https" || !site.has_tls)
    });
    fetched && origin
}
