//! Opens the queue of a lane, and says to whom it delivers.

use pigear_pipeline::LaneSettings;
use tracing::warn;

use super::DurableQueue;
use super::lane_handle::LaneHandle;
use crate::config::Begin;
use crate::store::Store;
use crate::store::error::{StoreError, StoreProblem};
use crate::store::lanes;
use crate::store::progress::Bounds;
use crate::store::reader::Reader;
use crate::store::settled_ranges::SettledRanges;

impl Store {
    /// The queue of a durable lane, which is registered in the store. Alerts that can't be stored wait
    /// for it in memory, within the settings' limits.
    ///
    /// # Errors
    /// If the store can't be read or written.
    pub fn queue(
        &self,
        name: &str,
        begin: Begin,
        settings: LaneSettings,
        target: Option<&str>,
    ) -> Result<DurableQueue, StoreError> {
        let writer = self.0.writer.lock();
        let open = || -> Result<_, StoreProblem> {
            let opened = lanes::open(&writer.connection, name, begin, target)?;
            let marks = (opened.position.mark.done, writer.last());
            let ranges = SettledRanges::load(&writer.connection, name, marks, writer.file())?;
            Ok((opened, ranges))
        };
        let (opened, ranges) = open().map_err(|problem| problem.at(self.path()))?;
        drop(writer);
        if let Some(former) = &opened.former_target {
            self.say_other_target(name, former, target);
        }
        let bounds = Bounds { alerts: settings.max_alerts, bytes: settings.max_bytes };
        let reader = Reader::open(self.path())?;
        let number = self.0.progress.change(|state| state.add_lane(bounds));
        let lane = LaneHandle { store: self.clone(), name: name.to_owned(), number };
        Ok(DurableQueue::new(lane, opened, ranges, reader))
    }

    /// Another receiver is that of a lane's handler from now on.
    pub(in crate::store) fn set_target(
        &self,
        name: &str,
        target: Option<&str>,
    ) -> Result<(), StoreError> {
        let former = lanes::set_target(&self.0.writer.lock().connection, name, target);
        if let Some(former) = former.map_err(|error| StoreProblem::from(error).at(self.path()))? {
            self.say_other_target(name, &former, target);
        }
        Ok(())
    }

    /// Warns if waiting alerts were meant for another receiver.
    fn say_other_target(&self, name: &str, former: &str, target: Option<&str>) {
        let path = self.path().display();
        let target = target.unwrap_or("an unnamed receiver");
        warn!(
            "{path}: handler {name} delivered to {former} so far, and now delivers to {target}: what \
            waits for it, and its dead letters, go there; to keep them apart, give the new handler \
            another name"
        );
    }
}
