//! Sending a request until it has arrived, or is refused for good.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::Client;
use tracing::{debug, warn};

use super::answer::{Answer, Success, server_of};
use super::bulk::ItemResult;
use super::failure;
use super::options::Options;
use super::outcomes::{Outcomes, Run, Undelivered};
use super::presets::Preset;
use super::request_body::RequestBody;
use super::retry;
use super::secrets::Secrets;
use super::stopping::Stopping;
use crate::handler::compress::Compress;

/// Sends requests.
pub(super) struct Sender {
    client: Client,
    compress: Compress,
    success: Success,
    secrets: Secrets,
    /// Whether a request could not be sent before it was time to end.
    gave_up: AtomicBool,
}

impl Sender {
    pub(super) fn new(client: Client, options: &Options, secrets: Secrets) -> Self {
        let success = options.preset().map_or(Success::Whole, Preset::success);
        Self { client, compress: options.compress, success, secrets, gave_up: false.into() }
    }

    pub(super) fn gave_up(&self) -> bool {
        self.gave_up.load(Ordering::Relaxed)
    }

    /// Sends a request, for as long as it takes.
    pub(super) async fn deliver(
        &self,
        request_body: &RequestBody,
        stopping: &Stopping,
    ) -> Vec<Run> {
        let server = server_of(&request_body.url);
        let refused = |reason: String| Undelivered::Refused(format!("{server}: {reason}"));
        let mut outcomes = Outcomes::new(request_body.len());
        let mut attempt = 0;
        loop {
            attempt += 1;
            let (problem, asked) =
                match self.attempt(request_body, &outcomes.open(), stopping).await {
                    Answer::Taken => {
                        outcomes.settle(&Ok(()));
                        break;
                    }
                    Answer::Refused(reason) => {
                        outcomes.settle(&Err(refused(reason)));
                        break;
                    }
                    Answer::Each(each) => {
                        let settled = |said: ItemResult| said.map(|result| result.map_err(refused));
                        outcomes.settle_each(each.into_iter().map(settled));
                        match outcomes.open().len() {
                            0 => break,
                            open => (format!("no room for {open} alerts"), None),
                        }
                    }
                    Answer::Failed { problem, asked } => (problem, asked),
                };
            let pause = retry::pause(attempt, asked);
            report(&server, attempt, &problem, pause);
            if !stopping.pause(pause).await {
                self.gave_up.store(true, Ordering::Relaxed);
                warn!("http: {server}: {problem}; gave up, it is time to end");
                break;
            }
        }
        if attempt > 1 {
            debug!("http: {server}: done after {attempt} attempts");
        }
        outcomes.runs()
    }

    /// Sends these of a request's alerts once.
    async fn attempt(
        &self,
        request_body: &RequestBody,
        which: &[usize],
        stopping: &Stopping,
    ) -> Answer {
        let body = match self.compress.compress(request_body.body(which)) {
            Ok(body) => body,
            Err(error) => return Answer::Refused(format!("cannot compress: {error}")),
        };
        let key = request_body.key(which).to_string();
        let request = self.client.post(request_body.url.clone()).header("Idempotency-Key", key);
        let answer = async {
            match request.body(body).send().await {
                Ok(response) => {
                    Answer::read(response, self.success, which.len(), &self.secrets).await
                }
                Err(error) if error.is_builder() => Answer::Refused(failure::text(&error)),
                Err(error) => Answer::none(&error),
            }
        };
        stopping.in_time(answer).await.unwrap_or_else(Answer::too_late)
    }
}

/// Logs a failed attempt: the first, the second, the fourth, and so on.
fn report(server: &str, attempt: u32, problem: &str, pause: Duration) {
    if attempt.is_power_of_two() {
        let seconds = pause.as_secs_f64();
        warn!("http: {server}: {problem}; attempt {attempt}, trying again in {seconds:.1} s");
    }
}
