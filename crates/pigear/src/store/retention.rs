//! Removing what is too old or too much, a little at a time.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytesize::ByteSize;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};
use tracing::{debug, error};

use super::Store;
use super::error::StoreProblem;
use super::reader::Further;
use super::schema::{BLOCK, SEGMENT_BLOCKS};
use super::segment_index;
use super::writer::Writer;

/// How often it is looked whether there is something to remove.
const TICK: Duration = Duration::from_secs(1);

/// So many blocks are removed in one go, while others wait to write.
const STEP: usize = 8;

/// So many pages are given back in one go.
const PAGES: i64 = 64;

/// As many free pages are kept at most, since they will be needed soon.
const RESERVE: i64 = 128;

const DAY: i64 = 24 * 60 * 60;

/// What is kept of the alerts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// Alerts that were received within so many days.
    pub days: Option<u32>,
    /// As many alerts as go into a file of this size.
    pub bytes: Option<ByteSize>,
}

impl RetentionPolicy {
    /// How many pages the store may have.
    fn pages(self, connection: &Connection) -> Result<Option<i64>, StoreProblem> {
        let Some(bytes) = self.bytes else { return Ok(None) };
        let bytes = i64::try_from(bytes.as_u64()).unwrap_or(i64::MAX);
        Ok(Some(bytes / number(connection, "page_size")?.max(1)))
    }

    /// How many free pages are kept.
    fn reserve(self, connection: &Connection) -> Result<i64, StoreProblem> {
        let pages = self.pages(connection)?;
        Ok(pages.map_or(RESERVE, |pages| (pages / 16).min(RESERVE)))
    }
}

/// Why a block may be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    TooOld,
    /// Even if somebody still needs it.
    TooMuch,
}

/// Removes on a thread of its own, until this is dropped.
pub struct Retention {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Retention {
    pub(super) fn start(store: Store, policy: RetentionPolicy) -> std::io::Result<Self> {
        let (end, ended) = channel();
        let work = move || {
            let mut failures = 0_u32;
            while ended.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                loop {
                    match store.0.writer.lock().tidy(policy) {
                        Ok(Further::On) => {}
                        Ok(Further::Enough) => break failures = 0,
                        Err(problem) => {
                            failures += 1;
                            if failures.is_power_of_two() {
                                let path = store.path().display();
                                error!("{path}: cannot remove old alerts: {problem}");
                            }
                            break;
                        }
                    }
                    if ended.try_recv() != Err(std::sync::mpsc::TryRecvError::Empty) {
                        return;
                    }
                }
            }
        };
        let thread = thread::Builder::new().name("retention".to_owned()).spawn(work)?;
        Ok(Self { end: Some(end), thread: Some(thread) })
    }
}

impl Drop for Retention {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // A panic of its was already reported.
            let _ = thread.join();
        }
    }
}

impl Writer {
    /// Does a little of what is to be done, and says whether there is more.
    pub(super) fn tidy(&mut self, policy: RetentionPolicy) -> Result<Further, StoreProblem> {
        if !self.is_sound()? {
            return Ok(Further::Enough);
        }
        let mut removed = 0;
        while removed < STEP
            && let Some(block) = self.removable(policy, Timestamp::now().as_second())?
        {
            self.remove(block)?;
            removed += 1;
        }
        if removed > 0 {
            debug!("removed {removed} blocks of alerts");
            return Ok(Further::On);
        }
        give_back(&self.connection, policy.reserve(&self.connection)?)
    }

    /// The oldest block, if it is to be removed. Never that which is being filled.
    fn removable(&self, policy: RetentionPolicy, now: i64) -> Result<Option<i64>, StoreProblem> {
        let oldest: Option<(i64, i64)> = self
            .connection
            .prepare_cached("SELECT id, received FROM block ORDER BY id LIMIT 1")?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((block, received)) = oldest.filter(|(block, _)| *block < self.last() / BLOCK)
        else {
            return Ok(None);
        };
        let why = if self.is_too_much(policy)? {
            Why::TooMuch
        } else if policy.days.is_some_and(|days| received < now - i64::from(days) * DAY) {
            Why::TooOld
        } else {
            return Ok(None);
        };
        let needed = why == Why::TooOld && self.is_needed(block)?;
        Ok(Some(block).filter(|_| !needed))
    }

    fn is_too_much(&self, policy: RetentionPolicy) -> Result<bool, StoreProblem> {
        let Some(limit) = policy.pages(&self.connection)? else { return Ok(false) };
        let pages = number(&self.connection, "page_count")?;
        let free = number(&self.connection, "freelist_count")?;
        Ok(pages - free + policy.reserve(&self.connection)? > limit)
    }

    /// Whether a lane isn't done with a block.
    fn is_needed(&self, block: i64) -> Result<bool, StoreProblem> {
        let last = block * BLOCK + BLOCK - 1;
        let needed = self
            .connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM lane WHERE done < ?1)")?
            .query_row([last], |row| row.get(0))?;
        Ok(needed)
    }

    /// Removes a block, and what is indexed of it.
    fn remove(&mut self, block: i64) -> Result<(), StoreProblem> {
        let (change, _) = self.change()?;
        change.execute(
            "DELETE FROM alert WHERE id BETWEEN ?1 AND ?2",
            [block * BLOCK, block * BLOCK + BLOCK - 1],
        )?;
        change.execute("DELETE FROM block WHERE id = ?1", [block])?;
        if (block + 1) % SEGMENT_BLOCKS == 0 {
            segment_index::forget(&change, block / SEGMENT_BLOCKS)?;
        }
        change.commit()?;
        Ok(())
    }
}

/// Gives free pages back to the file system, and says whether there are more.
fn give_back(connection: &Connection, reserve: i64) -> Result<Further, StoreProblem> {
    let spare = |connection| -> Result<i64, StoreProblem> {
        Ok(number(connection, "freelist_count")? - reserve)
    };
    let pages = spare(connection)?;
    if pages <= 0 {
        return Ok(Further::Enough);
    }
    let mut vacuum =
        connection.prepare(&format!("PRAGMA incremental_vacuum({})", pages.min(PAGES)))?;
    let mut rows = vacuum.query([])?;
    while rows.next()?.is_some() {}
    drop(rows);
    if spare(connection)? > 0 {
        return Ok(Further::On);
    }
    // Only then is the file itself shorter.
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
    Ok(Further::Enough)
}

fn number(connection: &Connection, pragma: &str) -> Result<i64, StoreProblem> {
    Ok(connection.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get(0))?)
}
