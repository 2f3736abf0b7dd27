//! Going on when the file at the path isn't the one that was opened any more.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tracing::{debug, error, info, warn};

use super::{Soundness, Writer, journal};
use crate::store::error::StoreProblem;
use crate::store::file_id::{FileId, FileState};
use crate::store::lanes::{self, LaneRow};
use crate::store::layout::SEGMENT;
use crate::store::lock::Lock;
use crate::store::meta;
use crate::store::moving::unused_name;
use crate::store::open::{self, Force};
use crate::store::segment_index;

/// The least size of a page, in bytes. The first has the header, and is in the file from the beginning.
const MIN_PAGE: u64 = 4_096;

/// A journal that was left behind, and where it was renamed to.
struct Leftover {
    from: PathBuf,
    to: PathBuf,
}

impl Writer {
    /// Sees to it that what is written goes into the file that is at the path: if that isn't the one that was
    /// opened any more, one is begun there.
    ///
    /// # Errors
    /// If the file is damaged, or none could be begun, or it can't be seen what is at the path.
    pub(in crate::store) fn ready(&mut self) -> Result<(), StoreProblem> {
        let state = FileState::of(&self.path)?;
        let at_path = state.map(|state| state.id());
        if at_path != Some(self.file) {
            return self.switch_file(at_path);
        }
        if self.lock.is_none() {
            self.come_back()?;
        }
        if std::mem::take(&mut self.is_moved) {
            info!("{}: the store's file is back; storing goes on in it", self.path.display());
        }
        self.refuse_truncated(state)?;
        self.is_sound()?;
        self.keep_journal()
    }

    /// Refuses to go on if the file at the path has not even its first page.
    ///
    /// What `SQLite` has in memory hides that for long.
    pub(super) fn refuse_truncated(
        &mut self,
        state: Option<FileState>,
    ) -> Result<(), StoreProblem> {
        let is_truncated = |it: &FileState| it.id() == self.file && it.len() < MIN_PAGE;
        let Some(state) = state.filter(is_truncated) else { return Ok(()) };
        if let Soundness::Damaged(damage) = &self.soundness {
            return Err(StoreProblem::Damaged(damage.clone()));
        }
        let damage = format!("it was truncated to {} bytes", state.len());
        Err(self.met(StoreProblem::Damaged(damage)))
    }

    /// Whether the file that was opened is at the path, and nothing is known to the contrary.
    pub(super) fn is_in_place(&self) -> bool {
        self.lock.is_some() && FileId::of(&self.path).is_ok_and(|file| file == Some(self.file))
    }

    /// Takes the lock of the file again that was gone, and is back at the path.
    ///
    /// This process still has it open, with its journal: so it must be the same journal, too.
    fn come_back(&mut self) -> Result<(), StoreProblem> {
        for file in &self.beside {
            if journal::is_gone(file)? {
                let problem = "the file is back, but without its journal: nothing is stored until you restart Pigear";
                return Err(StoreProblem::Database(problem.to_owned()));
            }
        }
        let (mut lock, _) = Lock::take(&self.path)?;
        lock.begin()?;
        self.lock = Some(lock);
        Ok(())
    }

    /// Goes on in the file that is at the path now, or in a new one. Numbers go on, and so do lanes.
    pub(super) fn switch_file(&mut self, at_path: Option<FileId>) -> Result<(), StoreProblem> {
        let is_removed = self.lock.as_ref().is_some_and(Lock::is_of_removed);
        self.say_moved(at_path, is_removed);
        // Before anything else changes: where none can be begun, the old one may come back.
        if at_path.is_none() {
            open::make_writable(&self.path)?;
        }
        // What is in the journal belongs to the file, wherever it is now.
        let is_written_out = is_removed
            || matches!(self.soundness, Soundness::Sound)
                && open::checkpoint(&self.connection).is_ok_and(|all| all);
        if let Some(Err(error)) = self.lock.take().map(Lock::leave) {
            debug!("{}: cannot mark its lock: {error}", self.path.display());
        }
        let leftovers = self.set_journals_aside()?;
        let mut new = match Self::open(self.path.clone(), None) {
            Ok(new) => new,
            Err(problem) => {
                put_back(&leftovers);
                return Err(problem);
            }
        };
        self.clear_away(&leftovers, is_written_out);
        let lanes = lanes::rows(&self.connection).unwrap_or_default();
        new.take_over(self.last, &lanes)?;
        (new.clock, new.removed_letters) = (self.clock, self.removed_letters);
        new.removed_unread = std::mem::take(&mut self.removed_unread);
        info!("{}: storing goes on in the file that is there now", self.path.display());
        *self = new;
        Ok(())
    }

