//! Publishes alerts, many in flight, until each is acknowledged or refused.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::jetstream::Context as JetStream;
use async_nats::{Client, Event};
use pigear_alert::{Alert, plural};
use pigear_pipeline::{Backoff, Context, Deadline, EventCounter, NOTICE, Retries};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::access::Access;
use super::acknowledgements::Acknowledgements;
use super::heartbeats::SharedClient;
use super::options::{Options, STREAM_SIZE};
use super::outgoing::Outgoing;
use super::runtime::BACKOFF;
use super::scarcity::Scarcity;
use super::stream::{self, Checked, StreamSettings, Unavailable};
use super::trouble::Trouble;
use crate::fleet::outcome::{self, Outcome};
use crate::fleet::payload::Payload;
use crate::fleet::{SubjectTemplate, message_id};
use crate::in_time::in_time;

/// For this time after a full stream refused an alert, each one waits for the one before: room that is made meanwhile
/// would go to one that is behind.
const FULL_INTERVAL: Duration = Duration::from_secs(5);

/// Otherwise it would be over before the next attempt.
const _: () = assert!(FULL_INTERVAL.as_secs() > BACKOFF.longest.as_secs());

/// How long the server may take to say why it doesn't acknowledge. What is open is published again only then.
const DIAGNOSIS_TIMEOUT: Duration = Duration::from_millis(500);

/// Publishes alerts.
pub(super) struct Publisher {
    access: Access,
    settings: StreamSettings,
    subject: SubjectTemplate,
    payload: Payload,
    in_flight: usize,
    timeout: Duration,
    handler: Arc<str>,
    deadline: Deadline,
    retries: Retries,
    connection: Option<Connection>,
    /// For heartbeats.
    client: SharedClient,
    /// Whether the next alerts may have been published in an earlier run.
    is_first: bool,
    /// When the stream was last full.
    full: Option<Instant>,
    scarcity: Scarcity,
    /// How many alerts the stream has acknowledged in this run.
    published: u64,
}

/// A connection. It is made again by itself.
struct Connection {
    client: Client,
    jetstream: JetStream,
    acknowledgements: Acknowledgements,
}

impl Publisher {
    pub(super) fn new(options: Options) -> Result<Self, String> {
        options.check()?;
        let access = Access::new(options.access())?.with_request_timeout(options.timeout.0);
        let settings = options.settings();
        let payload = Payload::new(&options.format, Some(STREAM_SIZE))?;
        Ok(Self {
            access,
            settings,
            subject: options.subject,
            payload,
            in_flight: options.in_flight,
            timeout: options.timeout.0,
            handler: Arc::default(),
            deadline: Deadline::default(),
            retries: Retries::default(),
            connection: None,
            client: SharedClient::default(),
            is_first: true,
            full: None,
            scarcity: Scarcity::default(),
            published: 0,
        })
    }

    /// The receiver: servers of a cluster have the same stream, so its name is what counts.
    pub(super) fn target(&self) -> String {
        format!("{} {}", self.access.shown(), self.settings.name)
    }

    pub(super) fn start(&mut self, context: Context) {
        (self.handler, self.deadline, self.retries) =
            (context.name, context.deadline, context.retries);
    }

    /// Connects and checks the stream, unless that was done.
    pub(super) async fn connect(&mut self) -> Result<(), String> {
        if self.connection.is_some() {
            return Ok(());
        }
        let client = self.access.connect(self.reporter()).await?;
        let jetstream = stream::jetstream(&client, self.timeout);
        let checked = self.settings.check(&jetstream).await?;
        if checked.is_new {
            info!("{self}: created the stream {}", self.settings.name);
        }
        self.report(&checked, &client);
        self.client.set(client.clone());
        let acknowledgements = Acknowledgements::new(client.clone(), self.timeout).await?;
        self.connection = Some(Connection { client, jetstream, acknowledgements });
        Ok(())
    }

