//! Routes, and what every request and every response passes.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::ends::{Client, Ends};
use super::problem::Problem;
use super::site::{Shared, Site};
use super::visitor::Visitor;
use super::{api, assets};

/// What the page may load: its own files, and nothing that is written into it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The path of the login, below the API.
const LOGIN: &str = "/api/v1/login";

/// All routes.
pub(super) fn router(site: &Shared) -> Router {
    let prefix = &site.prefix;
    let mut router = api::routes(Router::new(), prefix);
    for asset in &assets::ALL {
        let path = format!("{prefix}/{}", asset.path);
        router = router
            .route(&path, get(move |headers: HeaderMap| async move { asset.serve(&headers) }));
    }
    if !prefix.is_empty() {
        let target = format!("{prefix}/");
        let moved = move || async move { (StatusCode::PERMANENT_REDIRECT, [(LOCATION, target)]) };
        router = router.route(prefix, get(moved));
    }
    router
        .fallback(|| async { Problem::not_found("there is nothing at this path") })
        .method_not_allowed_fallback(|| async {
            let detail = "this path doesn't have this method; Allow has those that it has";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", detail)
        })
        .layer(from_fn_with_state(site.clone(), pass))
        .with_state(site.clone())
}

/// Lets a request in if it may, and adds to every response what makes the page safe.
async fn pass(State(site): State<Shared>, mut request: Request, next: Next) -> Response {
    let is_api = below(&site, request.uri().path()).is_some_and(|path| path.starts_with("/api/"));
    let response = match admit(&site, &mut request) {
        Ok(visitor) => visitor.scope(next.run(request)).await,
        Err(problem) => problem.into_response(),
    };
    with_headers(response, is_api)
}

fn below<'a>(site: &Site, path: &'a str) -> Option<&'a str> {
    path.strip_prefix(site.prefix.as_str())
}

fn admit(site: &Site, request: &mut Request) -> Result<Visitor, Problem> {
    let ends = request.extensions().get::<Ends>().copied().ok_or_else(Problem::internal)?;
    check_host(site, request, ends)?;
    let path = below(site, request.uri().path()).unwrap_or_default();
    let is_api = path.starts_with("/api/");
    if is_api {
        api::check_origin(site, request.headers())?;
    }
    let client = site.proxies.client(ends.peer.ip(), request.headers());
    let is_shared = site.proxies.is_shared(ends.peer.ip());
    let visitor = Visitor::new(client, is_shared);
    if is_api && path != LOGIN {
        let identity = site.access.identify(request.headers(), client)?;
        let visitor = visitor.with(identity.party());
        request.extensions_mut().insert(identity);
        return Ok(visitor);
    }
    request.extensions_mut().insert(Client { address: client, is_shared });
    Ok(visitor)
}

/// Checks the name by which the page is called: both that of the target and that of the header.
fn check_host(site: &Site, request: &Request, ends: Ends) -> Result<(), Problem> {
    let local = ends.local.map(|local| local.ip());
    let target = request.uri().authority().map(axum::http::uri::Authority::as_str);
    let mut named = false;
    let headers = request.headers().get_all(HOST).into_iter();
    let headers = headers.map(|host| host.to_str().unwrap_or_default());
    for host in target.into_iter().chain(headers) {
        named = true;
        if !site.hosts.allows(host, local) {
            let host = crate::visible::visible(host.as_bytes());
            let detail = format!("the page is not called {host:?}");
            let problem = Problem::new(StatusCode::MISDIRECTED_REQUEST, "host", detail);
            return Err(problem.hint("hosts=NAME,NAME configures the names of the page"));
        }
    }
    if named {
        return Ok(());
    }
    Err(Problem::new(StatusCode::BAD_REQUEST, "host", "the request has no Host"))
}

fn with_headers(mut response: Response, is_api: bool) -> Response {
    let status = response.status();
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if is_api || !status.is_success() {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}
