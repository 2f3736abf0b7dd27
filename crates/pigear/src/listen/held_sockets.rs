//! Sockets that are there before the configuration is run.

use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use pigear_pipeline::source::unix::Binding;

use super::ListenError;

/// Sockets that were bound before: by systemd, which keeps them while Pigear restarts.
///
/// A source takes the one whose path it would bind, or with `--from fd:NAME` those of a name. A single source that
/// names no socket takes all.
#[derive(Debug, Default)]
pub struct HeldSockets(RefCell<Vec<Held>>);

#[derive(Debug)]
struct Held {
    name: String,
    binding: Binding,
}

impl HeldSockets {
    /// Adds a socket with the name that systemd gives it.
    pub fn add(&mut self, name: impl Into<String>, binding: Binding) {
        self.0.get_mut().push(Held { name: name.into(), binding });
    }

    /// The paths of all that systemd passed.
    pub(super) fn passed(&self) -> Vec<PathBuf> {
        self.paths_of(|held| held.binding.is_passed())
    }

    /// The paths of those with a name.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn named(&self, name: &str) -> Result<Vec<PathBuf>, ListenError> {
        let paths = self.paths_of(|held| held.name == name);
        if paths.is_empty() {
            let held = self.0.borrow();
            let known: Vec<_> = held.iter().map(|held| held.name.clone()).collect();
            return Err(ListenError::NoSuchDescriptor { name: name.to_owned(), known });
        }
        Ok(paths)
    }

    fn paths_of(&self, which: impl Fn(&Held) -> bool) -> Vec<PathBuf> {
        let held = self.0.borrow();
        held.iter().filter(|held| which(held)).map(|held| held.binding.path().to_owned()).collect()
    }

    /// Takes the socket at a path.
    pub(super) fn take(&self, path: &Path) -> Option<Binding> {
        let mut held = self.0.borrow_mut();
        let at = held.iter().position(|held| is_same(held.binding.path(), path))?;
        Some(held.swap_remove(at).binding)
    }

    /// Checks that every socket was taken. Snort would wait for a reader of the others.
    ///
    /// # Errors
    /// Names the first that was not.
    pub(super) fn check_all_taken(&self) -> Result<(), ListenError> {
        match self.0.borrow().first() {
            Some(held) => Err(ListenError::UnusedSocket { path: held.binding.path().to_owned() }),
            None => Ok(()),
        }
    }
}

/// Whether two paths lead to one file.
fn is_same(one: &Path, other: &Path) -> bool {
    let inode = |path| fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
    one == other || inode(one).is_some_and(|inode_of_one| Some(inode_of_one) == inode(other))
}
