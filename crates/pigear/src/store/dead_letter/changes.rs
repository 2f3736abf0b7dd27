//! Changes of dead letters, which are written together with a lane's mark.

use std::num::NonZeroU64;

use jiff::Timestamp;
use rusqlite::params;

use super::Refusal;
use crate::store::change::Change;
use crate::store::error::StoreProblem;
use crate::store::file_id::FileId;
use crate::store::lanes::{self, Position};
use crate::store::record;
use crate::store::row::DamagedRow;
use crate::store::settled_ranges::SettledRanges;
use crate::store::span::Span;
use crate::store::writer::Writer;

/// What of a dead letter's room is not its record: the row, what is indexed of it, and its origin.
const OVERHEAD: usize = 200;

/// What is to be changed about a lane's dead letters.
#[derive(Debug, Default)]
pub(in crate::store) struct LetterChanges {
    /// What was refused, and is no dead letter yet.
    pub(in crate::store) refused: Vec<Refusal>,
    /// What is stored but can't be decoded.
    pub(in crate::store) damaged: Vec<DamagedRow>,
    /// What became of dead letters that were sent again.
    pub(in crate::store) sent: Vec<(i64, Fate)>,
    /// The file that these are in.
    pub(in crate::store) file: Option<FileId>,
}

/// What became of a dead letter that was sent again.
#[derive(Clone, Debug)]
pub(in crate::store) enum Fate {
    Taken,
    Refused(Refusal),
    /// It could not be sent, for this reason: its alert can't be decoded.
    Damaged(String),
}

impl LetterChanges {
    pub(in crate::store) fn len(&self) -> usize {
        self.refused.len() + self.damaged.len() + self.sent.len()
    }

    pub(in crate::store) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there are dead letters that were sent again.
    pub(in crate::store) fn has_letters(&self) -> bool {
        !self.sent.is_empty()
    }
}

impl From<Vec<Refusal>> for LetterChanges {
    fn from(refused: Vec<Refusal>) -> Self {
        Self { refused, ..Self::default() }
    }
}

impl Writer {
    /// Writes where a lane is, what it settled behind that, and what changes about its dead letters: all or
    /// nothing. Returns the file that this is in.
    pub(in crate::store) fn note(
        &mut self,
        lane: &str,
        position: Position,
        settled: &SettledRanges,
        letters: &LetterChanges,
    ) -> Result<FileId, StoreProblem> {
        self.ready()?;
        let (span, file) = (self.span(), self.file());
        // In another file the same number is another letter.
        let is_same_file = letters.file == Some(file);
        let mut change = self.change()?;
        for refusal in &letters.refused {
            refuse(&mut change, lane, span, refusal)?;
        }
        for row in &letters.damaged {
            set_aside(&change, lane, row)?;
        }
        for (id, fate) in &letters.sent {
            match fate {
                Fate::Taken if is_same_file => remove(&change, *id)?,
                Fate::Refused(refusal) if is_same_file => refuse_again(&change, *id, refusal)?,
                Fate::Refused(refusal) => refuse(&mut change, lane, span, refusal)?,
                Fate::Damaged(reason) if is_same_file => found_damaged(&change, *id, reason)?,
                Fate::Taken | Fate::Damaged(_) => {}
            }
        }
        let is_new = lanes::put_position(&change, lane, position)?;
        settled.write(&change, lane, file, is_new)?;
        change.commit()?;
        Ok(file)
    }

    /// Keeps bytes that a source can't decode as a dead letter.
    #[cfg(feature = "nats")]
    pub(in crate::store) fn keep_undecoded(
        &mut self,
        source: &str,
        data: &[u8],
        reason: &str,
    ) -> Result<(), StoreProblem> {
        let change = self.change()?;
        keep_undecoded(&change, source, data, reason)?;
        change.commit()?;
        Ok(())
    }