    /// Reports what isn't as asked of the stream.
    fn report(&self, checked: &Checked, client: &Client) {
        let (name, version) = (&self.settings.name, client.server_info().version);
        if self.settings.is_unsafe_on(&version) {
            warn!(
                "{self}: server {version} may lose alerts of a full stream with retention=workqueue and \
                discard=new; upgrade the server, or choose another retention"
            );
        }
        if !checked.differences.is_empty() {
            let how = if checked.is_new {
                format!("the server (version {version}) doesn't do all that was asked")
            } else {
                format!("change it with `nats stream edit {name}`, or the keys")
            };
            let differences = checked.differences.join(", ");
            warn!("{self}: of the stream {name}, {differences}; {how}");
        }
    }

    /// Leaves the connection, if there is one.
    pub(super) fn disconnect(&mut self) {
        self.connection = None;
    }

    /// How to connect, and the connection once there is one.
    pub(super) fn connection(&self) -> (Access, SharedClient) {
        (self.access.clone(), self.client.clone())
    }

    /// Reports what happens to the connection.
    fn reporter(&self) -> impl Fn(Event) + Send + Sync + 'static {
        let (handler, servers) = (Arc::clone(&self.handler), self.access.shown().to_owned());
        let was_lost = std::sync::atomic::AtomicBool::new(false);
        move |event| match event {
            Event::Disconnected => {
                was_lost.store(true, std::sync::atomic::Ordering::Relaxed);
                warn!("handler {handler}: {servers}: the connection is lost; connecting again");
            }
            Event::Connected if was_lost.swap(false, std::sync::atomic::Ordering::Relaxed) => {
                info!(target: NOTICE, "handler {handler}: {servers}: connected again");
            }
            _ => {}
        }
    }

    /// Publishes all alerts, with as many attempts as necessary. Those that are open in the end come last in no
    /// attempt.
    pub(super) async fn publish_all(&mut self, alerts: &[Arc<Alert>]) -> Vec<Outcome> {
        let messages: Vec<_> = alerts.iter().map(|alert| self.message(alert)).collect();
        let mut outcomes = vec![Outcome::Open; alerts.len()];
        let (mut backoff, mut failures) = (Backoff::new(BACKOFF), EventCounter::default());
        let deadline = self.deadline.clone();
        let mut open = alerts.len();
        while open > 0 {
            let is_retry = self.is_first || failures.get() > 0;
            let attempt = Box::pin(self.attempt(&messages, &mut outcomes, is_retry));
            let Some(attempt) = in_time(&deadline, attempt).await else { break };
            let before = std::mem::replace(&mut open, outcome::count_open(&outcomes));
            let Err(problem) = attempt else { continue };
            if open < before {
                // Something was accepted, so it is worth trying again soon.
                backoff.succeeded();
            }
            self.retries.count();
            let wait = backoff.failed();
            if failures.add(1).is_some() {
                let waiting = plural::count(open as u64, "alert");
                warn!("{self}: {problem}; trying again in {wait:?} (at least {waiting})");
            }
            if in_time(&deadline, sleep(wait)).await.is_none() {
                break;
            }
        }
        if failures.get() > 0 && open == 0 {
            info!(target: NOTICE, "{self}: works again");
        }
        self.is_first = false;
        outcomes
    }

    fn message(&self, alert: &Alert) -> Outgoing {
        let payload = self.payload.of(alert);
        Outgoing { subject: self.subject.of(alert), id: message_id::of(alert), payload }
    }

    /// Publishes what is open, in order.
    async fn attempt(
        &mut self,
        messages: &[Outgoing],
        outcomes: &mut [Outcome],
        is_retry: bool,
    ) -> Result<(), String> {
        self.connect().await?;
        let Some(Connection { acknowledgements, jetstream, .. }) = &mut self.connection else {
            return Ok(());
        };
        let was_full = self.full.is_some_and(|full| full.elapsed() < FULL_INTERVAL);
        let each = messages.iter().zip(&*outcomes);
        let open = each.filter(|(_, outcome)| **outcome == Outcome::Open).map(|(open, _)| open);
        let stream = (&*jetstream, &*self.settings.name);
        let is_single = was_full || self.in_flight == 1;
        let in_flight =
            if is_single || self.scarcity.may_end(stream, open).await { 1 } else { self.in_flight };
        let before = outcome::count_acknowledged(outcomes);
        let trouble = publish(acknowledgements, messages, outcomes, (in_flight, is_retry)).await;
        self.published += (outcome::count_acknowledged(outcomes) - before) as u64;
        if acknowledgements.has_ended() {
            self.disconnect();
        }
        match trouble {
            None | Some(Trouble::Refused(_)) => Ok(()),
            Some(Trouble::Full(problem)) => {
                self.full = Some(Instant::now());
                Err(problem)
            }
            Some(Trouble::Later(problem)) => Err(problem),
            Some(Trouble::Unknown(symptom)) => Err(self.diagnosis(symptom).await),
        }
    }

    /// Why the server doesn't acknowledge. A stream that has vanished is created again, if it may be.
    async fn diagnosis(&mut self, symptom: &str) -> String {
        let Some(Connection { client, jetstream, .. }) = &self.connection else {
            return symptom.to_owned();
        };
        if client.connection_state() != async_nats::connection::State::Connected {
            // The library keeps to itself why it can't connect again.
            return match self.access.connect(|_| {}).await {
                Ok(_) => "the connection was lost".to_owned(),
                Err(problem) => problem,
            };
        }
        let name = &self.settings.name;
        let asking = stream::info(jetstream, name);
        let limit = self.timeout.min(DIAGNOSIS_TIMEOUT);
        match timeout(limit, asking).await.unwrap_or(Err(Unavailable::NoLeader)) {
            Ok(_) => symptom.to_owned(),
            Err(Unavailable::Missing) if self.settings.create => {
                let (client, jetstream) = (client.clone(), jetstream.clone());
                self.create_again(&client, &jetstream).await
            }
            Err(Unavailable::Missing) => {
                format!(
                    "{symptom}: the stream {name} doesn't exist any more; create=yes creates it"
                )
            }
            Err(problem) => format!("{symptom}; stream {name}: {problem}"),
        }
    }

    /// Creates the stream that has vanished, unless another sensor was faster; returns what was wrong.
    async fn create_again(&mut self, client: &Client, jetstream: &JetStream) -> String {
        let name = &self.settings.name;
        let checked = match self.settings.check(jetstream).await {
            Ok(checked) => checked,
            Err(problem) => return format!("the stream {name} doesn't exist any more: {problem}"),
        };
        let lost = plural::count(self.published, "alert");
        warn!(
            "{self}: the stream {name} didn't exist any more, and was created again: of the {lost} that were \
            published to it since the start, those that weren't read are gone"
        );
        self.report(&checked, client);
        (self.published, self.scarcity) = (0, Scarcity::default());
        format!("the stream {} didn't exist any more", self.settings.name)
    }
}

