//! Lanes that come, go and change while a pipeline runs.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::{ChangeError, ChangedLane, LaneChange, LaneConfig, NewLane, Supervisor, spawn_lane};
use crate::lane::{self, Lane, LaneParts};

/// How long to wait for sources that give an alert to the last lanes.
const LAST_ALERTS_TIMEOUT: Duration = Duration::from_secs(1);

/// Waits until no source gives an alert to these lanes any more, so that those that go are closed behind it.
fn wait_for_sources(lanes: &Arc<[Arc<Lane>]>) {
    let begin = Instant::now();
    while Arc::strong_count(lanes) > 1 && begin.elapsed() < LAST_ALERTS_TIMEOUT {
        thread::sleep(Duration::from_micros(100));
    }
}

impl Supervisor {
    pub(super) fn change(&mut self, change: LaneChange) -> Result<(), ChangeError> {
        if self.is_ending {
            return Err(ChangeError::Ended);
        }
        let LaneChange { added, changed, removed } = change;
        let is_there = |name: &str| self.lanes.iter().any(|lane| lane.name() == name);
        let going = |name: &str| self.removed.has(name);
        if let Some(taken) = added.iter().find(|it| is_there(&it.name) || going(&it.name)) {
            return Err(ChangeError::Taken { name: taken.name.clone() });
        }
        if let Some(gone) = changed.iter().find(|it| !is_there(&it.name) || going(&it.name)) {
            return Err(ChangeError::Gone { name: gone.name.clone() });
        }
        for changed in changed {
            self.change_lane(changed);
        }
        let opened: Vec<_> = added.into_iter().map(|added| self.open(added)).collect();
        for name in &removed {
            self.stats.note_removed(name);
        }
        let removed = self.forget(&removed);
        let mut workers = Vec::new();
        let last = self.fanout.set_lanes(|received| {
            for worker in opened {
                let worker = worker.after(received);
                self.lanes.push(Arc::clone(worker.lane()));
                workers.push(worker);
            }
            let going = |lane: &Arc<Lane>| removed.iter().any(|it| Arc::ptr_eq(it, lane));
            let lanes = self.lanes.iter().filter(|lane| lane.is_pushed_to() && !going(lane));
            lanes.cloned().collect()
        });
        wait_for_sources(&last);
        let by = Instant::now() + self.drain;
        for lane in removed {
            lane.remove_by(by);
        }
        let mut result = Ok(());
        for worker in workers {
            let name = worker.lane().name().to_owned();
            if let Err(error) = spawn_lane(worker, self.on_error, self.events.clone()) {
                self.lanes.retain(|lane| lane.name() != name);
                result = Err(ChangeError::Thread(error));
            }
        }
        result
    }

    fn change_lane(&mut self, changed: ChangedLane) {
        let ChangedLane { name, handler, filters, settings } = changed;
        if let Some(lane) = self.lanes.iter_mut().find(|lane| lane.name() == name) {
            *lane = lane.renew(handler, filters, settings);
        }
    }

    fn open(&self, added: NewLane) -> lane::Worker {
        let NewLane { name, handler, config: LaneConfig { settings, filters, queue } } = added;
        let parts = LaneParts { settings, filters, queue };
        let stats = Arc::clone(&self.stats);
        let worker = lane::open(parts, handler, |account| stats.put_lane(&name, account));
        if let Some(place) = self.sources_resume {
            worker.lane().set_sources_resume(place);
        }
        worker.knowing(stats)
    }

    /// The lanes of these names, which get no more alerts.
    fn forget(&self, names: &[String]) -> Vec<Arc<Lane>> {
        let is_meant = |lane: &&Arc<Lane>| names.iter().any(|name| lane.name() == name);
        let removed: Vec<_> = self.lanes.iter().filter(is_meant).cloned().collect();
        self.removed.add(removed.iter().map(|lane| lane.name().to_owned()));
        removed
    }
}
