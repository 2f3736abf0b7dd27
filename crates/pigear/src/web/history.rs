//! What the counters were in the last minutes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use pigear_pipeline::Stats;
use serde::Serialize;
use serde_json::Value;
use tokio::time::{MissedTickBehavior, interval};
use utoipa::ToSchema;

use super::feed::Feed;

/// How often the counters are noted.
const EVERY: Duration = Duration::from_secs(5);

/// How often in five minutes that is, with both ends.
const KEPT: usize = 61;

/// The name of the count of stored alerts.
const STORED: &str = "stored";

/// The counters, at each moment.
type Counters = BTreeMap<String, u64>;

/// What the counters were in the last five minutes.
#[derive(Default)]
pub(super) struct History(Mutex<VecDeque<Counters>>);

/// What the counters were in the last five minutes, or since the page is served.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct CountersHistory {
    /// How many seconds are between two values.
    seconds: u64,
    /// The values of each counter, the latest last; and of `stored`, the highest id of the store.
    counters: BTreeMap<String, Vec<u64>>,
}

impl History {
    /// Notes the counters until the feed has ended.
    pub(super) async fn follow(&self, feed: Weak<Feed>, stats: Option<Arc<Stats>>) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let Some(feed) = feed.upgrade() else { return };
            if let Some(last) = feed.last() {
                self.note(last, stats.as_deref());
            }
        }
    }

    fn note(&self, last: i64, stats: Option<&Stats>) {
        let mut now = counters(stats);
        now.insert(STORED.to_owned(), u64::try_from(last).unwrap_or_default());
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push_back(now);
        if all.len() > KEPT {
            all.pop_front();
        }
    }

    /// What was noted.
    pub(super) fn written(&self) -> CountersHistory {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // One that was zero before is not among the earlier ones.
        let names = all.iter().flat_map(Counters::keys);
        let value = |name: &String, at: &Counters| at.get(name).copied().unwrap_or(0);
        let values = |name: &String| all.iter().map(|at| value(name, at)).collect();
        let counters = names.map(|name| (name.clone(), values(name))).collect();
        CountersHistory { seconds: EVERY.as_secs(), counters }
    }
}

/// The counters by their names in the file of `--stats`, without those of handlers.
fn counters(stats: Option<&Stats>) -> Counters {
    let written = stats.and_then(|stats| serde_json::to_value(stats.snapshot()).ok());
    let Some(Value::Object(all)) = written else { return Counters::default() };
    all.into_iter().filter_map(|(name, value)| Some((name, value.as_u64()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_in_the_last_five_minutes_is_kept() {
        let history = History::default();
        for last in 0..100 {
            history.note(last, None);
        }
        let CountersHistory { seconds, counters } = history.written();
        assert_eq!(seconds * (KEPT as u64 - 1), 300);
        assert_eq!(counters[STORED], (39..100).collect::<Vec<u64>>());
    }
}
