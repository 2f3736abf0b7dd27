//! Sends the heartbeats of this program's sensors, while the handler runs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::Client;
use async_nats::connection::State;
use async_nats::jetstream::kv::Store;
use async_nats::jetstream::stream::{Config, DiscardPolicy, StorageType};
use jiff::Timestamp;
use pigear_pipeline::{Context, EventCounter, NOTICE, Stats};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::{debug, info, warn};

use super::access::Access;
use super::bucket;
use crate::fleet::subject::key;
use crate::host_name::host_name;
use crate::sensors::{Heartbeat, OwnSensor, SharedSensors};

/// How many heartbeats of a sensor are kept: enough to see two Pigears that use one name by turns.
const HISTORY: i64 = 8;

/// How long the last heartbeat may hold up the end.
const END_TIMEOUT: Duration = Duration::from_secs(1);

/// What heartbeats need to know.
#[derive(Clone, Debug)]
pub(super) struct HeartbeatSettings {
    pub(super) bucket: String,
    /// How often; none, if zero.
    pub(super) interval: Duration,
    /// Whether a missing bucket is created.
    pub(super) create: bool,
    pub(super) replicas: usize,
    pub(super) storage: StorageType,
}

/// Heartbeats that are sent, until this is dropped.
pub(super) struct Heartbeats {
    end: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Heartbeats {
    /// Begins to send them; must be called inside a runtime.
    pub(super) fn start(
        settings: HeartbeatSettings,
        (access, client): (Access, SharedClient),
        sensors: SharedSensors,
        context: &Context,
    ) -> Self {
        let end = Arc::new(Notify::new());
        let started = Timestamp::now();
        let run = format!("{:x}-{:x}", std::process::id(), started.as_nanosecond());
        let (stats, handler) = (Arc::clone(&context.stats), Arc::clone(&context.name));
        let host = host_name().unwrap_or_default();
        let sender = Sender {
            settings,
            access,
            client,
            sensors,
            stats,
            handler,
            run,
            host,
            started,
            store: None,
        };
        let task = tokio::spawn(sender.run(Arc::clone(&end)));
        Self { end, task }
    }

    /// Says that this is the end, if that is possible soon.
    pub(super) async fn end(self) {
        self.end.notify_one();
        let _ = timeout(END_TIMEOUT, self.task).await;
    }
}

/// The connection of the handler, once there is one.
#[derive(Clone, Debug, Default)]
pub(super) struct SharedClient(Arc<Mutex<Option<Client>>>);

impl SharedClient {
    pub(super) fn set(&self, client: Client) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(client);
    }

    fn get(&self) -> Option<Client> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

struct Sender {
    settings: HeartbeatSettings,
    access: Access,
    client: SharedClient,
    sensors: SharedSensors,
    stats: Arc<Stats>,
    handler: Arc<str>,
    run: String,
    host: String,
    started: Timestamp,
    store: Option<(Client, Store)>,
}

impl Sender {
    async fn run(mut self, end: Arc<Notify>) {
        let mut failures = EventCounter::default();
        let mut stopped = false;
        while !stopped {
            match self.send_all(false).await {
                Ok(()) if failures.get() > 0 => {
                    info!(target: NOTICE, "handler {}: heartbeats are sent again", self.handler);
                    failures = EventCounter::default();
                }
                Ok(()) => {}
                Err(Problem::NoConnection) => debug!("no connection for a heartbeat"),
                Err(Problem::Refused(problem)) => {
                    if failures.add(1).is_some() {
                        warn!("handler {}: heartbeats can't be sent: {problem}", self.handler);
                    }
                }
            }
            stopped = timeout(self.settings.interval, end.notified()).await.is_ok();
        }
        if self.send_all(true).await.is_err() {
            debug!("the last heartbeat was not sent");
        }
    }

    /// Sends a heartbeat of each sensor.
    async fn send_all(&mut self, stopped: bool) -> Result<(), Problem> {
        let sensors = self.sensors.own();
        if sensors.is_empty() {
            return Ok(());
        }
        let (client, store) = match self.store.take() {
            Some(open) => open,
            None => self.open().await?,
        };
        // What waits for a connection would say nothing about now.
        if client.connection_state() != State::Connected {
            return Err(Problem::NoConnection);
        }
        let counters = serde_json::to_value(self.stats.snapshot()).unwrap_or_default();
        for sensor in sensors {
            let key = key(&sensor.name);
            let beat = self.heartbeat(sensor, counters.clone(), stopped);
            let text = serde_json::to_vec(&beat).unwrap_or_default();
            let put = store.put(key, text.into()).await;
            put.map_err(|error| {
                Problem::Refused(bucket::put_in_words(&self.settings.bucket, &error))
            })?;
        }
        self.store = Some((client, store));
        Ok(())
    }

    fn heartbeat(&self, sensor: OwnSensor, counters: Value, stopped: bool) -> Heartbeat {
        Heartbeat {
            sensor: sensor.name,
            run: self.run.clone(),
            host: self.host.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: self.started,
            sent: Timestamp::now(),
            interval_ms: u64::try_from(self.settings.interval.as_millis()).unwrap_or(u64::MAX),
            stopped,
            sockets: sensor.sockets,
            threads: sensor.threads,
            handler: self.handler.to_string(),
            counters,
        }
    }

    async fn open(&self) -> Result<(Client, Store), Problem> {
        let client = if let Some(client) = self.client.get() {
            client
        } else {
            // The handler says why it can't connect.
            let client = self.access.connect(|_| {}).await.map_err(|_| Problem::NoConnection)?;
            self.client.set(client.clone());
            client
        };
        let HeartbeatSettings { bucket: name, create, replicas, storage, .. } = &self.settings;
        // The library's own way asks for the account, which it can't read from servers of 2.9.
        let config = create.then(|| Config {
            name: bucket::stream_name(name),
            description: Some("heartbeats of sensors, from Pigear".to_owned()),
            subjects: vec![format!("$KV.{name}.>")],
            max_messages_per_subject: HISTORY,
            max_messages: -1,
            max_bytes: -1,
            max_message_size: -1,
            max_consumers: -1,
            num_replicas: *replicas,
            storage: *storage,
            discard: DiscardPolicy::New,
            allow_rollup: true,
            deny_delete: true,
            allow_direct: true,
            ..Config::default()
        });
        let store = bucket::open(&client, name, config).await.map_err(Problem::Refused)?;
        Ok((client, store))
    }
}

/// Why a heartbeat isn't sent.
enum Problem {
    NoConnection,
    Refused(String),
}
