//! Sending a parcel until it has arrived, or is refused for good.

use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Client, Response, StatusCode, Url};
use tracing::{debug, warn};

use super::answer::{Answer, bulk};
use super::failure::{self, shown};
use super::parcel::Parcel;
use super::retry;
use super::stopping::Stopping;
use crate::handler::compress::Compress;

/// Sends parcels.
pub(super) struct Sender {
    pub(super) client: Client,
    pub(super) content_type: Option<HeaderValue>,
    pub(super) compress: Compress,
    /// Whether the answer tells of each alert what became of it.
    pub(super) answers_each: bool,
    /// What must never be shown, not even if a server says it.
    pub(super) secrets: Vec<String>,
    /// Whether the last parcel could not be sent before it was time to stop.
    pub(super) gave_up: AtomicBool,
}

/// What became of some alerts, one behind the other.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) alerts: usize,
    pub(super) result: Result<(), Undelivered>,
}

/// Why an alert was not delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Undelivered {
    /// It never will be.
    Refused(String),
    /// It was time to end.
    TimeUp,
}

/// So much of an answer is read to tell what went wrong, or to use the connection again.
const ENOUGH: usize = 64 * 1024;

/// The longest answer that tells what became of each alert.
const ALL: usize = 64 * 1024 * 1024;

impl Sender {
    /// Sends a parcel, for as long as it takes.
    pub(super) async fn deliver(&self, parcel: &Parcel, stopping: &mut Stopping) -> Vec<Run> {
        let mut results: Vec<Option<Result<(), Undelivered>>> = vec![None; parcel.len()];
        let mut left: Vec<usize> = (0..parcel.len()).collect();
        let mut attempt = 0;
        while !left.is_empty() {
            attempt += 1;
            let (problem, asked) = match self.attempt(parcel, &left, stopping).await {
                Answer::Taken => {
                    settle(&mut results, &left, &Ok(()));
                    break;
                }
                Answer::Refused(reason) => {
                    let reason = format!("{}: {reason}", shown_url(&parcel.url));
                    settle(&mut results, &left, &Err(Undelivered::Refused(reason)));
                    break;
                }
                Answer::Each(answers) => {
                    left = self.settle_each(parcel, &mut results, &left, answers);
                    attempt = attempt.min(5);
                    ("the server has no room for some of them".to_owned(), None)
                }
                Answer::Failed { problem, asked } => (problem, asked),
            };
            if left.is_empty() {
                break;
            }
            let pause = retry::pause(attempt, asked);
            report(parcel, attempt, &problem, pause);
            if !stopping.pause(pause).await {
                self.gave_up.store(true, Ordering::Relaxed);
                warn!("http: {}: {problem}; gave up, it is time to end", shown_url(&parcel.url));
                settle(&mut results, &left, &Err(Undelivered::TimeUp));
                break;
            }
        }
        if attempt > 1 {
            debug!("http: {}: done after {attempt} attempts", shown_url(&parcel.url));
        }
        runs(results)
    }

    async fn attempt(&self, parcel: &Parcel, left: &[usize], stopping: &mut Stopping) -> Answer {
        let body = match self.compress.quickly(parcel.body(left)) {
            Ok(body) => body,
            Err(error) => return Answer::Refused(format!("cannot compress: {error}")),
        };
        let mut request = self.client.post(parcel.url.clone()).body(body);
        request = request.header("Idempotency-Key", parcel.key(left).to_string());
        if let Some(kind) = &self.content_type {
            request = request.header(CONTENT_TYPE, kind.clone());
        }
        if let Some(encoding) = self.compress.content_encoding() {
            request = request.header(CONTENT_ENCODING, encoding);
        }
        let answer = async {
            match request.send().await {
                Ok(response) => self.judge(response, left.len()).await,
                Err(error) if error.is_builder() => Answer::Refused(failure::text(&error)),
                Err(error) => failed(&error),
            }
        };
        let answer = stopping.in_time(answer).await;
        answer
            .unwrap_or_else(|| Answer::Failed { problem: "no answer in time".into(), asked: None })
    }

