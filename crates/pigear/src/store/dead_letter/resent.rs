//! What became of dead letters that were sent again.

use std::collections::HashMap;

use super::Redelivery;
use crate::store::error::{StoreError, StoreProblem};
use crate::store::reader::Reader;

/// How many dead letters were sent again, and with which result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resent {
    /// The receiver took them.
    pub delivered: u64,
    /// They are dead letters as before, perhaps with another reason.
    pub refused: u64,
    /// They are still to be sent.
    pub waiting: u64,
}

impl Reader {
    /// What became so far of dead letters that are sent again.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn resent(&self, sent: &Redelivery) -> Result<Resent, StoreError> {
        let letters = || -> Result<HashMap<i64, bool>, StoreProblem> {
            let mut select = self.connection.prepare_cached("SELECT id, again FROM dead_letter")?;
            let letters = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(letters.collect::<Result<_, _>>()?)
        };
        let letters = letters().map_err(|problem| problem.at(&self.path))?;
        let mut resent = Resent::default();
        for id in &sent.ids {
            match letters.get(id) {
                None => resent.delivered += 1,
                Some(false) => resent.refused += 1,
                Some(true) => resent.waiting += 1,
            }
        }
        Ok(resent)
    }
}
