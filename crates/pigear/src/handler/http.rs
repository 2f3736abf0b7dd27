//! `http`: posts alerts to a web server.
//!
//! A receiver can rely on order and retries: with `in_flight=1` a request starts only after the one
//! before was accepted. A request that fails for a temporary reason (no connection, 408, 429, 5xx) is
//! retried as long as the pipeline runs, while its alerts wait in the handler's queue. It has the same
//! `Idempotency-Key` each time, so that a receiver that checks the key gets no alert twice. Alerts that
//! are refused for good count as failed.
//!
//! The path of an alert: `batch_builder` formats it and puts it into a `request_body`, `dispatcher` keeps
//! several requests in flight, `sender` sends one until it is settled, `answer` interprets the response.

mod answer;
mod auth;
mod batch_builder;
mod batch_size;
mod bisection;
mod bulk;
mod client;
mod dispatcher;
mod encoding;
mod failure;
mod form;
mod hec;
mod id;
mod message;
mod options;
mod outcomes;
mod path_values;
mod presets;
#[cfg(feature = "command")]
mod probe;
mod request_body;
mod retry;
mod secrets;
mod sender;
mod stopping;
mod target;
mod template;
#[cfg(test)]
mod tests;
mod unescape;

use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use pigear_alert::Alert;
use pigear_pipeline::{BatchPolicy, Context, Failure, Handler, Needs, Progress, Refusal};

pub use encoding::{Encoding, Escape, Unexpected};
pub use options::{Options, TemplateName};
pub use presets::{Preset, UnknownPreset};
#[cfg(feature = "command")]
pub(crate) use probe::probe;
pub use secret::Secret;

use crate::description::{Description, FileUse};
use crate::keys::SetupError;
use crate::secret;
use batch_builder::BatchBuilder;
use dispatcher::Dispatcher;
use id::Id;
use message::Message;
use outcomes::{Run, Undelivered};
use secrets::Secrets;
use sender::Sender;

pub(crate) const DESCRIPTION: Description = Description {
    about: "posts alerts to a web server; url=URL \
    encoding=json|ndjson|array|form format=NAME batch=N delay=TIME in_flight=N \
    compress=gzip|zstd header.NAME=VALUE auth=basic:USER:PASS|bearer:TOKEN template=FILE|preset:NAME \
    and more",
    files: &[
        ("url_file", FileUse::Reads),
        ("auth_file", FileUse::Reads),
        ("ca", FileUse::Reads),
        ("cert", FileUse::Reads),
        ("key", FileUse::Reads),
        ("template", FileUse::Reads),
    ],
};

/// The default of `delay`: how long fewer alerts than a full request wait for more.
const DELAY: Duration = Duration::from_secs(1);

/// Posts alerts to a web server.
pub struct Http {
    dispatcher: Dispatcher,
    needs: Needs,
}

/// Checks what can be checked without reading a file or the environment.
pub(crate) fn check(options: &Options) -> Result<(), SetupError> {
    options.check().map_err(SetupError::Keys)?;
    BatchBuilder::check(options)?;
    client::check(options)
}

/// Reads the files that the options name, as a start does.
#[cfg(feature = "command")]
pub(crate) fn look(options: &Options) -> Result<(), SetupError> {
    prepared(options).map(drop)
}

/// The builder of requests, and the client that sends them.
fn prepared(options: &Options) -> Result<(BatchBuilder, reqwest::Client), SetupError> {
    check(options)?;
    let batch_builder = BatchBuilder::new(options)?;
    let client = client::client(options, batch_builder.url())?;
    Ok((batch_builder, client))
}

impl Http {
    /// Prepares everything; nothing is sent yet.
    ///
    /// # Errors
    /// If a setting is invalid, or a file that it names can't be read.
    #[expect(clippy::needless_pass_by_value, reason = "so that a registry can take it")]
    pub fn new(options: Options) -> Result<Self, SetupError> {
        let (batch_builder, client) = prepared(&options)?;
        let sender = Sender::new(client, &options, Secrets::of(&options, batch_builder.url()));
        let needs = Needs {
            batch: batch_policy(&options, &batch_builder),
            delivers: true,
            per_minute: options.preset().and_then(Preset::per_minute),
            target: Some(target::name_of(batch_builder.url())),
            ..Needs::default()
        };
        let dispatcher = Dispatcher::new(sender, batch_builder, options.in_flight)
            .map_err(|error| format!("cannot set up the HTTP client: {error}"))?;
        Ok(Self { dispatcher, needs })
    }
}

impl Handler for Http {
    fn needs(&self) -> Needs {
        self.needs.clone()
    }

    fn start(&mut self, context: Context) -> Result<(), Failure> {
        self.dispatcher.start(context);
        Ok(())
    }

    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
        if self.dispatcher.gave_up() {
            return Err(Failure::time_up());
        }
        let runs = self.dispatcher.send(&alerts.iter().map(message_of).collect::<Vec<_>>());
        outcome_of(runs)
    }
}

/// What became of the alerts of a batch. Those that were accepted or refused behind one whose time was up
/// are settled all the same: they are not sent twice.
fn outcome_of(runs: Vec<Run>) -> Result<Progress, Failure> {
    let (mut next, mut settled, mut ahead, mut refused) = (0, None, Vec::new(), Vec::new());
    for Run { alerts, result } in runs {
        let places = next..next + alerts;
        next = places.end;
        match result {
            Ok(()) if settled.is_some() => ahead.extend(places),
            Ok(()) => {}
            Err(Undelivered::Refused(reason)) => {
                let reason: Arc<str> = reason.into();
                refused.extend(places.map(|index| Refusal { index, reason: Arc::clone(&reason) }));
            }
            Err(Undelivered::TimeUp) => settled = settled.or(Some(places.start)),
        }
    }
    let settled = settled.unwrap_or(next);
    if !refused.is_empty() {
        return Err(Failure::refused_among(settled, refused).with_ahead(ahead));
    }
    match NonZeroUsize::new(settled).filter(|_| ahead.is_empty()) {
        Some(settled) => Ok(Progress::First(settled)),
        None => Err(Failure::time_up().after(settled).with_ahead(ahead)),
    }
}

/// The alerts or groups as messages to send.
fn message_of(alert: &Arc<Alert>) -> Message<'_> {
    let count = alert.count.map_or(1, NonZeroU64::get);
    Message { alert, count, id: Id::of(alert) }
}

fn batch_policy(options: &Options, batch_builder: &BatchBuilder) -> BatchPolicy {
    if batch_builder.batch() == 1 {
        return BatchPolicy::default();
    }
    let delay = options.delay.map_or(DELAY, |delay| delay.0);
    let most = batch_builder.batch().saturating_mul(options.in_flight);
    BatchPolicy { enough: batch_builder.batch(), most, delay }
}
