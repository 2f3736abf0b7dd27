//! `http`: posts alerts to a web server.
//!
//! What is sent, and in which order, a receiver can rely on: with `in_flight=1` a request is only
//! begun once the one before was taken. A request that fails for a reason that may pass (no
//! connection, 408, 429, 5xx) is tried again for as long as the pipeline runs, and its alerts wait in
//! the handler's queue meanwhile. It has the same `Idempotency-Key` each time, so that a receiver
//! who looks at that sees no alert twice. What is refused for good counts as failed.

mod answer;
mod auth;
mod client;
mod failure;
mod form;
mod groups;
mod id;
mod options;
mod packer;
mod parcel;
mod presets;
mod retry;
mod sender;
mod stopping;
mod template;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use pigear_alert::Alert;
use pigear_pipeline::{Ending, Gather, Handler, HandlerError};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

pub use options::{Encoding, Escape, Options, Secret, TemplateName, Time, Unexpected};
pub use presets::{Preset, UnknownPreset};

use groups::Groups;
use packer::{Packer, single};
use parcel::Parcel;
use sender::{Run, Sender, Undelivered};
use stopping::Stopping;
use template::{Message, Rules, Template};

pub(crate) const ABOUT: &str = "posts alerts to a web server; url=URL \
    encoding=json|ndjson|array|form format=NAME batch=N delay=TIME in_flight=N \
    compress=gzip|zstd header.NAME=VALUE auth=basic:USER:PASS|bearer:TOKEN template=FILE|preset:NAME \
    per_minute=N group=TIME and more (docs/http.md)";

/// Fewer alerts than a request may have wait so long for more.
const DELAY: Duration = Duration::from_secs(1);

/// Posts alerts to a web server.
pub struct Http {
    engine: Engine,
    sender: Arc<Sender>,
    packer: Packer,
    gather: Gather,
    in_flight: usize,
    /// What became of alerts that come again, since one before them failed.
    ahead: VecDeque<Run>,
    groups: Option<Groups>,
    /// Messages that could not be sent before the end, and how many alerts they were about.
    late: (usize, u64),
    stopping: Stopping,
}

/// What the requests run on: the handler's own thread.
struct Engine(Option<Runtime>);

/// A parcel under way, or what became of one that wasn't sent.
enum Flight {
    Sent(JoinHandle<Vec<Run>>, usize),
    Failed(String),
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
        if options.per_minute() == Some(0) {
            return Err("per_minute=0: expected at least 1".to_owned());
        }
        let url = url(&options)?;
        let packer = Packer::new(&options, url.reveal(), template(&options)?)?;
        let client = client::client(&options, packer.url())?;
        let sender = Sender {
            client,
            content_type: content_type(&options),
            compress: options.compress,
            answers_each: options.preset().is_some_and(Preset::answers_each),
            secrets: secrets(&options, packer.url()),
            gave_up: false.into(),
        };
        let groups = (options.group().is_some() || options.per_minute().is_some())
            .then(|| Groups::new(options.group().unwrap_or_default(), options.per_minute()));
        Ok(Self {
            engine: Engine::new().map_err(|error| error.to_string())?,
            sender: Arc::new(sender),
            gather: gather(&options, &packer, groups.is_some()),
            packer,
            in_flight: options.in_flight,
            ahead: VecDeque::new(),
            groups,
            late: (0, 0),
            stopping: Stopping::default(),
        })
    }

    /// Sends alerts, and notes what became of them: of all, or of all up to one that failed.
    fn send(&mut self, messages: &[Message]) {
        let Self { engine, sender, packer, in_flight, stopping, ahead, .. } = self;
        engine.run(async {
            let mut packed = 0;
            let mut flights = VecDeque::new();
            loop {
                let ok = ahead.iter().all(|run| run.result.is_ok());
                if ok && packed < messages.len() && flights.len() < *in_flight {
                    let rest = messages.get(packed..).unwrap_or_default();
                    let flight = match packer.pack(rest.iter().copied()) {
                        Ok(parcel) => Flight::send(sender, parcel, stopping),
                        Err(reason) => Flight::Failed(reason),
                    };
                    packed += flight.alerts();
                    flights.push_back(flight);
                } else if let Some(flight) = flights.pop_front() {
                    ahead.extend(flight.runs().await);
                } else {
                    break;
                }
            }
        });
    }

    /// Sends the groups that are due.
    fn send_groups(&mut self, everything: bool) -> Result<(), String> {
        let mut failure = Ok(());
        loop {
            if self.sender.gave_up.load(Ordering::Relaxed) {
                return failure;
            }
            let Some(groups) = &mut self.groups else { return failure };
            let due = groups.take_due(Instant::now(), everything, self.packer.batch);
            if due.is_empty() {
                return failure;
            }
            let messages: Vec<_> = due.iter().map(groups::Group::message).collect();
            let mut sent = 0;
            while let Some(rest) = messages.get(sent..)
                && !rest.is_empty()
            {
                self.send(rest);
                for run in self.ahead.drain(..) {
                    let these = messages.get(sent..sent + run.alerts).unwrap_or_default();
                    sent += run.alerts;
                    match run.result {
                        Ok(()) => {}
                        Err(Undelivered::Refused(reason)) => failure = Err(reason),
                        Err(Undelivered::TimeUp) => {
                            self.late.0 += these.len();
                            self.late.1 += these.iter().map(|message| message.count).sum::<u64>();
                        }
                    }
                }
            }
        }
    }
}

