//! Opens the store and its lanes: at the start, or as soon as the disk has room for that.
//!
//! A full disk need not keep Pigear from receiving. Until the store can be opened, alerts wait in the
//! memory queue of the [`OpeningHandler`], within its limits, and the durable lanes wait for the store.

mod durable_lane;
mod opening_handler;
mod pending_queue;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::error::{StoreError, StoreProblem};
use super::lanes::Left;
use super::retention::{Retention, RetentionPolicy};
use super::{Store, free_space};

pub use durable_lane::DurableLane;
pub use opening_handler::OpeningHandler;
pub use pending_queue::PendingQueue;

/// What happens if the disk is full when the store is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenDiskFull {
    /// Opening fails.
    Fail,
    /// The store is opened later.
    OpenLater,
}

/// Opens the store and its lanes. Clones share it.
#[derive(Clone)]
pub struct StoreOpener(Arc<Inner>);

struct Inner {
    path: PathBuf,
    when_full: WhenDiskFull,
    store: OnceLock<Store>,
    lanes: Mutex<Vec<Arc<PendingQueue>>>,
    retention: Mutex<RetentionState>,
}

#[derive(Default)]
struct RetentionState {
    /// What is kept, once that was said.
    policy: Option<RetentionPolicy>,
    running: Option<Retention>,
}

impl StoreOpener {
    /// Opens a store; see [`Store::open`].
    ///
    /// # Errors
    /// If it can't be opened. If the disk is full, only with [`WhenDiskFull::Fail`].
    pub fn open(path: &Path, when_full: WhenDiskFull) -> Result<Self, StoreError> {
        let opener = Self(Arc::new(Inner {
            path: path.to_owned(),
            when_full,
            store: OnceLock::new(),
            lanes: Mutex::default(),
            retention: Mutex::default(),
        }));
        let opened = opener.store().map(drop);
        opener.unless_full(opened)?;
        Ok(opener)
    }

    /// The path of the store.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// The queue of a durable lane; see [`Store::queue`].
    ///
    /// # Errors
    /// If the store can't be read or written. If the disk is full, only with [`WhenDiskFull::Fail`].
    pub fn queue(&self, lane: DurableLane) -> Result<Arc<PendingQueue>, StoreError> {
        let queue = Arc::new(PendingQueue::new(lane));
        if let Some(store) = self.0.store.get() {
            self.unless_full(queue.open(store))?;
        }
        self.lanes().push(Arc::clone(&queue));
        Ok(queue)
    }

    /// A lane goes while Pigear runs.
    pub(crate) fn leave(&self, name: &str, left: Left) {
        self.lanes().retain(|lane| {
            let is_it = lane.name() == name;
            if is_it {
                lane.leave(left);
            }
            !is_it
        });
    }

    /// Another receiver is that of a lane's handler from now on.
    ///
    /// # Errors
    /// If the store can't be written.
    pub(crate) fn set_target(&self, name: &str, target: Option<&str>) -> Result<(), StoreError> {
        self.0.store.get().map_or(Ok(()), |store| store.set_target(name, target))
    }

    /// Keeps bytes that a source got and can't decode, as a dead letter of the source.
    ///
    /// # Errors
    /// If the store can't be opened or written.
    #[cfg(feature = "nats")]
    pub(crate) fn keep_undecoded(
        &self,
        source: &str,
        data: &[u8],
        reason: &str,
    ) -> Result<(), StoreError> {
        let kept = self.store()?.0.writer.lock().keep_undecoded(source, data, reason);
        kept.map_err(|problem| problem.at(self.path()))
    }

    /// How far a source has read, by a name of the source's.
    ///
    /// # Errors
    /// If the store can't be opened or read.
    #[cfg(any(feature = "kafka", feature = "nats"))]
    pub(crate) fn place(&self, name: &str) -> Result<Option<i64>, StoreError> {
        let place = self.store()?.0.writer.lock().place(name);
        place.map_err(|problem| problem.at(self.path()))
    }

    /// Saves how far a source has read.
    ///
    /// # Errors
    /// If the store can't be opened or written.
    #[cfg(any(feature = "kafka", feature = "nats"))]
    pub(crate) fn save_places(&self, places: &[(String, i64)]) -> Result<(), StoreError> {
        let saved = self.store()?.0.writer.lock().save_places(places);
        saved.map_err(|problem| problem.at(self.path()))
    }

    /// All lanes are registered: starts to apply the retention policy, once everything is open. One that is applied
    /// already is replaced.
    ///
    /// # Errors
    /// If the store can't be opened or maintained.
    pub fn start(&self, policy: RetentionPolicy) -> Result<(), StoreError> {
        let mut retention = self.retention();
        if retention.running.is_some() {
            let next = self.store()?.tidy(policy)?;
            retention.policy = Some(policy);
            drop(retention.running.replace(next));
            return Ok(());
        }
        retention.policy = Some(policy);
        drop(retention);
        let opened = self.open_rest();
        self.unless_full(opened)
    }

    /// Opens what is not open yet.
    fn open_rest(&self) -> Result<(), StoreError> {
        let store = self.store()?;
        for lane in self.lanes().iter() {
            lane.open(store)?;
        }
        let mut retention = self.retention();
        if let Some(policy) = retention.policy
            && retention.running.is_none()
        {
            let lanes = self.lanes();
            store.name_strays(&lanes.iter().map(|lane| lane.name()).collect::<Vec<_>>());
            retention.running = Some(store.tidy(policy)?);
        }
        Ok(())
    }

    /// The store, which is opened if it isn't open yet.
    fn store(&self) -> Result<&Store, StoreError> {
        if let Some(store) = self.0.store.get() {
            return Ok(store);
        }
        let store = Store::open(self.path()).map_err(full_if_no_room)?;
        Ok(self.0.store.get_or_init(|| store))
    }

    fn unless_full(&self, opened: Result<(), StoreError>) -> Result<(), StoreError> {
        let opened = opened.map_err(full_if_no_room);
        match (&opened, self.0.when_full) {
            (Err(StoreError { source: StoreProblem::Full, .. }), WhenDiskFull::OpenLater) => Ok(()),
            _ => opened,
        }
    }

    /// The store can't be opened any more in this run.
    fn give_up(&self) {
        self.lanes().iter().for_each(|lane| lane.give_up());
    }

    /// Closes the store; see [`Store::close`].
    pub fn close(&self) {
        drop(self.retention().running.take());
        if let Some(store) = self.0.store.get() {
            store.close();
        }
    }

    fn lanes(&self) -> MutexGuard<'_, Vec<Arc<PendingQueue>>> {
        self.0.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn retention(&self) -> MutexGuard<'_, RetentionState> {
        self.0.retention.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// On a full disk the database may not say that this is the reason: its files are there, but empty.
fn full_if_no_room(error: StoreError) -> StoreError {
    let is_vague = matches!(error.source, StoreProblem::Database(_) | StoreProblem::Io(_));
    if is_vague && free_space::is_used_up(&error.path) {
        return StoreProblem::Full.at(error.path);
    }
    error
}
