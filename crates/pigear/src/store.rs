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

mod block_rows;
mod change;
mod check;
mod clock;
mod connect;
mod count;
mod criteria;
mod dead_letter;
mod digest;
mod durable_queue;
mod error;
mod file_id;
mod ids;
mod inode_lock;
mod interned;
mod lanes;
mod layout;
mod lock;
mod meta;
mod open;
mod progress;
mod reader;
mod record;
mod retention;
mod row;
mod schema;
mod search;
mod segment_index;
mod store_handler;
#[cfg(test)]
mod tests;
mod tidy;
mod unused;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::FairMutex;
use tracing::warn;

pub use crate::network::{Network, NotANetwork};
pub use count::{Count, CountBy};
pub use criteria::{Criteria, Test, moment};
pub use dead_letter::{DeadLetter, LetterContent, Redelivery, redeliver};
pub use durable_queue::DurableQueue;
pub use error::{StoreError, StoreProblem};
pub use lanes::{LaneState, drop_lane};
pub use reader::{Further, Reader};
pub use retention::{Retention, RetentionPolicy};
pub use row::Stored;
pub use store_handler::{StoreHandler, Unstorable};

use clock::Clock;
use progress::Progress;
use writer::Writer;

/// It is waited so long for whether a store is damaged. Then the check goes on in the background: as long
/// as nobody has Snort's socket, alerts are lost.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// How long removing waits for what is being written. Alerts don't take longer.
const LOCK_TIMEOUT: Duration = Duration::from_millis(250);

/// How long closing waits for what is being written.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

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

    /// Warns of lanes whose handler isn't configured any more, and that alerts are kept for.
    pub fn name_strays(&self, names: &[&str]) {
        let known = lanes::waiting(&self.0.writer.lock().connection);
        let strays = known.unwrap_or_default();
        for (stray, waiting) in strays.iter().filter(|(name, _)| !names.contains(&&**name)) {
            let path = self.path().display();
            warn!(
                "{path}: {waiting} alerts wait for the handler {stray}, which isn't configured; they \
                are delivered once it is again. If they are not needed: `pigear lanes --store {path} \
                drop {stray}`"
            );
        }
    }

    /// Removes what is not to be kept, in the background, until what this returns is dropped.
    ///
    /// # Errors
    /// If there can be no more threads.
    pub fn tidy(&self, policy: RetentionPolicy) -> Result<Retention, StoreError> {
        let store = self.clone();
        let work = move || match store.0.writer.try_lock_for(LOCK_TIMEOUT) {
            Some(mut writer) => writer.tidy(policy, Clock::now()),
            // The next time, then.
            None => Ok(Further::Enough),
        };
        Retention::start(self.path(), work)
            .map_err(|error| StoreProblem::from(error).at(self.path()))
    }

    /// How many dead letters were removed unread, since this was opened.
    #[must_use]
    pub fn removed_letters(&self) -> u64 {
        self.0.writer.lock().removed_letters
    }

    /// Ends in order: nothing need be checked at the next start. If something is still writing, that is not
    /// waited for, and the next start checks.
    pub fn close(&self) {
        if let Some(mut writer) = self.0.writer.try_lock_for(CLOSE_TIMEOUT) {
            writer.close();
        } else {
            warn!(
                "{}: it is still being written to, and is checked at the next start",
                self.path().display()
            );
        }
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Store").field(&self.0.path).finish()
    }
}
