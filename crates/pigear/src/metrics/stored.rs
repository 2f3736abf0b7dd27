//! What the store says about itself and its lanes.
//!
//! It is read on a thread of its own: a disk may hang, and then metrics come without it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use nix::sys::statvfs::statvfs;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::exposition::{Exposition, Family};
use crate::store::{Contents, LaneState, RetentionPolicy, StoreAccess, StoreError};

/// For how long what was read is new enough.
const NEW: Duration = Duration::from_secs(5);

/// After this the store counts as one that can't be read.
const OLD: Duration = Duration::from_secs(30);

/// How long metrics wait for the store.
const WAIT: Duration = Duration::from_secs(1);

/// How long reading waits for a program that has the store locked.
const LOCKED: Duration = Duration::from_millis(500);

/// The store, which is read now and then.
#[derive(Clone)]
pub(super) struct StoreWatch(Arc<Inner>);

struct Inner {
    access: Mutex<StoreAccess>,
    path: PathBuf,
    is_being_read: AtomicBool,
    last: Mutex<Last>,
}

#[derive(Clone, Default)]
struct Last {
    facts: Option<Arc<Facts>>,
    /// When it was tried.
    tried: Option<Instant>,
    /// When that worked.
    read: Option<Instant>,
}

/// What was read.
#[derive(Default)]
pub(super) struct Facts {
    bytes: Option<u64>,
    free: Option<u64>,
    contents: Option<Contents>,
    retention: Option<RetentionPolicy>,
    lanes: Vec<(LaneState, Option<Timestamp>)>,
    origins: usize,
}

/// What is known of the store.
pub(super) struct Stored {
    facts: Option<Arc<Facts>>,
    is_readable: bool,
}

impl StoreWatch {
    pub(super) fn new(path: PathBuf) -> Self {
        let access = Mutex::new(StoreAccess::new_within(path.clone(), LOCKED));
        let (is_being_read, last) = (AtomicBool::new(false), Mutex::default());
        Self(Arc::new(Inner { access, path, is_being_read, last }))
    }

    /// What is known now; what is too old is read again first, if that doesn't take long.
    pub(super) async fn now(&self) -> Stored {
        let is_old = self.0.last().tried.is_none_or(|tried| tried.elapsed() >= NEW);
        if is_old && !self.0.is_being_read.swap(true, Ordering::AcqRel) {
            let inner = Arc::clone(&self.0);
            let _ = timeout(WAIT, spawn_blocking(move || inner.read())).await;
        }
        let last = self.0.last().clone();
        let is_readable = last.read.is_some_and(|read| read.elapsed() < OLD);
        Stored { facts: last.facts, is_readable }
    }
}

impl Inner {
    fn read(&self) {
        let read = self.try_read();
        let mut last = self.last();
        last.tried = Some(Instant::now());
        // What a store said that can't be read any more may no longer be true.
        last.read = last.tried.filter(|_| read.is_ok());
        last.facts = read.ok().map(Arc::new);
        drop(last);
        self.is_being_read.store(false, Ordering::Release);
    }

