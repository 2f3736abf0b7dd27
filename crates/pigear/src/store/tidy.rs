//! Applies the retention policy: what is removed, and in which order.
//!
//! The limit of bytes is for the whole file. Dead letters have at most a quarter of it, so that alerts
//! have the rest, however many a receiver refuses: the oldest are removed first. Signatures and origins
//! are removed when no alert and no dead letter uses them. Then the oldest blocks of alerts are removed
//! until the file is small enough.

use jiff::Timestamp;
use pigear_alert::plural;
use rusqlite::{Connection, OptionalExtension, params};
use tracing::{debug, error, warn};

use super::block_rows;
use super::clock::{Clock, ClockWatch};
use super::error::StoreProblem;
use super::lanes;
use super::layout::{BLOCK, SEGMENT_BLOCKS};
use super::meta;
use super::reader::Further;
use super::retention::{self, RetentionPolicy};
use super::segment_index;
use super::span::Span;
use super::triage;
use super::unused;
use super::writer::Writer;
use crate::visible::visible;

/// The most blocks removed in one transaction, while other writers wait.
const STEP: usize = 8;

/// The same for dead letters, signatures and origins.
const ROWS: usize = 256;

/// The part of the limit that dead letters may have.
const LETTERS_PART: i64 = 4;

/// The most pages freed in one transaction.
const PAGES: i64 = 64;

/// The most free pages that are kept for reuse.
const RESERVE: i64 = 128;

const DAY: i64 = 24 * 60 * 60;

impl RetentionPolicy {
    fn bytes(self) -> Option<i64> {
        self.bytes.map(|bytes| i64::try_from(bytes.as_u64()).unwrap_or(i64::MAX))
    }

    /// The most pages of the store.
    fn pages(self, connection: &Connection) -> Result<Option<i64>, StoreProblem> {
        let Some(bytes) = self.bytes() else { return Ok(None) };
        Ok(Some(bytes / number(connection, "page_size")?.max(1)))
    }

    /// How many free pages are kept.
    fn reserve(self, connection: &Connection) -> Result<i64, StoreProblem> {
        let pages = self.pages(connection)?;
        Ok(pages.map_or(RESERVE, |pages| (pages / 16).min(RESERVE)))
    }

    /// Alerts stored before this are too old.
    fn horizon(self, now: Clock) -> Option<i64> {
        self.days.map(|days| now.wall.saturating_sub(i64::from(days) * DAY))
    }
}

impl Writer {
    /// Does one step, and tells whether there is more to do.
    pub(super) fn tidy(
        &mut self,
        policy: RetentionPolicy,
        now: Clock,
    ) -> Result<Further, StoreProblem> {
        self.ready()?;
        if !self.is_sound()? {
            return Ok(Further::Enough);
        }
        self.note_policy(policy)?;
        let horizon = self.trusted_horizon(policy, now)?;
        if self.remove_letters_beyond(policy, horizon)? == Further::On
            || self.remove_unused()? == Further::On
        {
            return Ok(Further::On);
        }
        let (mut removed, mut first) = (0, None);
        while removed < STEP
            && let Some(block) = self.removable(policy, horizon, now)?
        {
            self.remove(block)?;
            first.get_or_insert(block);
            removed += 1;
        }
        if let Some(first) = first {
            self.say_removed_unread(first)?;
            debug!("removed {removed} blocks of alerts");
            return Ok(Further::On);
        }
        match give_back(&self.connection, policy.reserve(&self.connection)?)? {
            Further::On => Ok(Further::On),
            Further::Enough => self.backfill(),
        }
    }

    /// Notes the policy for those who read the store.
    fn note_policy(&mut self, policy: RetentionPolicy) -> Result<(), StoreProblem> {
        if self.noted_policy != Some(policy) {
            retention::note(&self.connection, policy)?;
            self.noted_policy = Some(policy);
        }
        Ok(())
    }

    /// Alerts stored before this are too old; none are while the clock can't be trusted.
    fn trusted_horizon(
        &mut self,
        policy: RetentionPolicy,
        now: Clock,
    ) -> Result<Option<i64>, StoreProblem> {
        let mut watch = match self.clock {
            Some(watch) => watch,
            None => ClockWatch::load(&self.connection, now)?,
        };
        if policy.trust_clock {
            watch.trust(now);
        }
        let horizon = policy.horizon(now);
        let expected = watch.expected(now);
        let was_said = watch.said;
        let due = |horizon| -> Result<bool, StoreProblem> {
            let (due, all) = self.due(horizon)?;
            if 2 * due > all && !was_said {
                self.say_jump(now, expected, due, all);
            }
            Ok(2 * due > all)
        };
        let is_right = watch.is_right(now, || horizon.map_or(Ok(false), due))?;
        watch.said = !is_right;
        if watch.is_to_be_noted(now) {
            let change = self.change()?;
            watch.note(&change, now)?;
            change.commit()?;
        }
        self.clock = Some(watch);
        Ok(horizon.filter(|_| is_right))
    }

