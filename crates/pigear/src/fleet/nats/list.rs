//! Lists the sensors that sent heartbeats.

use async_nats::jetstream::kv::Operation;
use futures_util::StreamExt;
use jiff::Timestamp;
use tokio::time::timeout;

use super::access::{Access, REQUEST_TIMEOUT};
use super::bucket::{is_wanted, open, take};
use super::runtime::Runtime;
use super::source_options::SourceOptions;
use crate::fleet::subject::key;
use crate::sensors::{Roll, SensorReport};

/// The bucket of heartbeats, and which sensors are asked for.
pub(crate) struct SensorList {
    access: Access,
    bucket: String,
    /// A sensor is silent after this many heartbeats that didn't come.
    silent: u32,
    wanted: Vec<String>,
}

impl SensorList {
    /// Nothing is connected yet. `from` is as the source's.
    ///
    /// # Errors
    /// If `from` can't be used, or a file of credentials can't be read.
    pub(crate) fn new(from: &str) -> Result<Self, String> {
        let options = SourceOptions::parse(from)?;
        let (bucket, silent, wanted) = (options.bucket()?, options.silent(), options.sensors());
        Ok(Self { access: Access::new(options.access())?, bucket, silent, wanted })
    }

    /// The names of the sensors that are asked for; all, if there are none.
    pub(crate) fn wanted(&self) -> &[String] {
        &self.wanted
    }

    /// Whether a sensor is asked for.
    pub(crate) fn wants(&self, sensor: &SensorReport) -> bool {
        is_wanted(&self.wanted, sensor.sensor.as_deref().unwrap_or_default())
    }

    /// What the servers know of all sensors now.
    ///
    /// # Errors
    /// Why nothing can be read, in words for a user.
    pub(crate) fn read(&self) -> Result<Vec<SensorReport>, String> {
        let roll = self.run(async {
            let mut roll = Roll::new(self.silent);
            read(&self.access, &self.bucket, &mut roll).await.map(|()| roll)
        })?;
        Ok(roll.report(Timestamp::now()))
    }

    /// Removes a sensor, and returns whether it was there.
    ///
    /// # Errors
    /// Why that isn't possible, in words for a user.
    pub(crate) fn forget(&self, sensor: &str) -> Result<bool, String> {
        let Self { access, bucket, .. } = self;
        self.run(async {
            let store = open(&access.connect(|_| {}).await?, bucket, None).await?;
            let failed = |error: &dyn std::error::Error| format!("bucket {bucket}: {error}");
            let entry = store.entry(key(sensor)).await.map_err(|error| failed(&error))?;
            if entry.is_none_or(|entry| entry.operation != Operation::Put) {
                return Ok(false);
            }
            store.purge(key(sensor)).await.map_err(|error| failed(&error)).map(|()| true)
        })
    }

    fn run<T>(&self, work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
        let runtime =
            Runtime::new("nats").map_err(|error| format!("cannot start threads: {error}"))?;
        runtime.run(work).map_err(|problem| format!("{}: {problem}", self.access.shown()))
    }
}

async fn read(access: &Access, name: &str, roll: &mut Roll) -> Result<(), String> {
    let store = open(&access.connect(|_| {}).await?, name, None).await?;
    let failed = |problem: &str| format!("bucket {name}: {problem}");
    let status = store.status().await.map_err(|error| failed(&error.to_string()))?;
    if status.values() == 0 {
        return Ok(());
    }
    let watch = store.watch_from_revision(">", 1).await;
    let mut entries = watch.map_err(|error| failed(&error.to_string()))?;
    loop {
        match timeout(REQUEST_TIMEOUT, entries.next()).await {
            Err(_) => return Err(failed("the server doesn't answer")),
            Ok(None) => return Ok(()),
            Ok(Some(Err(error))) => return Err(failed(&error.to_string())),
            Ok(Some(Ok(entry))) => {
                take(roll, &entry, false);
                if entry.delta == 0 {
                    return Ok(());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_server_is_called_as_the_option_is() {
        let wanted =
            "--from: expected nats://HOST:PORT or tls://HOST:PORT, and several with commas between";
        assert_eq!(SensorList::new("http://x").err().as_deref(), Some(wanted));
    }
}
