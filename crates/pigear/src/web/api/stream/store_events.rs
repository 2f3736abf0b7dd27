//! What a stream reads from the store itself.

use crate::store::{Criteria, Further, Reader, StoreError, StoreIdentity, StoreProblem, Stored};
use crate::web::feed::{self, Events, Piece, Wants};
use crate::web::problem::Problem;

/// The alerts of a store after an id.
pub(super) struct StoreEvents {
    pub(super) store: StoreIdentity,
    pub(super) position: i64,
    pub(super) wants: Wants,
}

impl StoreEvents {
    /// What is sent next.
    pub(super) fn next(&self, reader: &mut Reader, criteria: &Criteria) -> Result<Events, Problem> {
        let end = reader.last()?;
        let (events, is_full) = self.following(reader, criteria)?;
        let newest = match self.wants.newest {
            Some(newest) if is_full && events.last < end => {
                self.newest(reader, criteria, end, newest)?
            }
            _ => None,
        };
        Ok(newest.unwrap_or(events))
    }

    /// The next ones, and whether they are as many as are sent at once.
    fn following(
        &self,
        reader: &mut Reader,
        criteria: &Criteria,
    ) -> Result<(Events, bool), Problem> {
        let (mut piece, mut last, mut count) = (Piece::default(), self.position, 0);
        let read = reader.after(self.position, criteria, |stored| {
            if !piece.is_cut {
                piece.push(stored.id, &self.event(&stored));
            }
            (last, count) = (stored.id, count + 1);
            // Whether there are more matters only if then the newest are sent.
            let is_enough = count >= feed::BATCH || piece.is_cut && self.wants.newest.is_none();
            if is_enough { Further::Enough } else { Further::On }
        });
        let is_full = count >= feed::BATCH;
        let last = match read {
            Ok(read) if !is_full => read,
            Ok(_) => last,
            Err(StoreError { source: StoreProblem::Unfinished { reached }, .. }) => reached,
            Err(error) => return Err(error.into()),
        };
        Ok((piece.up_to(last, false), is_full))
    }

    /// The newest ones up to an id; `None` if they can't be found in time.
    fn newest(
        &self,
        reader: &mut Reader,
        criteria: &Criteria,
        end: i64,
        newest: usize,
    ) -> Result<Option<Events>, Problem> {
        let mut texts = Vec::new();
        let found = reader.newest_before(end.saturating_add(1), criteria, |stored| {
            texts.push((stored.id, self.event(&stored)));
            if texts.len() < newest { Further::On } else { Further::Enough }
        });
        match found {
            Err(StoreError { source: StoreProblem::Unfinished { .. }, .. }) => return Ok(None),
            found => found?,
        }
        let mut piece = Piece::default();
        texts.iter().rev().for_each(|(id, text)| piece.push(*id, text));
        Ok(Some(piece.up_to(end, true)))
    }

    fn event(&self, stored: &Stored) -> String {
        feed::event(stored, self.store, self.wants.packets)
    }
}
