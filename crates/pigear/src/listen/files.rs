//! All files that a configuration names: those that are read, and those that are written.
//!
//! No file may be both, and each that is written has one writer: handlers would mix their records and rotate
//! each other's file, and the counters replace what is there.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use pigear_pipeline::source::unified2::Spool;

use super::ListenError;
use super::directories::{self, MissingDirectory};
use super::sockets;
use crate::config::{Config, HandlerConfig, SourceConfig, SourceKind};
use crate::names::NameFiles;
use crate::output_file;
use crate::registry::{FileUse, Registry};

/// What SQLite and the store's lock put behind the store's name.
const BESIDE_STORE: [&str; 3] = ["-wal", "-shm", ".lock"];

/// All files that a configuration names.
pub(super) struct Files(Vec<NamedFile>);

/// Checks that no file has two uses that exclude each other, as a start does.
///
/// # Errors
/// Names the first such file.
#[cfg(feature = "command")]
pub(crate) fn check_files(config: &Config, registry: &Registry) -> Result<(), ListenError> {
    Files::of(config, registry).check()
}

/// A file that two handlers write.
pub(super) fn written_by_both(
    one: &HandlerConfig,
    other: &HandlerConfig,
    registry: &Registry,
) -> Option<PathBuf> {
    let written = |handler: &HandlerConfig| {
        let mut files = Files(Vec::new());
        files.add_handler(handler, registry);
        let files = files.0.into_iter().filter(|file| file.access == Access::Writes);
        let files = files.filter_map(|file| Some((Identity::of(&file.path)?, file.path)));
        files.collect::<Vec<_>>()
    };
    let others = written(other);
    let mut files = written(one).into_iter();
    let same = files.find(|(identity, _)| others.iter().any(|(other, _)| other == identity));
    same.map(|(_, path)| path)
}

struct NamedFile {
    /// What it is, for an error.
    what: String,
    path: PathBuf,
    access: Access,
    /// The log of a bookmark: sources that read the same one may share it.
    log: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Reads,
    Writes,
    /// Beside another file, or only if its directory is there.
    WritesBeside,
    /// In a directory that its writer creates.
    WritesInOwnDirectory,
    /// How far a log was read.
    Bookmark,
}

impl Files {
    /// The files of a configuration.
    pub(super) fn of(config: &Config, registry: &Registry) -> Self {
        let mut files = Self(Vec::new());
        if let Some(path) = &config.file {
            files.add("the configuration", path, Access::Reads);
        }
        if let Some(path) = &config.store.path {
            files.add_store(path);
        }
        for source in &config.sources {
            files.add_source(source);
        }
        files.add_names(&config.names);
        for path in &config.rules {
            files.add("the rules", path, Access::Reads);
        }
        if let Some(path) = &config.stats {
            files.add("the counters", path, Access::Writes);
        }
        for handler in &config.handlers {
            files.add_handler(handler, registry);
        }
        files
    }

    /// Adds the files with names, which may have been found in Snort's directories.
    pub(super) fn add_names(&mut self, names: &NameFiles) {
        let NameFiles { class_config, reference_config, sid_msg_map, gen_msg_map } = names;
        let maps = class_config.iter().chain(reference_config).chain(sid_msg_map);
        for path in maps.chain(gen_msg_map) {
            self.add("a map of names", path, Access::Reads);
        }
    }

    /// The directories that don't exist of files that are written.
    pub(super) fn missing_directories(&self) -> Vec<MissingDirectory> {
        let needed = |file: &&NamedFile| match file.access {
            Access::Writes | Access::Bookmark => true,
            Access::Reads | Access::WritesBeside | Access::WritesInOwnDirectory => false,
        };
        let missing = self.0.iter().filter(needed);
        let missing = missing.filter(|file| directories::is_missing(&file.path));
        let missing = missing.map(|file| MissingDirectory {
            what: file.what.clone(),
            path: output_file::dir(&file.path).to_owned(),
        });
        missing.collect()
    }

    /// Checks that no file is written to that is read, or written by another writer, under any of its names.
    ///
    /// # Errors
    /// Names the first such file.
    pub(super) fn check(&self) -> Result<(), ListenError> {
        let known: Vec<_> =
            self.0.iter().filter_map(|file| Some((file, Identity::of(&file.path)?))).collect();
        let mut before = Vec::new();
        // Readers first, so that an error begins with what would write there.
        let (readers, writers): (Vec<_>, Vec<_>) =
            known.into_iter().partition(|(file, _)| file.access == Access::Reads);
        for (file, identity) in readers.into_iter().chain(writers) {
            let same = |(other, its): &&(&NamedFile, Identity)| {
                *its == identity && file.conflicts_with(other)
            };
            if let Some((other, _)) = before.iter().find(same) {
                return Err(ListenError::Output(file.problem(other)));
            }
            before.push((file, identity));
        }
        Ok(())
    }