    /// How many alerts are too old, and how many there are.
    fn due(&self, horizon: i64) -> rusqlite::Result<(i64, i64)> {
        let sums = "SELECT coalesce(sum(n) FILTER (WHERE stored < ?1), 0), coalesce(sum(n), 0) \
            FROM block";
        self.connection.query_row(sums, [horizon], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    fn say_jump(&self, now: Clock, expected: i64, due: i64, all: i64) {
        let time = |seconds| Timestamp::from_second(seconds).unwrap_or_default();
        error!(
            "{}: the clock says {}, but {} was expected; {due} of {} would be too old by it, so \
            nothing is removed by age. If the clock is right, start Pigear once with --trust-clock",
            self.path().display(),
            time(now.wall),
            time(expected),
            plural::count(all, "alert"),
        );
    }

    /// Removes the oldest dead letters, if they are too many or too old.
    fn remove_letters_beyond(
        &mut self,
        policy: RetentionPolicy,
        horizon: Option<i64>,
    ) -> Result<Further, StoreProblem> {
        let bytes = meta::number(&self.connection, "dead_letter_bytes")?.unwrap_or_default();
        let excess = policy.bytes().map_or(0, |limit| bytes - limit / LETTERS_PART);
        let letters = if excess > 0 {
            self.oldest_letters(excess)?
        } else if let Some(horizon) = horizon {
            // Those that are to be sent again are still needed.
            self.letters(
                "SELECT id, lane FROM dead_letter INDEXED BY dead_letter_by_time \
                WHERE NOT again AND refused < ?1 LIMIT ?2",
                horizon,
            )?
        } else {
            Vec::new()
        };
        if letters.is_empty() {
            return Ok(Further::Enough);
        }
        let change = self.change()?;
        for (id, lane) in &letters {
            change.prepare_cached("DELETE FROM dead_letter WHERE id = ?1")?.execute([id])?;
            change
                .prepare_cached(
                    "UPDATE lane SET removed_letters = removed_letters + 1 WHERE name = ?1",
                )?
                .execute([lane])?;
        }
        change.commit()?;
        self.say_removed_letters(letters.len() as u64);
        Ok(Further::On)
    }

    /// The oldest dead letters, with at least this many bytes in all. Those that are to be sent again come last.
    fn oldest_letters(&self, bytes: i64) -> rusqlite::Result<Vec<(i64, String)>> {
        const RESTING: &str = "SELECT id, lane, bytes FROM dead_letter INDEXED BY dead_letter_by_time \
            WHERE NOT again ORDER BY refused, id LIMIT ?1";
        const WANTED: &str =
            "SELECT id, lane, bytes FROM dead_letter WHERE again ORDER BY id LIMIT ?1";
        let (mut left, mut letters) = (bytes, Vec::new());
        for sql in [RESTING, WANTED] {
            let mut select = self.connection.prepare_cached(sql)?;
            let mut rows = select.query([ROWS - letters.len()])?;
            while left > 0
                && let Some(row) = rows.next()?
            {
                left -= row.get::<_, i64>(2)?;
                letters.push((row.get(0)?, row.get(1)?));
            }
        }
        Ok(letters)
    }

    fn letters(&self, sql: &str, horizon: i64) -> rusqlite::Result<Vec<(i64, String)>> {
        let mut select = self.connection.prepare_cached(sql)?;
        let letters =
            select.query_map(params![horizon, ROWS], |row| Ok((row.get(0)?, row.get(1)?)))?;
        letters.collect()
    }

    fn say_removed_letters(&mut self, letters: u64) {
        if let Some(count) = self.removed_letters.add(letters) {
            warn!(
                "{}: {} removed unread so far, the oldest first, since they were too many or too old",
                self.path().display(),
                plural::count(count, "dead letter")
            );
        }
    }

    /// Says how many alerts were removed, from this block on, that lanes did not get before.
    fn say_removed_unread(&mut self, first: i64) -> Result<(), StoreProblem> {
        let range = (first * BLOCK, self.oldest() * BLOCK - 1);
        for lane in lanes::rows(&self.connection)? {
            let unread = lane.unread_among(range);
            let path = self.path().to_owned();
            let removed = self.removed_unread.entry(lane.name.clone()).or_default();
            if let Some(count) = removed.add(unread) {
                warn!(
                    "{}: {} removed so far before handler {} got them, since the store was too large",
                    path.display(),
                    plural::count(count, "alert"),
                    visible(lane.name.as_bytes()),
                );
            }
        }
        Ok(())
    }

    /// Removes unused signatures and origins.
    fn remove_unused(&mut self) -> Result<Further, StoreProblem> {
        let oldest = self.oldest();
        let until = Span::new(self.last() / BLOCK, oldest).until;
        if !unused::is_any_unused(&self.connection, oldest)? {
            return Ok(Further::Enough);
        }
        let change = self.change()?;
        let removed = unused::remove_unused(&change, oldest, until, ROWS)?;
        change.commit()?;
        debug!("removed {} signatures and origins", removed.rows);
        Ok(if removed.more { Further::On } else { Further::Enough })
    }

    /// The oldest block, if it is to be removed. The current block never is.
    fn removable(
        &self,
        policy: RetentionPolicy,
        horizon: Option<i64>,
        now: Clock,
    ) -> Result<Option<i64>, StoreProblem> {
        let oldest = block_rows::oldest(&self.connection)?;
        let Some(block) = oldest.filter(|block| *block < self.last() / BLOCK) else {
            return Ok(None);
        };
        if self.is_too_much(policy)? {
            return Ok(Some(block));
        }
        let Some(horizon) = horizon else { return Ok(None) };
        let is_too_old = self.stored(now)?.is_some_and(|stored| stored < horizon);
        Ok(Some(block).filter(|_| is_too_old)).and_then(|block| match block {
            Some(block) if self.is_needed(block)? => Ok(None),
            block => Ok(block),
        })
    }

    /// When the oldest block was stored. If the clock was ahead at that time, this isn't known; the
    /// time of the next block is an upper limit.
    fn stored(&self, now: Clock) -> rusqlite::Result<Option<i64>> {
        self.connection
            .prepare_cached("SELECT stored FROM block WHERE stored <= ?1 ORDER BY id LIMIT 1")?
            .query_row([now.wall.saturating_add(DAY)], |row| row.get(0))
            .optional()
    }

    fn is_too_much(&self, policy: RetentionPolicy) -> Result<bool, StoreProblem> {
        let Some(limit) = policy.pages(&self.connection)? else { return Ok(false) };
        let pages = number(&self.connection, "page_count")?;
        let free = number(&self.connection, "freelist_count")?;
        Ok(pages - free + policy.reserve(&self.connection)? > limit)
    }

    /// Whether a lane has not settled all alerts of a block.
    fn is_needed(&self, block: i64) -> Result<bool, StoreProblem> {
        let (first, last) = (block * BLOCK, block * BLOCK + BLOCK - 1);
        let needed = self
            .connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM lane WHERE done < ?2 AND NOT EXISTS \
                (SELECT 1 FROM settled WHERE settled.lane = lane.name AND first <= max(done + 1, ?1) AND last >= ?2))",
            )?
            .query_row([first, last], |row| row.get(0))?;
        Ok(needed)
    }

    /// Removes a block, and its index entries.
    fn remove(&mut self, block: i64) -> Result<(), StoreProblem> {
        let change = self.change()?;
        change.execute(
            "DELETE FROM alert WHERE id BETWEEN ?1 AND ?2",
            [block * BLOCK, block * BLOCK + BLOCK - 1],
        )?;
        change.execute("DELETE FROM block WHERE id = ?1", [block])?;
        triage::forget(&change, block)?;
        lanes::set_removed(&change, block * BLOCK + BLOCK - 1)?;
        let segment = block / SEGMENT_BLOCKS;
        // A segment may end early: numbers go on in another where the file was moved away for a while.
        if block_rows::oldest(&change)?.is_none_or(|next| next / SEGMENT_BLOCKS > segment) {
            segment_index::forget(&change, segment)?;
        }
        change.commit()?;
        self.removed_before(block + 1);
        Ok(())
    }
}

/// Returns free pages to the file system, and tells whether there are more.
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
    // Only this shortens the file itself.
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
    Ok(Further::Enough)
}

fn number(connection: &Connection, pragma: &str) -> Result<i64, StoreProblem> {
    Ok(connection.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get(0))?)
}
