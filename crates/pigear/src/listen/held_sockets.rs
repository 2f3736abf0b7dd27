//! Sockets that are there before the configuration is run.

use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use pigear_pipeline::source::unix::Binding;
#[cfg(feature = "command")]
use pigear_pipeline::source::unix::BoundPath;

use super::ListenError;
use super::check::SnortConf;
#[cfg(feature = "command")]
use super::expected::expected_sockets;
use super::sockets::{self, Ids};
use crate::config::{Config, SourceConfig, SourceKind};

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

    /// Binds the sockets of a configuration that are not there yet: as a user who may do it, before becoming
    /// another one.
    ///
    /// # Errors
    /// If one can't be bound.
    pub fn bind(&mut self, config: &Config) -> Result<(), ListenError> {
        for source in self.unheld(config) {
            let conf = SnortConf::of(&source)?;
            for socket in sockets::named_by(&source, || conf.log_dir())? {
                if self.paths_of(|held| is_same(held.binding.path(), &socket.path)).is_empty() {
                    socket.make_directory(&source)?;
                    self.add("", socket.binding(&source, &Ids::of(&source)?)?);
                }
            }
        }
        Ok(())
    }

    /// The log directories of the sockets that [`bind`](Self::bind) would bind.
    #[cfg(feature = "command")]
    pub(crate) fn directories(&self, config: &Config) -> Vec<PathBuf> {
        let sources = self.unheld(config);
        let sockets = sources.iter().flat_map(|it| expected_sockets(it).unwrap_or_default());
        sockets.map(|socket| socket.log_dir).collect()
    }

    /// The sources that don't get their sockets from systemd.
    fn unheld(&self, config: &Config) -> Vec<SourceConfig> {
        let mut sources = config.sources.clone();
        if sources.is_empty() {
            sources.push(SourceConfig::default());
        }
        let (is_only, has_passed) = (sources.len() == 1, !self.passed().is_empty());
        sources.retain(|source| {
            let by_name = source.from.as_deref().and_then(sockets::descriptor_name).is_some();
            let gets_all = is_only && source.names_no_socket() && has_passed;
            source.kind == SourceKind::Unix && !by_name && !gets_all
        });
        sources
    }

    /// The paths of those that were bound here, for what ends the process at once.
    #[cfg(feature = "command")]
    pub(crate) fn bound_paths(&self) -> Vec<BoundPath> {
        self.0.borrow().iter().filter_map(|held| held.binding.bound_path()).collect()
    }

    /// The paths that will stay when Pigear ends, because its user may not remove them. Call it after giving up
    /// privileges.
    #[cfg(feature = "command")]
    pub(crate) fn staying(&mut self) -> Vec<PathBuf> {
        let held = self.0.get_mut().iter_mut();
        let staying =
            held.filter_map(|held| held.binding.stays().then(|| held.binding.path().to_owned()));
        staying.collect()
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

    /// Checks that every socket is among these. Snort would wait for a reader of the others.
    ///
    /// # Errors
    /// Names the first that is not.
    pub(super) fn check_all_wanted(&self, wanted: &[&Path]) -> Result<(), ListenError> {
        let held = self.0.borrow();
        let is_wanted = |held: &&Held| wanted.iter().any(|path| is_same(held.binding.path(), path));
        match held.iter().find(|held| !is_wanted(held)) {
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