    /// Each file, and whether it is written to.
    pub(super) fn each(&self) -> impl Iterator<Item = (&Path, bool)> {
        self.0.iter().map(|file| (&*file.path, file.access != Access::Reads))
    }

    fn add(&mut self, what: impl Into<String>, path: &Path, access: Access) {
        let (what, path, log) = (what.into(), path.to_owned(), None);
        self.0.push(NamedFile { what, path, access, log });
    }

    fn add_store(&mut self, path: &Path) {
        self.add("the store", path, Access::Writes);
        let whole = output_file::target(path).unwrap_or_else(|_| path.to_owned());
        for end in BESIDE_STORE {
            let mut name = OsString::from(&whole);
            name.push(end);
            self.add(format!("the store's {end} file"), Path::new(&name), Access::WritesBeside);
        }
    }

    fn add_source(&mut self, source: &SourceConfig) {
        if let Some(path) = &source.snort_conf {
            self.add("Snort's configuration", path, Access::Reads);
        }
        match (&source.kind, &source.from, &source.complete_from) {
            (SourceKind::Play, Some(path), _) => self.add("the recording", path, Access::Reads),
            (SourceKind::Unified2, Some(path), _) => self.add_log(path, source, Access::Bookmark),
            (SourceKind::Unix, _, Some(log)) => {
                // Where the socket is makes no difference to the log; other errors come up later.
                let sockets = sockets::named_by(source, PathBuf::new).unwrap_or_default();
                for socket in sockets {
                    // Completing goes on without a bookmark.
                    self.add_log(&socket.log(source, log), source, Access::WritesBeside);
                }
            }
            _ => {}
        }
    }

    fn add_log(&mut self, path: &Path, source: &SourceConfig, bookmark: Access) {
        let Ok(spool) = Spool::named(path) else { return };
        for path in spool.paths() {
            self.add("Snort's log", &path, Access::Reads);
        }
        let (path, access) = match &source.bookmark {
            Some(path) => (path.clone(), bookmark),
            None => (spool.bookmark(), Access::WritesBeside),
        };
        let log = spool.path();
        let what = format!("the bookmark of {}", log.display());
        self.0.push(NamedFile { what, path, access, log: Some(log) });
    }

    fn add_handler(&mut self, handler: &HandlerConfig, registry: &Registry) {
        let Ok(kind) = registry.resolve(&handler.kind) else { return };
        let name = handler.name.as_deref().unwrap_or(kind);
        let place = handler.place.as_ref().map(|place| format!(" ({place})"));
        let place = place.unwrap_or_default();
        for (key, file_use) in registry.files(kind) {
            let Some(path) = handler.keys.text(key).map(Path::new) else { continue };
            match file_use {
                FileUse::Reads => {
                    self.add(format!("{key} of handler {name}"), path, Access::Reads);
                }
                FileUse::Writes => self.add(format!("handler {name}{place}"), path, Access::Writes),
                FileUse::WritesInOwnDirectory => {
                    let what = format!("{key} of handler {name}{place}");
                    self.add(what, path, Access::WritesInOwnDirectory);
                }
            }
        }
    }
}

impl NamedFile {
    fn conflicts_with(&self, other: &Self) -> bool {
        let both = |access| self.access == access && other.access == access;
        if let (Some(log), Some(others)) = (&self.log, &other.log)
            && !is_same_log(log, others)
        {
            return true;
        }
        !both(Access::Reads) && !both(Access::Bookmark) && !both(Access::WritesBeside)
    }

    fn problem(&self, other: &Self) -> String {
        let path = self.path.display();
        format!("{path} is used by both {} and {}; give each its own file", other.what, self.what)
    }
}

/// Whether two paths name one log, of which no file need have this name.
fn is_same_log(one: &Path, other: &Path) -> bool {
    let dir = |path: &Path| {
        let dir = output_file::dir(path);
        fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned())
    };
    one.file_name() == other.file_name() && dir(one) == dir(other)
}

/// What a regular file has in common under all its names. Terminals, FIFOs and the like may be shared.
#[derive(PartialEq, Eq)]
enum Identity {
    Inode {
        device: u64,
        inode: u64,
    },
    /// Of a file that is not there yet.
    Path(PathBuf),
}

impl Identity {
    fn of(path: &Path) -> Option<Self> {
        match fs::metadata(path) {
            Ok(found) if !found.is_file() => None,
            Ok(found) => Some(Self::Inode { device: found.dev(), inode: found.ino() }),
            Err(_) => {
                let target = output_file::target(path).ok()?;
                let dir = fs::canonicalize(output_file::dir(&target)).ok()?;
                Some(Self::Path(dir.join(target.file_name()?)))
            }
        }
    }
}
