//! `http`: posts alerts to a web server.
//!
//! What is sent, and in which order, a receiver can rely on: with `in_flight=1` a request is only
//! begun once the one before was taken. A request that fails for a reason that may pass (no
//! connection, 408, 429, 5xx) is tried again for as long as the pipeline runs, and its alerts wait in
//! the handler's queue meanwhile. It has the same `Idempotency-Key` each time, so that a receiver
//! who looks at that sees no alert twice. What is refused for good counts as failed.
//!
//! The way of an alert: `batch_builder` writes it and puts it into a `request_body`, `dispatcher` has several requests
//! under way at once, `sender` sends one until it is settled, `answer` is what the server says.

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
mod groups;
mod hec;
mod id;
mod message;
mod options;
mod outcomes;
mod path_values;
mod people;
mod presets;
mod request_body;
mod retry;
mod secret;
mod secrets;
mod sender;
mod stopping;
mod target;
mod template;
#[cfg(test)]
mod tests;
mod unescape;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pigear_alert::Alert;
use pigear_pipeline::{Deadline, Gather, Handler, HandlerError};

pub use encoding::{Encoding, Escape, Unexpected};
pub use options::{Options, TemplateName};
pub use presets::{Preset, UnknownPreset};
pub use secret::Secret;

use batch_builder::{BatchBuilder, single};
use dispatcher::Dispatcher;
use outcomes::{Run, Undelivered};
use people::People;
use secrets::Secrets;
use sender::Sender;

pub(crate) const ABOUT: &str = "posts alerts to a web server; url=URL \
    encoding=json|ndjson|array|form format=NAME batch=N delay=TIME in_flight=N \
    compress=gzip|zstd header.NAME=VALUE auth=basic:USER:PASS|bearer:TOKEN template=FILE|preset:NAME \
    per_minute=N group=TIME and more (docs/http.md)";

/// Fewer alerts than a request may have wait so long for more.
const DELAY: Duration = Duration::from_secs(1);

/// Posts alerts to a web server.
pub struct Http {
    dispatcher: Dispatcher,
    gather: Gather,
    /// What became of alerts that come again, since one before them failed.
    ahead: VecDeque<Run>,
    /// Those who want messages rather than alerts.
    people: Option<People>,
}

impl Http {
    /// Makes everything ready; nothing is sent yet.
    ///
    /// # Errors
    /// If a setting makes no sense, or a file that it names can't be read.
    #[expect(clippy::needless_pass_by_value, reason = "so that a registry can take it")]
    pub fn new(options: Options) -> Result<Self, String> {
        if options.in_flight == 0 {
            return Err("in_flight=0: expected at least 1".to_owned());
        }
        let people = People::new(&options)?;
        let batch_builder = BatchBuilder::new(&options)?;
        let sender = Sender::new(
            client::client(&options, batch_builder.url())?,
            &options,
            Secrets::of(&options, batch_builder.url()),
        );
        let gather =
            if people.is_some() { Gather::default() } else { gather(&options, &batch_builder) };
        let dispatcher = Dispatcher::new(sender, batch_builder, options.in_flight)
            .map_err(|error| format!("cannot get ready to send: {error}"))?;
        Ok(Self { dispatcher, gather, ahead: VecDeque::new(), people })
    }

    /// Counts the alerts, behind these that are delivered, of which that is known already.
    fn delivered(&mut self, mut done: usize) -> Result<usize, HandlerError> {
        while let Some(run) = self.ahead.pop_front() {
            match run.result {
                Ok(()) => done += run.alerts,
                Err(Undelivered::TimeUp) => return Err(HandlerError::time_up().after(done)),
                Err(Undelivered::Refused(reason)) => {
                    return Err(HandlerError::new(reason).after(done).failed(run.alerts));
                }
            }
        }
        Ok(done)
    }
}

impl Handler for Http {
    fn start(&mut self, deadline: &Deadline) {
        self.dispatcher.start(deadline);
    }

    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<(), HandlerError> {
        if let Some(people) = &mut self.people {
            people.add(alerts);
            return Ok(());
        }
        let mut done = 0;
        loop {
            done = self.delivered(done)?;
            let rest = alerts.get(done..).unwrap_or_default();
            if rest.is_empty() {
                return Ok(());
            }
            if self.dispatcher.gave_up() {
                return Err(HandlerError::time_up().after(done));
            }
            self.ahead.extend(self.dispatcher.send(&rest.iter().map(single).collect::<Vec<_>>()));
        }
    }

    fn gather(&self) -> Gather {
        self.gather
    }

    fn delivers(&self) -> bool {
        true
    }

    fn in_hand(&self) -> Option<Arc<Alert>> {
        self.people.as_ref()?.oldest()
    }

    fn due(&self) -> Option<Instant> {
        if self.dispatcher.gave_up() { None } else { self.people.as_ref()?.due() }
    }

    fn wake(&mut self) -> Result<(), HandlerError> {
        let Some(people) = &mut self.people else { return Ok(()) };
        people.send_due(&self.dispatcher)
    }

    fn finish(&mut self) -> Result<(), HandlerError> {
        let Some(people) = &mut self.people else { return Ok(()) };
        people.flush(&self.dispatcher)
    }
}

fn gather(options: &Options, batch_builder: &BatchBuilder) -> Gather {
    if batch_builder.batch() == 1 {
        return Gather::default();
    }
    let delay = options.delay.map_or(DELAY, |delay| delay.0);
    let most = batch_builder.batch().saturating_mul(options.in_flight);
    Gather { enough: batch_builder.batch(), most, delay }
}
