//! Sends a batch until it is delivered or refused for good.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pigear_alert::plural;
use pigear_pipeline::Backoff;
use reqwest::Client;
use tracing::{debug, warn};

use super::answer::{Answer, Unacceptable, server_of};
use super::batch_size::BatchSize;
use super::bisection::{Bisection, Refusal};
use super::bulk::ItemResult;
use super::failure;
use super::options::Options;
use super::outcomes::{Outcomes, Run, Undelivered};
use super::presets::{Preset, Success};
use super::request_body::RequestBody;
use super::retry;
use super::secrets::Secrets;
use super::stopping::Stopping;
use crate::handler::compress::Compress;
use crate::handler::pace::Pace;

/// Sends batches.
pub(super) struct Sender {
    client: Client,
    compress: Compress,
    success: Success,
    secrets: Secrets,
    batch_size: BatchSize,
    /// Whether a request could not be sent before the deadline.
    gave_up: AtomicBool,
    /// How long a request takes that is answered.
    pace: Pace,
}

/// A batch in flight.
struct Batch<'a> {
    request_body: &'a RequestBody,
    stopping: &'a Stopping,
    /// The receiver, as it may be shown.
    server: String,
    outcomes: Outcomes,
}

/// The result of sending a part of a batch.
enum Ended {
    /// The result of each alert is known.
    Settled,
    /// The server refuses the request, regardless of its alerts.
    Refused(String),
    /// The server refuses these alerts together.
    Unacceptable(Vec<usize>, Unacceptable),
    TimeUp,
}

impl Sender {
    pub(super) fn new(client: Client, options: &Options, secrets: Secrets) -> Self {
        let batch_bytes = usize::try_from(options.batch_bytes.as_u64()).unwrap_or(usize::MAX);
        Self {
            client,
            compress: options.compress,
            success: options.preset().map_or(Success::Whole, Preset::success),
            secrets,
            batch_size: BatchSize::new(batch_bytes),
            gave_up: false.into(),
            pace: Pace::default(),
        }
    }

    pub(super) fn pace(&self) -> &Pace {
        &self.pace
    }

    pub(super) fn gave_up(&self) -> bool {
        self.gave_up.load(Ordering::Relaxed)
    }

    /// The most bytes that the next batch should have.
    pub(super) fn batch_bytes(&self) -> usize {
        self.batch_size.now()
    }

    /// Sends a batch, with as many attempts as necessary.
    pub(super) async fn deliver(
        &self,
        request_body: &RequestBody,
        stopping: &Stopping,
    ) -> Vec<Run> {
        let server = server_of(&request_body.url);
        let outcomes = Outcomes::new(request_body.len());
        let mut batch = Batch { request_body, stopping, server, outcomes };
        let mut bisection = Bisection::new(request_body.len());
        while let Some(part) = bisection.next() {
            match self.deliver_part(&mut batch, part).await {
                Ended::Settled => bisection.taken(),
                Ended::Refused(reason) => {
                    batch.outcomes.settle_open(&batch.refused(&reason));
                    break;
                }
                Ended::Unacceptable(part, Unacceptable { reason, culprit, .. }) => {
                    let refused = batch.refused(&reason);
                    match bisection.refused(part.clone(), culprit) {
                        Refusal::Halved => batch.report_halved(part.len(), &reason),
                        Refusal::Alone => batch.outcomes.settle(&part, &refused),
                        Refusal::Everything => batch.outcomes.settle_open(&refused),
                    }
                }
                Ended::TimeUp => break,
            }
        }
        batch.outcomes.runs()
    }

