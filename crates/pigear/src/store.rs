//! The store: every alert, in a file.
//!
//! It is the archive, the database of `pigear query`, and the queue of every durable lane, which is only
//! a position in it. One process writes alerts, on one lane, in transactions of at most 2,000 alerts or
//! 50 ms; any number of processes may read meanwhile.
//!
//! Invariants:
//!
//! * A stored alert looks in every format as it did when it was received: its names at that time are
//!   stored with it.
//! * After a crash the store has the state of the last transaction. No repair is needed.
//! * An alert is settled for a lane once the handler is done with it: the lane's mark is before the first
//!   that isn't, and behind it are ranges of those that are. So a lane delivers each alert at least once.
//! * No id is used for two alerts.
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

mod access;
mod arrivals;
mod backfill;
mod block_rows;
mod change;
mod check;
mod chunk_reader;
mod clock;
mod connect;
mod contents;
mod count;
mod criteria;
mod damage;
mod dead_letter;
mod digest;
mod durable_queue;
mod empty;
mod error;
mod file_id;
mod filter_failures;
mod free_space;
mod id_hash;
mod identity;
mod ids;
mod inode_lock;
#[cfg(feature = "command")]
mod inspection;
mod interned;
mod is_stored;
mod kind;
mod lanes;
mod layout;
mod lock;
mod meta;
mod moment;
mod moving;
mod narrowing;
mod open;
mod opener;
mod origins;
mod part;
#[cfg(any(feature = "kafka", feature = "nats"))]
mod places;
mod priority;
mod progress;
mod reader;
mod recent_sends;
mod record;
mod retention;
mod row;
mod row_range;
mod scan;
mod schema;
mod search;
mod segment_index;
mod selection;
mod settled_ranges;
mod size;
mod span;
mod store_handler;
#[cfg(test)]
mod tests;
mod tidy;
#[cfg(any(feature = "top", feature = "web"))]
mod tip;
mod triage;
mod unused;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::FairMutex;
use tracing::warn;

pub use crate::network::{Network, NotANetwork};
pub use access::{AccessedStore, StoreAccess};
pub use arrivals::Timeline;
pub use contents::{Contents, Unmet};
pub use count::{Count, CountBy, Point, Series};
pub use criteria::{Criteria, NO_CLASS, Test};
pub use dead_letter::{DeadLetter, LetterContent, Redelivery, Resent, redeliver};
pub use durable_queue::DurableQueue;
pub use error::{StoreError, StoreProblem};
pub use filter_failures::FilterFailure;
pub use identity::{NotAnIdentity, StoreIdentity};
#[cfg(feature = "command")]
pub(crate) use inspection::{Inspection, kind_without_trace};
#[cfg(feature = "command")]
pub(crate) use kind::FileKind;
pub(crate) use lanes::Left;
pub use lanes::{DroppedLane, LaneState, drop_lane};
#[cfg(feature = "command")]
pub(crate) use layout::VERSION;
pub use moment::moment;
#[cfg(feature = "command")]
pub(crate) use moving::{copying_line, moving_line};
#[cfg(feature = "script")]
pub(crate) use narrowing::{IndexedNumber, Narrowing, NativeCondition, SignatureTest};
pub use opener::{DurableLane, OpeningHandler, PendingQueue, StoreOpener, WhenDiskFull};
pub use origins::StoredOrigin;
#[cfg(feature = "command")]
pub(crate) use priority::priority_with_word;
pub use reader::{Further, Reader};
pub use retention::{Retention, RetentionPolicy};
pub use row::Stored;
pub use selection::{RuleId, Selection, SelectionProblem};
pub use store_handler::{StoreHandler, Unstorable};
#[cfg(any(feature = "top", feature = "web"))]
pub(crate) use tip::Tip;
#[cfg(any(feature = "top", feature = "web"))]
pub(crate) use triage::Marks;
pub use triage::{
    AlertSet, AppliedRules, MarkKind, PastAction, TriageAction, TriageRule, TriageWriter,
};

