//! What became of dead letters that were sent again.

use std::collections::HashMap;

use super::Redelivery;
use crate::store::error::{StoreError, StoreProblem};
use crate::store::lanes;
use crate::store::meta;
use crate::store::reader::Reader;

/// How many dead letters were sent again, and with which result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resent {
    /// The receiver took them.
    pub delivered: u64,
    /// They are dead letters as before, perhaps with another reason.
    pub refused: u64,
    /// They could not be sent: their alerts are damaged, which was not known before.
    pub damaged: u64,
    /// They are still to be sent.
    pub waiting: u64,
    /// They were removed before they were sent: by the retention policy, or with their lane.
    pub removed: u64,
}

impl Reader {
    /// What became so far of dead letters that are sent again.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn resent(&self, sent: &Redelivery) -> Result<Resent, StoreError> {
        self.what_became_of(sent).map_err(|problem| problem.at(&self.path))
    }

    fn what_became_of(&self, sent: &Redelivery) -> Result<Resent, StoreProblem> {
        // All of it is as of one moment.
        let connection = self.connection.unchecked_transaction()?;
        let removed = lanes::removed_letters(&connection)?;
        let damaged = if meta::version(&connection)? < 2 { "0" } else { "damaged" };
        let mut select =
            connection.prepare_cached(&format!("SELECT id, again, {damaged} FROM dead_letter"))?;
        let letters = select.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?;
        let letters: HashMap<i64, (bool, bool)> = letters.collect::<Result<_, _>>()?;
        let mut resent = Resent::default();
        let mut ids = sent.ids.iter();
        for (lane, count) in &sent.lanes {
            let mut gone = 0;
            for id in ids.by_ref().take(usize::try_from(*count).unwrap_or(usize::MAX)) {
                match letters.get(id) {
                    None => gone += 1,
                    Some((true, _)) => resent.waiting += 1,
                    Some((false, true)) => resent.damaged += 1,
                    Some((false, false)) => resent.refused += 1,
                }
            }
            let unsent = match (sent.removed.get(lane), removed.get(lane)) {
                (Some(before), Some(now)) => now.saturating_sub(*before).min(gone),
                (Some(_), None) => gone,
                (None, _) => 0,
            };
            resent.delivered += gone - unsent;
            resent.removed += unsent;
        }
        Ok(resent)
    }
}