impl Handler for Http {
    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<(), HandlerError> {
        if let Some(groups) = &mut self.groups {
            for alert in alerts {
                groups.add(alert, Instant::now());
            }
            let sent = self.send_groups(false);
            return sent.map_err(|error| HandlerError::new(error).after(alerts.len() - 1));
        }
        let mut done = 0;
        loop {
            while let Some(run) = self.ahead.pop_front() {
                match run.result {
                    Ok(()) => done += run.alerts,
                    Err(Undelivered::TimeUp) => return Err(HandlerError::time_up().after(done)),
                    Err(Undelivered::Refused(reason)) => {
                        return Err(HandlerError::new(reason).after(done).failed(run.alerts));
                    }
                }
            }
            let rest = alerts.get(done..).unwrap_or_default();
            if rest.is_empty() {
                return Ok(());
            }
            if self.sender.gave_up.load(Ordering::Relaxed) {
                return Err(HandlerError::time_up().after(done));
            }
            self.send(&rest.iter().map(single).collect::<Vec<_>>());
        }
    }

    fn start(&mut self, ending: &Ending) {
        self.stopping = Stopping(ending.clone());
    }

    fn gather(&self) -> Gather {
        self.gather
    }

    fn due(&self) -> Option<Instant> {
        self.groups.as_ref().and_then(Groups::next_due)
    }

    fn wake(&mut self) -> Result<(), HandlerError> {
        self.send_groups(false).map_err(HandlerError::new)
    }

    fn finish(&mut self) -> Result<(), HandlerError> {
        self.send_groups(true).map_err(HandlerError::new)?;
        let (waiting, about) = self.groups.as_ref().map_or((0, 0), Groups::left);
        let (messages, alerts) = (self.late.0 + waiting, self.late.1 + about);
        if messages == 0 {
            return Ok(());
        }
        let what = format!("{messages} messages about {alerts} alerts were not sent in time");
        Err(HandlerError::new(what))
    }
}

impl Engine {
    fn new() -> std::io::Result<Self> {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_io().enable_time().build().map(|runtime| Self(Some(runtime)))
    }

    fn run(&self, work: impl Future<Output = ()>) {
        if let Some(runtime) = &self.0 {
            runtime.block_on(work);
        }
    }
}