    /// Writes when a lane sent its last messages.
    pub(in crate::store) fn note_sends(
        &mut self,
        lane: &str,
        sends: &str,
    ) -> Result<(), StoreProblem> {
        let change = self.change()?;
        lanes::put_sends(&change, lane, sends)?;
        change.commit()?;
        Ok(())
    }
}

/// Makes a dead letter of what was refused.
fn refuse(
    change: &mut Change<'_>,
    lane: &str,
    span: Span,
    refusal: &Refusal,
) -> rusqlite::Result<()> {
    let Refusal { alert, reason } = refusal;
    let count = alert.count.map_or(1, NonZeroU64::get);
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let (signature, origin) = change.intern(alert, span)?;
    let mut data = Vec::new();
    record::encode(alert, &mut data);
    let message = 2 * alert.message.msg.len();
    let bytes = OVERHEAD + data.len() + reason.len() + lane.len() + message;
    change
        .prepare_cached(
            "INSERT INTO dead_letter \
            (lane, alert, refused, reason, signature, origin, data, count, bytes) \
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            lane,
            alert.store_id.unwrap_or_default(),
            now(),
            &**reason,
            signature,
            origin,
            data,
            count,
            bytes
        ])?;
    Ok(())
}

/// Makes a dead letter of what can't be decoded. One that is known already is left as it is.
fn set_aside(change: &Change<'_>, lane: &str, row: &DamagedRow) -> rusqlite::Result<()> {
    let DamagedRow { id, signature, origin, data, reason } = row;
    let bytes = OVERHEAD + data.len() + reason.len() + lane.len();
    change
        .prepare_cached(
            "INSERT INTO dead_letter \
            (lane, alert, refused, reason, signature, origin, data, damaged, bytes) \
            SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8 WHERE NOT EXISTS \
            (SELECT 1 FROM dead_letter WHERE damaged AND lane = ?1 AND alert = ?2)",
        )?
        .execute(params![lane, id, now(), reason, signature, origin, data, bytes])?;
    Ok(())
}

/// Makes a dead letter of bytes that a source got and can't decode. The same bytes are kept once.
#[cfg(feature = "nats")]
fn keep_undecoded(
    change: &Change<'_>,
    source: &str,
    data: &[u8],
    reason: &str,
) -> rusqlite::Result<()> {
    let bytes = OVERHEAD + data.len() + reason.len() + source.len();
    change
        .prepare_cached(
            "INSERT INTO dead_letter \
            (lane, alert, refused, reason, signature, origin, data, damaged, bytes) \
            SELECT ?1, 0, ?2, ?3, 0, 0, ?4, 1, ?5 WHERE NOT EXISTS \
            (SELECT 1 FROM dead_letter WHERE damaged AND lane = ?1 AND alert = 0 AND data = ?4)",
        )?
        .execute(params![source, now(), reason, data, bytes])?;
    Ok(())
}

fn remove(change: &Change<'_>, id: i64) -> rusqlite::Result<()> {
    change.prepare_cached("DELETE FROM dead_letter WHERE id = ?1")?.execute([id])?;
    Ok(())
}

/// When it was refused is another second than before: requests with it are told apart by that.
fn refuse_again(change: &Change<'_>, id: i64, refusal: &Refusal) -> rusqlite::Result<()> {
    change
        .prepare_cached(
            "UPDATE dead_letter SET again = 0, refused = max(?2, refused + 1), reason = ?3, \
            bytes = bytes - length(reason) + length(?3) WHERE id = ?1",
        )?
        .execute(params![id, now(), &*refusal.reason])?;
    Ok(())
}

/// It stays, and isn't sent.
fn found_damaged(change: &Change<'_>, id: i64, reason: &str) -> rusqlite::Result<()> {
    change
        .prepare_cached(
            "UPDATE dead_letter SET again = 0, damaged = 1, reason = ?2, \
            bytes = bytes - length(reason) + length(?2) WHERE id = ?1",
        )?
        .execute(params![id, reason])?;
    Ok(())
}

fn now() -> i64 {
    Timestamp::now().as_second()
}
