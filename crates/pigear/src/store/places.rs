//! How far a source has read, for sources whose servers don't keep that.

use super::error::StoreProblem;
use super::meta;
use super::writer::Writer;

impl Writer {
    /// The place of this name.
    pub(super) fn place(&self, name: &str) -> Result<Option<i64>, StoreProblem> {
        Ok(meta::number(&self.connection, name)?)
    }

    /// Saves places: all or none.
    pub(super) fn save_places(&mut self, places: &[(String, i64)]) -> Result<(), StoreProblem> {
        let change = self.change()?;
        for (name, place) in places {
            meta::set_number(&change, name, *place)?;
        }
        change.commit()?;
        Ok(())
    }
}