    async fn judge(&self, mut response: Response, alerts: usize) -> Answer {
        let status = response.status();
        let asked = retry::asked(response.headers(), Timestamp::now());
        let location = response.headers().get(LOCATION).cloned();
        let each = self.answers_each && status.is_success();
        let body = match beginning(&mut response, if each { ALL } else { ENOUGH }).await {
            Ok(body) => body,
            Err(error) if each || !status.is_success() => return failed(&error),
            // It has what we sent, and said so.
            Err(_) => return Answer::Taken,
        };
        if each {
            return bulk(&body, alerts).unwrap_or_else(|problem| Answer::Failed {
                problem: self.censored(&problem),
                asked: None,
            });
        }
        if status.is_success() {
            return Answer::Taken;
        }
        if status.is_redirection() {
            return Answer::Refused(redirected(status, location.as_ref()));
        }
        let text = self.censored(&String::from_utf8_lossy(&body));
        let colon = if text.is_empty() { "" } else { ": " };
        let problem = format!("{status}{colon}{text}");
        if retry::is_passing(status) {
            Answer::Failed { problem, asked }
        } else {
            Answer::Refused(problem)
        }
    }

    /// Notes what became of each, and returns those that are still to be sent.
    fn settle_each(
        &self,
        parcel: &Parcel,
        results: &mut [Option<Result<(), Undelivered>>],
        left: &[usize],
        answers: Vec<Option<Result<(), String>>>,
    ) -> Vec<usize> {
        let mut again = Vec::new();
        for (&index, answer) in left.iter().zip(answers) {
            match (answer, results.get_mut(index)) {
                (Some(answer), Some(result)) => {
                    let url = shown_url(&parcel.url);
                    let refused = |reason: String| {
                        Undelivered::Refused(format!("{url}: {}", self.censored(&reason)))
                    };
                    *result = Some(answer.map_err(refused));
                }
                _ => again.push(index),
            }
        }
        again
    }

    /// What somebody else wrote, as far as it may be shown.
    fn censored(&self, text: &str) -> String {
        let hide = |text: String, secret: &String| text.replace(secret.as_str(), "…");
        shown(&self.secrets.iter().fold(text.to_owned(), hide))
    }
}

fn settle(
    results: &mut [Option<Result<(), Undelivered>>],
    which: &[usize],
    result: &Result<(), Undelivered>,
) {
    for &index in which {
        if let Some(slot) = results.get_mut(index) {
            *slot = Some(result.clone());
        }
    }
}

/// Puts neighbours with the same end together.
fn runs(results: Vec<Option<Result<(), Undelivered>>>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for result in results.into_iter().map(|result| result.unwrap_or(Ok(()))) {
        match runs.last_mut() {
            Some(run) if run.result == result => run.alerts += 1,
            _ => runs.push(Run { alerts: 1, result }),
        }
    }
    runs
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

fn failed(error: &reqwest::Error) -> Answer {
    Answer::Failed { problem: failure::text(error), asked: None }
}

fn redirected(status: StatusCode, location: Option<&HeaderValue>) -> String {
    let location = location.and_then(|location| location.to_str().ok());
    // Without what may be secret.
    let to = location.map_or_else(
        || "nowhere".to_owned(),
        |location| Url::parse(location).map_or_else(|_| shown(location), |url| shown_url(&url)),
    );
    format!(
        "{status}: redirects to {to}, which is not followed; give that URL, if it is the right one"
    )
}

/// Logs a failed attempt: the first, the second, the fourth, and so on.
fn report(parcel: &Parcel, attempt: u32, problem: &str, pause: std::time::Duration) {
    if attempt.is_power_of_two() {
        let url = shown_url(&parcel.url);
        let seconds = pause.as_secs_f64();
        warn!("http: {url}: {problem}; attempt {attempt}, trying again in {seconds:.1} s");
    }
}

/// The server of a URL. The rest may be a secret.
pub(super) fn shown_url(url: &Url) -> String {
    url.origin().ascii_serialization()
}