    fn try_read(&self) -> Result<Facts, StoreError> {
        let mut access = self.access.lock().unwrap_or_else(PoisonError::into_inner);
        let reader = access.store()?.reader;
        let mut lanes = Vec::new();
        for lane in reader.lanes()? {
            let oldest = if lane.lag > 0 { reader.waiting_since(&lane.name)? } else { None };
            lanes.push((lane, oldest));
        }
        Ok(Facts {
            bytes: reader.size(),
            free: statvfs(&self.path)
                .ok()
                .map(|disk| disk.blocks_available() * disk.fragment_size()),
            contents: reader.contents()?,
            retention: reader.retention()?,
            lanes,
            origins: reader.origins()?.len(),
        })
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stored {
    /// For how many seconds the oldest alert waits for a lane.
    pub(super) fn lag(&self, lane: &str) -> Option<f64> {
        let (_, oldest) = self.facts.as_ref()?.lanes.iter().find(|(it, _)| it.name == lane)?;
        Some(oldest.map_or(0.0, age))
    }

    pub(super) fn write(&self, to: &mut Exposition) {
        to.gauge("pigear_store_up", "1 if the store can be read.")
            .sample(&[], u8::from(self.is_readable));
        let Some(facts) = &self.facts else { return };
        facts.write(to);
        facts.write_lanes(to);
    }
}

impl Facts {
    fn write(&self, to: &mut Exposition) {
        to.gauge("pigear_store_size_bytes", "The size of the store's files.")
            .maybe(&[], self.bytes);
        to.gauge("pigear_store_free_bytes", "What is free on the store's disk.")
            .maybe(&[], self.free);
        let contents = self.contents.as_ref();
        to.gauge("pigear_store_alerts", "Stored alerts.")
            .sample(&[], contents.map_or(0, |it| it.alerts));
        let help = "Where stored alerts came from: sensors, sockets and processes, at most 1,000.";
        to.gauge("pigear_store_origins", help).sample(&[], self.origins);
        let time = |time: Timestamp| time.as_duration().as_secs_f64();
        to.gauge("pigear_store_first_timestamp_seconds", "The earliest packet's time.")
            .maybe(&[], contents.map(|it| time(it.first)));
        to.gauge("pigear_store_last_timestamp_seconds", "The latest packet's time.")
            .maybe(&[], contents.map(|it| time(it.last)));
        to.gauge("pigear_store_first_id", "The lowest number of a stored alert.")
            .maybe(&[], contents.map(|it| it.ids.0));
        to.gauge("pigear_store_last_id", "The highest number of a stored alert.")
            .maybe(&[], contents.map(|it| it.ids.1));
        let days = self.retention.and_then(|it| it.days);
        to.gauge("pigear_store_keep_seconds", "For how long alerts are kept (keep_days).")
            .maybe(&[], days.map(|days| u64::from(days) * 86_400));
        let bytes = self.retention.and_then(|it| it.bytes);
        to.gauge("pigear_store_keep_bytes", "How large the store may get (keep_bytes).")
            .maybe(&[], bytes.map(|bytes| bytes.as_u64()));
    }

    fn write_lanes(&self, to: &mut Exposition) {
        let each = |mut family: Family<'_>, value: fn(&LaneState) -> u64| {
            for (lane, _) in &self.lanes {
                family.sample(&[("lane", &lane.name)], value(lane));
            }
        };
        each(to.gauge("pigear_lane_waiting", "Stored alerts that wait for the lane."), |it| it.lag);
        each(to.gauge("pigear_lane_dead_letters", "Alerts that its receiver refused."), |it| {
            it.dead_letters
        });
        let help = "Dead letters that the retention removed.";
        each(to.counter("pigear_lane_removed_dead_letters", help), |it| it.removed_letters);
        each(to.counter("pigear_lane_handled", "Alerts handled, over all runs."), |it| {
            it.account.handled
        });
        each(to.counter("pigear_lane_dropped", "Alerts dropped, over all runs."), |it| {
            it.account.dropped
        });
        each(to.counter("pigear_lane_failed", "Alerts refused, over all runs."), |it| {
            it.account.failed
        });
        each(to.counter("pigear_lane_filtered", "Alerts filtered, over all runs."), |it| {
            it.account.filtered
        });
        each(to.counter("pigear_lane_muted", "Alerts muted, over all runs."), |it| {
            it.account.muted
        });
        let mut lag = to.gauge(
            "pigear_lane_lag_seconds",
            "For how long the oldest alert waits; 0 if none does.",
        );
        for (lane, oldest) in &self.lanes {
            lag.sample(&[("lane", &lane.name)], oldest.map_or(0.0, age));
        }
        let mut moved =
            to.gauge("pigear_lane_moved_timestamp_seconds", "When its position last moved.");
        for (lane, _) in &self.lanes {
            let at = lane.moved.map(|moved| moved.as_duration().as_secs_f64());
            moved.maybe(&[("lane", &lane.name)], at);
        }
    }
}

fn age(time: Timestamp) -> f64 {
    Timestamp::now().duration_since(time).as_secs_f64().max(0.0)
}