    fn say_moved(&mut self, at_path: Option<FileId>, is_removed: bool) {
        if std::mem::replace(&mut self.is_moved, true) {
            return;
        }
        let what = match (is_removed, at_path) {
            (_, Some(_)) => "replaced by another",
            (true, None) => "removed",
            (false, None) => "moved away",
        };
        error!(
            "{}: the store's file was {what} while alerts are stored in it; what was stored so far is no longer \
            there, and what comes goes into the file that is there, or a new one",
            self.path.display()
        );
    }

    /// Renames the journal that was left behind: it must not be taken for that of the next file.
    fn set_journals_aside(&self) -> io::Result<Vec<Leftover>> {
        let mut leftovers = Vec::new();
        for (path, file) in &self.beside {
            match set_aside(path, *file) {
                Ok(leftover) => leftovers.extend(leftover),
                Err(error) => {
                    put_back(&leftovers);
                    return Err(error);
                }
            }
        }
        Ok(leftovers)
    }

    /// Removes what was set aside, except for a journal that has what the file hasn't.
    fn clear_away(&self, leftovers: &[Leftover], is_written_out: bool) {
        for Leftover { from, to } in leftovers {
            let is_journal = from.as_os_str().as_encoded_bytes().ends_with(b"-wal");
            if is_journal && !is_written_out {
                let (path, to) = (self.path.display(), to.display());
                warn!(
                    "{path}: the file that was there has not all that was stored in it; the rest is in its \
                    journal, now {to}: before you open the file, rename the journal to the file's name with \
                    -wal at the end, beside it"
                );
            } else {
                // One that can't be removed does no harm under its new name.
                let _ = fs::remove_file(to);
            }
        }
    }

    /// Takes note of how far another store had come, and its lanes.
    fn take_over(&mut self, last: i64, lanes: &[LaneRow]) -> Result<(), StoreProblem> {
        let change = open::begin(&mut self.connection, Force::ToDisk)?;
        // Numbers go on in another segment, so the current one is complete.
        if self.last / SEGMENT < last / SEGMENT {
            match segment_index::write_complete(self.last / SEGMENT, &change) {
                // Said when it is tried again.
                Ok(()) | Err(StoreProblem::Damaged(_)) => self.index = None,
                Err(problem) => return Err(problem),
            }
        }
        self.last = self.last.max(last);
        meta::set_number(&change, "last", self.last)?;
        for lane in lanes {
            lanes::put(&change, lane)?;
        }
        Ok(change.commit()?)
    }
}

/// Renames a file, unless there is another at its path, or there was none.
fn set_aside(path: &Path, file: Option<FileId>) -> io::Result<Option<Leftover>> {
    if file.is_none() || FileId::of(path)? != file {
        return Ok(None);
    }
    let to = unused_name(path);
    fs::rename(path, &to)?;
    Ok(Some(Leftover { from: path.to_owned(), to }))
}

/// Undoes the renaming, unless something else has the name now.
fn put_back(leftovers: &[Leftover]) {
    for Leftover { from, to } in leftovers {
        let is_free =
            fs::symlink_metadata(from).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        if !is_free || fs::rename(to, from).is_err() {
            warn!("the journal of a store that was moved away is left as {}", to.display());
        }
    }
}
