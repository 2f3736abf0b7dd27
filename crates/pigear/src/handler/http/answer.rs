//! A server's response.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::LOCATION;
use reqwest::{Response, StatusCode, Url};

use super::bulk::{self, ItemResult};
use super::failure;
use super::hec;
use super::presets::Success;
use super::retry;
use super::secrets::Secrets;

/// The most bytes of a response that are read, for an error text and to reuse the connection.
const MAX_READ: usize = 64 * 1024;

/// The maximum length of a response with a result per alert.
const ALL: usize = 64 * 1024 * 1024;

/// A server's response, or why there is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// All alerts were accepted.
    Taken,
    /// The request is refused regardless of its alerts.
    Refused(String),
    /// The request is refused because of its contents.
    Unacceptable(Unacceptable),
    /// The result of each alert.
    Each(Vec<ItemResult>),
    /// A temporary failure.
    Failed {
        problem: String,
        /// How long the server asks to wait.
        asked: Option<Duration>,
    },
}

/// A request that is refused because of its contents.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unacceptable {
    pub(super) reason: String,
    /// The offending alert, counted from 0, if the server tells.
    pub(super) culprit: Option<usize>,
    pub(super) too_large: bool,
}

impl Answer {
    /// No connection, or a broken one.
    pub(super) fn none(error: &reqwest::Error, secrets: &Secrets) -> Self {
        Self::Failed { problem: secrets.replace(&failure::text(error)), asked: None }
    }

    /// None until the handler had to end.
    pub(super) fn too_late() -> Self {
        Self::Failed { problem: "no answer yet".to_owned(), asked: None }
    }

    /// Reads the response to a request with this many alerts.
    pub(super) async fn read(
        mut response: Response,
        success: Success,
        alerts: usize,
        secrets: &Secrets,
    ) -> Self {
        let status = response.status();
        if retry::is_taken(status) {
            return match success {
                Success::Whole => {
                    // The server has confirmed the alerts; reading on only frees the connection.
                    let _ = beginning(&mut response, MAX_READ).await;
                    Self::Taken
                }
                Success::Each => match beginning(&mut response, ALL).await {
                    Ok(body) => Self::of_each(&body, alerts, secrets),
                    Err(error) => Self::none(&error, secrets),
                },
            };
        }
        if status.is_redirection() {
            return Self::Refused(secrets.replace(&redirected(&response)));
        }
        let asked = retry::asked(response.headers(), Timestamp::now());
        let body = match beginning(&mut response, MAX_READ).await {
            Ok(body) => body,
            Err(error) => return Self::none(&error, secrets),
        };
        let problem = problem(status, &body, secrets);
        match status {
            _ if retry::is_passing(status) => {
                Self::Failed { problem, asked: asked.or_else(|| retry::asked_in(&body)) }
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Self::Refused(problem + " (check the token or URL)")
            }
            StatusCode::BAD_REQUEST
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNPROCESSABLE_ENTITY => Self::Unacceptable(Unacceptable {
                reason: problem,
                culprit: hec::culprit(&body),
                too_large: status == StatusCode::PAYLOAD_TOO_LARGE,
            }),
            _ => Self::Refused(problem),
        }
    }

    fn of_each(body: &[u8], alerts: usize, secrets: &Secrets) -> Self {
        let hidden =
            |said: ItemResult| said.map(|result| result.map_err(|reason| secrets.hide(&reason)));
        match bulk::read(body, alerts) {
            Ok(each) => Self::Each(each.into_iter().map(hidden).collect()),
            Err(reason) => {
                let body = secrets.hide(&String::from_utf8_lossy(body));
                Self::Refused(format!("{reason}: {body}"))
            }
        }
    }
}

/// The status, and the server's explanation.
fn problem(status: StatusCode, body: &[u8], secrets: &Secrets) -> String {
    let mut problem = named(status);
    // An HTML page adds nothing to the status.
    if !body.trim_ascii().is_empty() && !body.trim_ascii().starts_with(b"<") {
        problem += ": ";
        problem += &secrets.hide(&String::from_utf8_lossy(body));
    }
    problem
}

/// The status code, with its name if it has one.
fn named(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

async fn beginning(response: &mut Response, enough: usize) -> reqwest::Result<Vec<u8>> {
    let mut body = Vec::new();
    while body.len() < enough
        && let Some(chunk) = response.chunk().await?
    {
        body.extend_from_slice(&chunk);
    }
    body.truncate(enough);
    Ok(body)
}

/// Describes the target of a redirect without its path, which may be secret.
fn redirected(response: &Response) -> String {
    let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    let to = match location.map(|location| response.url().join(location)) {
        Some(Ok(url)) if url.origin() == response.url().origin() => "another path there".to_owned(),
        Some(Ok(url)) => server_of(&url),
        _ => "nowhere".to_owned(),
    };
    let status = response.status();
    format!("{status}: redirect to {to} not followed; use that URL if it is correct")
}

/// The server of a URL. The rest may be secret.
pub(super) fn server_of(url: &Url) -> String {
    url.origin().ascii_serialization()
}
