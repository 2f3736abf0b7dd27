//! Publishes alerts in batches, until each is acknowledged or refused.

use std::fmt;
use std::sync::Arc;

use pigear_alert::{Alert, plural};
use pigear_pipeline::{Backoff, Context, Deadline, EventCounter, NOTICE, Retries};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::access::Access;
use super::attempt::{Attempt, Publishing};
use super::connection::Connection;
use super::options::Options;
use super::outgoing::Outgoing;
use super::topic::TopicSettings;
use super::trouble::Trouble;
use crate::fleet::message_id;
use crate::fleet::outcome::{Outcome, count_open};
use crate::fleet::payload::Payload;
use crate::fleet::runtime::BACKOFF;
use crate::in_time::in_time;

/// Batches aren't made smaller than this for good: a single alert may have been the reason.
const LEAST_BATCH: usize = 64 << 10;

/// Publishes alerts.
pub(super) struct Publisher {
    access: Access,
    settings: TopicSettings,
    payload: Payload,
    /// How to publish. Batches have less than was asked for once the broker found one too large.
    publishing: Publishing,
    handler: Arc<str>,
    deadline: Deadline,
    retries: Retries,
    connection: Option<Connection>,
}

impl Publisher {
    pub(super) fn new(options: &Options) -> Result<Self, String> {
        options.check()?;
        let access = Access::new(options.access())?;
        let payload = Payload::new(&options.format, None)?;
        Ok(Self {
            access,
            settings: options.settings(),
            payload,
            publishing: Publishing {
                compression: options.compression.into(),
                batch_bytes: usize::try_from(options.batch_bytes.as_u64()).unwrap_or(usize::MAX),
                in_flight: options.in_flight,
                timeout: options.timeout.0,
                is_retry: true,
            },
            handler: Arc::default(),
            deadline: Deadline::default(),
            retries: Retries::default(),
            connection: None,
        })
    }

    /// The receiver: brokers of a cluster have the same topic.
    pub(super) fn target(&self) -> String {
        format!("{} {}", self.access.shown(), self.settings.name)
    }

    pub(super) fn start(&mut self, context: Context) {
        (self.handler, self.deadline, self.retries) =
            (context.name, context.deadline, context.retries);
        if self.access.shows_password() {
            warn!(
                "{self}: mechanism=plain without TLS shows the password on the network; use tls=yes"
            );
        }
    }

    /// Connects and checks the topic, unless that was done.
    pub(super) async fn connect(&mut self) -> Result<(), String> {
        if self.connection.is_some() {
            return Ok(());
        }
        let client = self.access.connect().await?;
        let limit = self.publishing.timeout;
        let checked = timeout(limit, self.settings.check(&client, limit)).await;
        let checked = checked.map_err(|_| "the broker doesn't answer".to_owned())??;
        let (name, count) = (&self.settings.name, checked.partitions);
        if checked.is_new {
            let partitions = plural::count(count as u64, "partition");
            info!("{self}: created the topic {name} with {partitions}");
        }
        self.connection = Some(Connection::new(client, name, count));
        Ok(())
    }

    /// Publishes all alerts, with as many attempts as necessary.
    pub(super) async fn publish_all(&mut self, alerts: &[Arc<Alert>]) -> Vec<Outcome> {
        let messages: Vec<_> = alerts.iter().map(|alert| self.message(alert)).collect();
        let mut outcomes = vec![Outcome::Open; alerts.len()];
        let (mut backoff, mut failures) = (Backoff::new(BACKOFF), EventCounter::default());
        let Publishing { mut batch_bytes, mut is_retry, .. } = self.publishing;
        let deadline = self.deadline.clone();
        let mut open = alerts.len();
        while open > 0 {
            let was_connected = self.connection.is_some();
            let attempt = self.attempt(&messages, &mut outcomes, (batch_bytes, is_retry));
            let Some(attempt) = in_time(&deadline, attempt).await else { break };
            is_retry = true;
            let before = std::mem::replace(&mut open, count_open(&outcomes));
            if open < before {
                backoff.succeeded();
            }
            let problem = match attempt {
                Ok(smaller) => {
                    batch_bytes = smaller.unwrap_or(batch_bytes);
                    continue;
                }
                Err(problem) => problem,
            };
            self.connection = None;
            let problem = match problem {
                // Brokers close idle connections and move leaders as a matter of course.
                Trouble::Lost(_) if was_connected && failures.get() == 0 => continue,
                Trouble::Lost(problem) | Trouble::Later(problem) | Trouble::Refused(problem) => {
                    problem
                }
                Trouble::TooLarge => continue,
            };
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
        self.publishing.is_retry = false;
        outcomes
    }

    fn message(&self, alert: &Alert) -> Outgoing {
        let payload = self.payload.of(alert);
        let key = alert.origin.sensor.as_deref().unwrap_or_default();
        Outgoing { key: key.as_bytes().to_vec(), id: message_id::of(alert), payload }
    }

    /// Publishes what is open, in the order of each partition, and notes what becomes of it. Returns how large
    /// batches may be from now on, if that is less.
    async fn attempt(
        &mut self,
        messages: &[Outgoing],
        outcomes: &mut [Outcome],
        (batch_bytes, is_retry): (usize, bool),
    ) -> Result<Option<usize>, Trouble> {
        self.connect().await.map_err(Trouble::Later)?;
        let Some(connection) = &self.connection else { return Ok(None) };
        let publishing = Publishing { batch_bytes, is_retry, ..self.publishing };
        let attempt = Attempt::new(connection, messages, outcomes, publishing);
        let (too_large, smaller) = attempt.run().await?;
        if let Some(bytes) = too_large {
            let learned = self.publishing.batch_bytes.min(bytes.max(LEAST_BATCH));
            self.publishing.batch_bytes = learned;
        }
        Ok(smaller)
    }
}

/// For messages.
impl fmt::Display for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "handler {}: {}", self.handler, self.access.shown())
    }
}
