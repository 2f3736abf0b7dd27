//! The store: every alert, kept in a file.
//!
//! It is at once the archive, what `pigear query` reads, and the queue of every durable lane, which is
//! no more than a mark in it. One process writes alerts, on one lane, in transactions of at most 2,000
//! or 50 ms; any number may read meanwhile.
//!
//! What holds, whatever happens:
//!
//! * An alert that is read is in every format as it was when it was received: the names that belonged
//!   to it are kept with it.
//! * After a crash the store is what the last transaction left. No repair is needed.
//! * A mark moves only once the handler is done with the alerts before it. So a lane hands on each
//!   alert at least once, in order.
//! * No number is given to two alerts.
//!
//! ```no_run
//! use pigear::store::{Criteria, Further, Reader};
//!
//! let mut criteria = Criteria::default();
//! criteria.sid = vec![384];
//! Reader::open("/var/lib/pigear/alerts.db".as_ref())?.newest(&criteria, |stored| {
//!     println!("{} {}", stored.id, stored.alert.timestamp());
//!     Further::On
//! })?;
//! # Ok::<(), pigear::store::StoreError>(())
//! ```

mod check;
mod count;
mod criteria;
mod dead_letter;
mod error;
mod interned;
mod journal;
mod lanes;
mod lock;
mod open;
mod progress;
mod reader;
mod record;
mod retention;
mod schema;
mod search;
mod segment_index;
mod store_handler;
#[cfg(test)]
mod tests;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::FairMutex;
use pigear_pipeline::LaneSettings;
use tracing::warn;

pub use crate::network::{Network, NotANetwork};
pub use count::{Count, CountBy};
pub use criteria::{Criteria, Test, moment};
pub use dead_letter::{DeadLetter, redeliver};
pub use error::{StoreError, StoreProblem};
pub use journal::LaneJournal;
pub use lanes::{LaneState, drop_lane};
pub use reader::{Further, Reader, Stored};
pub use retention::{Retention, RetentionPolicy};
pub use store_handler::StoreHandler;

use crate::config::Begin;
use progress::{Bounds, Progress};
use writer::Writer;

/// It is waited so long for whether a store is damaged. Then the check goes on in the background: as long
/// as nobody has Snort's socket, alerts are lost.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// A store that is written to. Clones share it.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    path: PathBuf,
    writer: FairMutex<Writer>,
    progress: Progress,
}

impl Store {
    /// Opens a store to write to it, or creates one where there is nothing. If it was not left in order
    /// it is checked for damage; where that takes long, it goes on in the background.
    ///
    /// # Errors
    /// If somebody else writes to it, it isn't a store, is damaged, was written by a later Pigear, or
    /// can't be written. It is left as it is then.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_within(path, Some(CHECK_TIMEOUT))
    }

    fn open_within(path: &Path, check_timeout: Option<Duration>) -> Result<Self, StoreError> {
        let writer =
            Writer::open(path.to_owned(), check_timeout).map_err(|problem| problem.at(path))?;
        let progress = Progress::default();
        progress.change(|state| state.last = writer.last());
        let writer = FairMutex::new(writer);
        Ok(Self(Arc::new(Inner { path: path.to_owned(), writer, progress })))
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// The handler that stores alerts.
    #[must_use]
    pub fn handler(&self) -> StoreHandler {
        StoreHandler::new(self.clone())
    }

    /// The alerts of a durable lane, which the store knows from now on. What can't be stored waits for
    /// it in memory, within the settings' bounds.
    ///
    /// # Errors
    /// If the store can't be read or written.
    pub fn journal(
        &self,
        name: &str,
        begin: Begin,
        settings: LaneSettings,
    ) -> Result<LaneJournal, StoreError> {
        let mark = lanes::mark(&self.0.writer.lock().connection, name, begin);
        let mark = mark.map_err(|problem| problem.at(self.path()))?;
        let bounds = Bounds { alerts: settings.max_alerts, bytes: settings.max_bytes };
        let reader = Reader::open(self.path())?;
        Ok(LaneJournal::new(self.clone(), name, mark, bounds, reader))
    }

    /// Warns of lanes that nobody reads any more, and that alerts are kept for.
    pub fn name_strays(&self, names: &[&str]) {
        let known = lanes::names(&self.0.writer.lock().connection);
        for stray in known.unwrap_or_default() {
            if !names.contains(&&*stray) {
                warn!(
                    "{}: no handler {stray} is configured any more, but alerts are kept for it; \
                    `pigear lanes drop {stray}` ends that",
                    self.path().display()
                );
            }
        }
    }

    /// Removes what is not to be kept, in the background, until what this returns is dropped.
    ///
    /// # Errors
    /// If there can be no more threads.
    pub fn tidy(&self, policy: RetentionPolicy) -> Result<Retention, StoreError> {
        Retention::start(self.clone(), policy)
            .map_err(|error| StoreProblem::from(error).at(self.path()))
    }

    /// Ends in order: nothing need be checked at the next start.
    pub fn close(&self) {
        self.0.writer.lock().close();
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Store").field(&self.0.path).finish()
    }
}
