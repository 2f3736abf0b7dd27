//! Watches the sensors' heartbeats, while the source runs.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_nats::connection::State;
use futures_util::StreamExt;
use tokio::time::{sleep, timeout};
use tracing::debug;

use super::access::Access;
use super::bucket::{self, is_wanted};
use crate::sensors::Roll;

/// How often to look for silent sensors, and at the connection.
const TICK: Duration = Duration::from_millis(500);

/// How long to wait before the bucket is opened again.
const RETRY: Duration = Duration::from_secs(2);

/// How long sensors have to connect again after this one lost its connection, or the bucket: longer than the longest
/// wait between two attempts.
const GRACE: Duration = Duration::from_secs(5);

/// Watches the heartbeats.
pub(super) struct Watcher {
    pub(super) access: Access,
    pub(super) bucket: String,
    /// Only these sensors, if there are any.
    pub(super) wanted: Vec<String>,
    pub(super) roll: Arc<Mutex<Roll>>,
}

impl Watcher {
    /// Watches until it is dropped. What is wrong with the connection is said by the source.
    pub(super) async fn run(self) {
        let mut grace = Duration::ZERO;
        loop {
            if let Err(problem) = self.watch(grace).await {
                debug!("heartbeats can't be read: {problem}");
            }
            if self.roll().set_watched(None).is_some() {
                grace = GRACE;
            }
            sleep(RETRY).await;
        }
    }

    /// Watches one bucket over one connection. Silence counts once the time of grace is over.
    async fn watch(&self, grace: Duration) -> Result<(), String> {
        let client = self.access.connect(|_| {}).await?;
        let connections = || client.statistics().connects.load(Ordering::Relaxed);
        let connected = connections();
        let store = bucket::open(&client, &self.bucket, None).await?;
        let created = bucket::created(&client, &self.bucket).await?;
        let status = store.status().await.map_err(|error| error.to_string())?;
        let watch = store.watch_from_revision(">", 1).await;
        let mut entries = watch.map_err(|error| error.to_string())?;
        let mut is_new = status.values() == 0;
        self.roll().set_watched(Some(Instant::now() + grace));
        loop {
            match timeout(TICK, entries.next()).await {
                Ok(None) => return Ok(()),
                Ok(Some(Err(error))) => return Err(error.to_string()),
                Ok(Some(Ok(entry))) => {
                    if is_wanted(&self.wanted, &entry.key) {
                        bucket::take(&mut self.roll(), &entry, is_new);
                    }
                    is_new |= entry.delta == 0;
                }
                Err(_) => {}
            }
            if client.connection_state() != State::Connected || connections() != connected {
                return Err("the connection is lost".to_owned());
            }
            if self.roll().has_silent(Instant::now()) {
                // If the bucket itself has no leader, or is another one, no sensor is silent.
                if bucket::created(&client, &self.bucket).await? != created {
                    return Err("the bucket was created anew".to_owned());
                }
                self.roll().call_silent(Instant::now());
            }
        }
    }

    fn roll(&self) -> MutexGuard<'_, Roll> {
        self.roll.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