/// Publishes the open messages, and notes what becomes of them. After the first trouble no more are sent, but those
/// in flight are waited for.
async fn publish(
    acknowledgements: &mut Acknowledgements,
    messages: &[Outgoing],
    outcomes: &mut [Outcome],
    (in_flight, is_retry): (usize, bool),
) -> Option<Trouble> {
    let open = outcomes.iter().enumerate().filter(|(_, outcome)| **outcome == Outcome::Open);
    let mut open: VecDeque<_> = open.map(|(index, _)| index).collect();
    let mut trouble = None;
    acknowledgements.forget();
    loop {
        if trouble.is_none()
            && acknowledgements.expected() < in_flight
            && let Some(index) = open.pop_front()
            && let Some(message) = messages.get(index)
        {
            if let Err(problem) = acknowledgements.send(index, message, is_retry).await {
                note(index, Err(problem), outcomes, &mut trouble);
            }
        } else if let Some((index, result)) = acknowledgements.next().await {
            note(index, result, outcomes, &mut trouble);
        } else {
            return trouble;
        }
    }
}

/// Notes what became of a message. The first trouble that isn't a refusal counts.
fn note(
    index: usize,
    result: Result<(), Trouble>,
    outcomes: &mut [Outcome],
    trouble: &mut Option<Trouble>,
) {
    let Some(outcome) = outcomes.get_mut(index) else { return };
    match result {
        Ok(()) => *outcome = Outcome::Acknowledged,
        Err(Trouble::Refused(reason)) => *outcome = Outcome::Refused(reason),
        Err(other) => {
            trouble.get_or_insert(other);
        }
    }
}

/// For messages.
impl fmt::Display for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "handler {}: {}", self.handler, self.access.shown())
    }
}
