//! What a server says.

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

/// So much of an answer is read to tell what went wrong, or to use the connection again.
const ENOUGH: usize = 64 * 1024;

/// The longest answer that tells what became of each alert.
const ALL: usize = 64 * 1024 * 1024;

/// What a server said, or that it said nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It has taken everything.
    Taken,
    /// It doesn't take the request, whatever alerts are in it.
    Refused(String),
    /// It doesn't take the request because of what is in it.
    Unacceptable(Unacceptable),
    /// Of each alert, what became of it.
    Each(Vec<ItemResult>),
    /// Something went wrong that may pass.
    Failed {
        problem: String,
        /// How long the server asks us to wait.
        asked: Option<Duration>,
    },
}

/// A request that isn't taken because of what is in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unacceptable {
    pub(super) reason: String,
    /// The alert that it is about, counted from 0, as far as the server tells.
    pub(super) culprit: Option<usize>,
    pub(super) too_large: bool,
}

impl Answer {
    /// No connection, or one that broke.
    pub(super) fn none(error: &reqwest::Error, secrets: &Secrets) -> Self {
        Self::Failed { problem: secrets.replace(&failure::text(error)), asked: None }
    }

    pub(super) fn too_late() -> Self {
        Self::Failed { problem: "no answer in time".to_owned(), asked: None }
    }

    /// Reads the answer to a request with so many alerts.
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
                    // It has what we sent, and said so; the rest only frees the connection.
                    let _ = beginning(&mut response, ENOUGH).await;
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
        let body = match beginning(&mut response, ENOUGH).await {
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

/// The status, and what the server says about it.
fn problem(status: StatusCode, body: &[u8], secrets: &Secrets) -> String {
    let mut problem = named(status);
    // A page for people says no more than the status.
    if !body.trim_ascii().is_empty() && !body.trim_ascii().starts_with(b"<") {
        problem += ": ";
        problem += &secrets.hide(&String::from_utf8_lossy(body));
    }
    problem
}

/// The number, and what it is called where it has a name.
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

/// Says where to without what may be secret: the path.
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

/// The server of a URL. The rest may be a secret.
pub(super) fn server_of(url: &Url) -> String {
    url.origin().ascii_serialization()
}