    /// Sends these alerts of a batch, with as many attempts as necessary.
    async fn deliver_part(&self, batch: &mut Batch<'_>, mut part: Vec<usize>) -> Ended {
        let mut backoff = Backoff::new(retry::BACKOFF);
        loop {
            let (problem, asked) = match self.attempt(batch, &part).await {
                Answer::Taken => {
                    batch.outcomes.settle(&part, &Ok(()));
                    batch.report_taken(backoff.attempts());
                    return Ended::Settled;
                }
                Answer::Refused(reason) => return Ended::Refused(reason),
                Answer::Unacceptable(why) => return Ended::Unacceptable(part, why),
                Answer::Each(each) => {
                    part = batch.settle_each(&part, each);
                    match part.len() {
                        0 => return Ended::Settled,
                        open => (format!("no room for {}", plural::count(open, "alert")), None),
                    }
                }
                Answer::Failed { problem, asked } => (problem, asked),
            };
            let wait = backoff.failed_asked(asked);
            batch.report_failed(&backoff, &problem, wait);
            if !batch.stopping.pause(wait).await {
                self.gave_up.store(true, Ordering::Relaxed);
                let cause = batch.stopping.cause();
                warn!("{batch}: {problem}; giving up: {cause}");
                return Ended::TimeUp;
            }
        }
    }

    /// Sends these alerts of a batch once.
    async fn attempt(&self, batch: &Batch<'_>, which: &[usize]) -> Answer {
        let body = batch.request_body.body(which);
        let bytes = body.len();
        let body = match self.compress.compress(body) {
            Ok(body) => body,
            Err(error) => return Answer::Refused(format!("cannot compress: {error}")),
        };
        let key = batch.request_body.key(which).to_string();
        let url = batch.request_body.url.clone();
        let request = self.client.post(url).header("Idempotency-Key", key).body(body);
        let answer = async {
            match request.send().await {
                Ok(response) => {
                    Answer::read(response, self.success, which.len(), &self.secrets).await
                }
                Err(error) if error.is_builder() => {
                    Answer::Refused(self.secrets.replace(&failure::text(&error)))
                }
                Err(error) => Answer::none(&error, &self.secrets),
            }
        };
        let begun = Instant::now();
        let answer = batch.stopping.in_time(answer).await.unwrap_or_else(Answer::too_late);
        if !matches!(answer, Answer::Failed { .. }) {
            self.pace.note(begun.elapsed());
        }
        match &answer {
            Answer::Taken | Answer::Each(_) => self.batch_size.taken(bytes),
            Answer::Unacceptable(why) if why.too_large && which.len() > 1 => {
                self.batch_size.refused(bytes);
            }
            _ => {}
        }
        answer
    }
}

/// For messages: the handler and its receiver.
impl fmt::Display for Batch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "handler {}: {}", self.stopping.handler, self.server)
    }
}

impl Batch<'_> {
    fn refused(&self, reason: &str) -> Result<(), Undelivered> {
        Err(Undelivered::Refused(format!("{}: {reason}", self.server)))
    }

    /// Settles these alerts by the server's results, and returns those to send again.
    fn settle_each(&mut self, part: &[usize], each: Vec<ItemResult>) -> Vec<usize> {
        let server = &self.server;
        let refused = |reason: String| Undelivered::Refused(format!("{server}: {reason}"));
        let results = each.into_iter().map(|item| item.map(|result| result.map_err(refused)));
        self.outcomes.settle_each(part, results)
    }

    /// Logs some of the failed attempts.
    fn report_failed(&self, backoff: &Backoff, problem: &str, wait: Duration) {
        if backoff.is_worth_a_line() {
            let (attempt, seconds) = (backoff.attempts(), wait.as_secs_f64());
            warn!("{self}: {problem}; attempt {attempt}, trying again in {seconds:.1} s");
        }
    }

    fn report_taken(&self, failed: u32) {
        if failed > 0 {
            let attempts = plural::count(failed + 1, "attempt");
            debug!("{self}: done after {attempts}");
        }
    }

    fn report_halved(&self, alerts: usize, reason: &str) {
        let alerts = plural::count(alerts, "alert");
        debug!("{self}: {reason}; sending {alerts} in smaller batches");
    }
}