#[cfg(feature = "web")]
pub(crate) use count::PriorityCounts;
#[cfg(feature = "nats")]
pub(crate) use interned::{Provenance, Signature};
#[cfg(feature = "nats")]
pub(crate) use record::{decode_into as decode_record, encode as encode_record, varint};

#[cfg(all(test, any(feature = "nats", feature = "web")))]
pub(crate) use tests::all_alerts as test_alerts;

use clock::Clock;
use progress::Progress;
use writer::Writer;

/// How long opening waits for the check for damage. Then the check continues in the background: while
/// Snort's socket is not bound, alerts are lost.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// How long removing waits for what is being written. Alerts don't take longer.
const LOCK_TIMEOUT: Duration = Duration::from_millis(250);

/// How long closing waits for what is being written.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// A store that is open for writing. Clones share it.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    path: PathBuf,
    writer: FairMutex<Writer>,
    progress: Progress,
}

impl Store {
    /// Opens a store for writing, or creates it if there is none. If it was not closed cleanly it is checked
    /// for damage; a long check continues in the background.
    ///
    /// # Errors
    /// If another process writes to it, or it is not a store, is damaged, has a newer version, or can't be
    /// written. The file is not changed then.
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

    /// The path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Warns of lanes with waiting alerts whose handler isn't configured any more.
    pub fn name_strays(&self, names: &[&str]) {
        let known = lanes::waiting(&self.0.writer.lock().connection);
        let strays = known.unwrap_or_default();
        for (stray, waiting) in strays {
            if waiting > 0 && !names.contains(&&*stray) {
                self.name_stray(&stray, waiting);
            }
        }
    }

    /// Warns that alerts wait for a handler from now on which a reload removed.
    pub(crate) fn name_removed(&self, name: &str) {
        let known = lanes::waiting(&self.0.writer.lock().connection).unwrap_or_default();
        if let Some((stray, waiting)) = known.into_iter().find(|(known, _)| known == name) {
            self.name_stray(&stray, waiting);
        }
    }

    fn name_stray(&self, stray: &str, waiting: u64) {
        let (alerts, are, they) = match waiting {
            0 => ("from now on alerts wait".to_owned(), "are", "they"),
            1 => ("1 alert waits".to_owned(), "is", "it"),
            _ => (format!("{waiting} alerts wait"), "are", "they"),
        };
        let path = self.path().display();
        warn!(
            "{path}: {alerts} for the handler {stray}, which isn't configured; {they} {are} delivered once it \
            is again. If {they} {are} not needed: `pigear lanes drop {stray} --store {path}`"
        );
    }

    /// Notes which lanes were dropped, of those whose handlers were removed.
    fn note_dropped_lanes(&self, writer: &Writer) -> Result<(), StoreProblem> {
        let left = self.0.progress.state().left();
        for (number, name) in left {
            if !lanes::is_there(&writer.connection, &name)? {
                self.0.progress.change(|state| state.drop_lane(number));
            }
        }
        Ok(())
    }

    /// Applies the retention policy in the background, until the result is dropped.
    ///
    /// # Errors
    /// If the system allows no more threads.
    pub fn tidy(&self, policy: RetentionPolicy) -> Result<Retention, StoreError> {
        let store = self.clone();
        let what = if policy.has_limits() { "remove old alerts" } else { "maintain the store" };
        let work = move || match store.0.writer.try_lock_for(LOCK_TIMEOUT) {
            Some(mut writer) => {
                store.note_dropped_lanes(&writer)?;
                writer.tidy(policy, Clock::now())
            }
            // The next time, then.
            None => Ok(Further::Enough),
        };
        Retention::start(self.path(), what, work)
            .map_err(|error| StoreProblem::from(error).at(self.path()))
    }

    /// How many dead letters were removed unread since the store was opened.
    #[must_use]
    pub fn removed_letters(&self) -> u64 {
        self.0.writer.lock().removed_letters.get()
    }

    /// Closes the store cleanly, so that the next start need not check it. If a write is in progress, it
    /// is not waited for, and the next start checks.
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
