//! Lists the sensors that sent heartbeats.

use async_nats::jetstream::kv::Operation;
use futures_util::StreamExt;
use jiff::Timestamp;
use tokio::time::timeout;

use super::access::Access;
use super::bucket::{REQUEST_TIMEOUT, is_wanted, open, take};
use super::runtime::Runtime;
use super::source_options::SourceOptions;
use crate::fleet::subject::key;
use crate::sensors::{Roll, SensorReport};

/// What the servers know of the sensors now. `from` is as the source's.
///
/// # Errors
/// Why nothing can be read, in words for a user.
pub(crate) fn sensors(from: &str) -> Result<Vec<SensorReport>, String> {
    let options = SourceOptions::parse(from)?;
    let (name, allowed, wanted) = (options.bucket()?, options.silent(), options.sensors());
    let access = Access::new(options.access())?;
    let runtime = Runtime::new("nats").map_err(|error| format!("cannot start threads: {error}"))?;
    let read = runtime.run(async {
        let mut roll = Roll::new(allowed);
        read(&access, &name, &mut roll).await.map(|()| roll)
    });
    let roll = read.map_err(|problem| format!("{}: {problem}", access.shown()))?;
    let all = roll.report(Timestamp::now()).into_iter();
    Ok(all.filter(|one| is_wanted(&wanted, one.sensor.as_deref().unwrap_or_default())).collect())
}

/// Removes a sensor, and returns whether it was there.
///
/// # Errors
/// Why that isn't possible, in words for a user.
pub(crate) fn forget(from: &str, sensor: &str) -> Result<bool, String> {
    let options = SourceOptions::parse(from)?;
    let name = options.bucket()?;
    let access = Access::new(options.access())?;
    let runtime = Runtime::new("nats").map_err(|error| format!("cannot start threads: {error}"))?;
    let done = runtime.run(async {
        let store = open(&access.connect(|_| {}).await?, &name, None).await?;
        let failed = |error: &dyn std::error::Error| format!("bucket {name}: {error}");
        let entry = store.entry(key(sensor)).await.map_err(|error| failed(&error))?;
        if entry.is_none_or(|entry| entry.operation != Operation::Put) {
            return Ok(false);
        }
        store.purge(key(sensor)).await.map_err(|error| failed(&error)).map(|()| true)
    });
    done.map_err(|problem: String| format!("{}: {problem}", access.shown()))
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
        assert_eq!(sensors("http://x").unwrap_err(), wanted);
        assert_eq!(forget("http://x", "a").unwrap_err(), wanted);
    }
}