impl Drop for Engine {
    /// Doesn't wait for a name that is still being looked up.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Flight {
    fn send(sender: &Arc<Sender>, parcel: Parcel, stopping: &Stopping) -> Self {
        let (sender, mut stopping) = (Arc::clone(sender), stopping.clone());
        let alerts = parcel.len();
        let task = async move { sender.deliver(&parcel, &mut stopping).await };
        Self::Sent(tokio::spawn(task), alerts)
    }

    fn alerts(&self) -> usize {
        match self {
            Self::Sent(_, alerts) => *alerts,
            Self::Failed(_) => 1,
        }
    }

    async fn runs(self) -> Vec<Run> {
        match self {
            Self::Sent(task, alerts) => task.await.unwrap_or_else(|error| {
                vec![Run { alerts, result: Err(Undelivered::Refused(error.to_string())) }]
            }),
            Self::Failed(reason) => {
                vec![Run { alerts: 1, result: Err(Undelivered::Refused(reason)) }]
            }
        }
    }
}

fn url(options: &Options) -> Result<Secret, String> {
    match (&options.url, &options.url_file) {
        (Some(url), None) => Ok(url.clone()),
        (None, Some(path)) => auth::secret_in(path)
            .map_err(|error| format!("cannot read {}: {error}", path.display())),
        _ => Err("give url or url_file: where to send".to_owned()),
    }
}

fn template(options: &Options) -> Result<Option<Template>, String> {
    if options.preset() == Some(Preset::Telegram) && !options.param.contains_key("chat_id") {
        return Err("preset:telegram needs param.chat_id: where to send".to_owned());
    }
    let rules = Rules {
        escape: options.escape.unwrap_or_default(),
        format: options.format(),
        lines: options.encoding() == Encoding::Ndjson,
        params: options.params(),
    };
    let template = match &options.template {
        None if options.escape.is_some() => return Err("escape needs a template".to_owned()),
        None => return Ok(None),
        Some(TemplateName::File(path)) => Template::read(path, rules),
        Some(TemplateName::Preset(preset)) => Template::new(preset.name(), preset.text(), rules),
    };
    template.map(Some)
}

fn gather(options: &Options, packer: &Packer, grouped: bool) -> Gather {
    if packer.batch == 1 || grouped {
        return Gather::default();
    }
    let delay = options.delay.map_or(DELAY, |delay| delay.0);
    let most = packer.batch.saturating_mul(options.in_flight);
    Gather { enough: packer.batch, most, delay }
}

/// None if the user gave one.
fn content_type(options: &Options) -> Option<HeaderValue> {
    if options.header.keys().any(|name| name.eq_ignore_ascii_case(CONTENT_TYPE.as_str())) {
        return None;
    }
    let text = options.template.is_none() && !packer::is_json(options.format());
    let plain = text || options.escape.is_some_and(|escape| escape != Escape::Json);
    let usual = match options.encoding() {
        Encoding::Form => "application/x-www-form-urlencoded",
        _ if plain => "text/plain; charset=utf-8",
        Encoding::Ndjson => "application/x-ndjson",
        Encoding::Json | Encoding::Array => "application/json",
    };
    let preset = options.preset().and_then(Preset::content_type);
    Some(HeaderValue::from_static(preset.unwrap_or(usual)))
}

/// What must not be shown, not even if a server says it.
fn secrets(options: &Options, url: &reqwest::Url) -> Vec<String> {
    let headers = options.header.values().map(|value| value.reveal().to_owned());
    let in_url = url.password().into_iter().chain(url.query()).map(str::to_owned);
    let given = auth::given(options).ok().flatten();
    let auth = given.iter().flat_map(|auth| auth.reveal().splitn(3, ':').skip(1));
    let all = headers.chain(in_url).chain(auth.map(str::to_owned));
    // Shorter ones would hide what has nothing to do with them.
    all.filter(|secret| secret.len() >= 6).collect()
}
