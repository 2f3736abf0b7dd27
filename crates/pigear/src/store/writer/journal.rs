//! Going on when something removed the journal, which is found by its name.

use std::io;
use std::path::PathBuf;

use tracing::{error, info};

use super::{Soundness, Writer};
use crate::store::error::StoreProblem;
use crate::store::file_id::FileId;
use crate::store::open;

/// Whether a file isn't at its path any more.
pub(super) fn is_gone((path, file): &(PathBuf, Option<FileId>)) -> io::Result<bool> {
    Ok(FileId::of(path)? != *file)
}

impl Writer {
    /// Sees to it that the journal that is written to is the one that others find.
    ///
    /// This process still has a journal open that was removed, with all that is in it. It is moved into the file, and
    /// another journal is begun. A reader that has the former one open gets an error from then on, and opens the store
    /// again.
    ///
    /// # Errors
    /// If what was written can't be moved into the file.
    pub(super) fn keep_journal(&mut self) -> Result<(), StoreProblem> {
        let [journal, index] = &self.beside;
        let (is_journal_gone, is_index_gone) = (is_gone(journal)?, is_gone(index)?);
        // Nothing may leave the journal before the file was found to be undamaged.
        let is_sound = matches!(self.soundness, Soundness::Sound);
        if !(is_journal_gone || is_index_gone) || !is_sound || !self.is_in_place() {
            return Ok(());
        }
        self.say_journal_gone(is_index_gone);
        // The index can't be begun again while anything of this process has it open.
        if is_index_gone {
            open::checkpoint(&self.connection)?;
            return Ok(());
        }
        if !open::empty_journal(&self.connection)? {
            // A reader is at it; the rest is moved the next time.
            return Ok(());
        }
        let (connection, beside) = open::again(&self.path)?;
        // If another file came there meanwhile, that is seen the next time.
        if !self.is_in_place() {
            return Ok(());
        }
        (self.connection, self.beside) = (connection, beside);
        self.is_journal_gone = false;
        info!("{}: nothing is lost; another journal was begun", self.path.display());
        Ok(())
    }

    fn say_journal_gone(&mut self, is_index_gone: bool) {
        if std::mem::replace(&mut self.is_journal_gone, true) {
            return;
        }
        let path = self.path.display();
        if is_index_gone {
            error!(
                "{path}: something removed {path}-shm while alerts are stored; nothing is lost: what is stored is \
                moved into {path} at once; restart Pigear before another program writes to the store, and remove \
                none of its files while Pigear runs"
            );
        } else {
            error!(
                "{path}: something removed the journal {path}-wal while alerts are stored; what is in it is moved \
                into {path}, and another is begun"
            );
        }
    }
}
