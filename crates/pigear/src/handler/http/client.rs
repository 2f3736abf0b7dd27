//! The HTTP client.

use std::path::Path;
use std::time::Duration;

use reqwest::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
};
use reqwest::{Certificate, Client, ClientBuilder, Identity, Proxy, Url};

use super::auth;
use super::options::Options;
use super::secret::Secret;
use crate::crypto;
use crate::input_file::{self, MAX_SMALL};
use crate::keys::SetupError;
use crate::visible::visible;

/// A connection that was idle for longer is not reused: servers usually close theirs after a minute or
/// so.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

const KEY_WITHOUT_CERT: &str = "key needs its certificate; give cert";

const TWICE_AUTHENTICATED: &str = "the URL has a user name and password; remove them or auth";

/// The client for these options, which are checked.
pub(super) fn client(options: &Options, url: &Url) -> Result<Client, SetupError> {
    crypto::install();
    let builder = Client::builder()
        .user_agent(concat!("pigear/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .timeout(options.timeout.0)
        .connect_timeout(options.connect_timeout.0)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .tcp_nodelay(true)
        .default_headers(headers(options, url)?);
    let builder = with_proxy(builder, options).map_err(SetupError::Keys)?;
    let builder = with_trust(builder, options, url)?;
    let builder = with_identity(builder, options)?;
    builder.build().map_err(|error| super::failure::text(&error).into())
}

/// Only the configured proxy: those in the environment are meant for other programs.
fn with_proxy(builder: ClientBuilder, options: &Options) -> Result<ClientBuilder, String> {
    Ok(match proxy(options)? {
        Some(proxy) => builder.proxy(proxy),
        None => builder.no_proxy(),
    })
}

/// The proxy to use, if any.
pub(super) fn proxy(options: &Options) -> Result<Option<Proxy>, String> {
    let Some(proxy) = &options.proxy else { return Ok(None) };
    let url = Url::parse(proxy.reveal()).ok();
    let proxy = url.filter(|url| matches!(url.scheme(), "http" | "https"));
    let proxy = proxy.and_then(|url| Proxy::all(url).ok());
    let proxy = proxy.ok_or("proxy: expected http://SERVER:PORT or https://SERVER:PORT")?;
    Ok(Some(proxy))
}

fn with_trust(
    builder: ClientBuilder,
    options: &Options,
    url: &Url,
) -> Result<ClientBuilder, String> {
    if let Some(path) = &options.ca {
        let certificates = Certificate::from_pem_bundle(&read(path)?)
            .map_err(|error| format!("{}: {}", path.display(), super::failure::text(&error)))?;
        if certificates.is_empty() {
            return Err(format!("{} has no certificates", path.display()));
        }
        Ok(builder.tls_certs_only(certificates))
    } else if url.scheme() == "https" || options.proxy.is_some() {
        Ok(builder)
    } else {
        // Then none are needed, and a system without certificates is fine.
        Ok(builder.tls_certs_only([]))
    }
}

fn with_identity(builder: ClientBuilder, options: &Options) -> Result<ClientBuilder, SetupError> {
    let (cert, key) = match (&options.cert, &options.key) {
        (None, None) => return Ok(builder),
        (Some(cert), key) => (cert, key.as_ref().unwrap_or(cert)),
        (None, Some(_)) => {
            return Err(SetupError::Keys(KEY_WITHOUT_CERT.to_owned()));
        }
    };
    let pem = [read(cert)?, b"\n".to_vec(), read(key)?].concat();
    // The parser's own error could quote the key.
    let identity = Identity::from_pem(&pem).map_err(|_| {
        format!("{} and {}: not a certificate and its key", cert.display(), key.display())
    })?;
    Ok(builder.identity(identity))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    input_file::read(path, MAX_SMALL)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))
}

/// Checks what can be checked without reading a file or the environment.
pub(super) fn check(options: &Options) -> Result<(), SetupError> {
    proxy(options).map_err(SetupError::Keys)?;
    if options.key.is_some() && options.cert.is_none() {
        return Err(SetupError::Keys(KEY_WITHOUT_CERT.to_owned()));
    }
    auth::check(options)?;
    let has_auth =
        options.auth.is_some() || options.auth_file.is_some() || options.auth_env.is_some();
    let url = options.url.as_ref().and_then(|url| Url::parse(url.reveal()).ok());
    if has_auth && url.is_some_and(|url| has_credentials(&url)) {
        return Err(SetupError::Keys(TWICE_AUTHENTICATED.to_owned()));
    }
    own_headers(options).map(drop)
}

fn has_credentials(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// The headers of every request. The user's own come last, so that they take precedence.
fn headers(options: &Options, url: &Url) -> Result<HeaderMap, SetupError> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(options.content_type()));
    if let Some(encoding) = options.compress.content_encoding() {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    if let Some(value) = auth::header(options)? {
        if has_credentials(url) {
            return Err(SetupError::Keys(TWICE_AUTHENTICATED.to_owned()));
        }
        headers.insert(AUTHORIZATION, value);
    }
    for (name, value) in own_headers(options)? {
        headers.insert(name, value);
    }
    Ok(headers)
}

/// The user's own headers.
fn own_headers(options: &Options) -> Result<Vec<(HeaderName, HeaderValue)>, SetupError> {
    let header = |(name, value): (&String, &Secret)| {
        let wrong = |what| SetupError::Keys(format!("header.{}: {what}", visible(name.as_bytes())));
        let header = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| wrong("not a valid header name"))?;
        let mut value = HeaderValue::from_str(value.reveal())
            .map_err(|_| wrong("has characters that are not allowed in a header"))?;
        value.set_sensitive(true);
        Ok((header, value))
    };
    options.header.iter().map(header).collect()
}
