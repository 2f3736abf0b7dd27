//! All files that a configuration names: those that are read, and those that are written.
//!
//! No file may be both, and each that is written has one writer: handlers would mix their records and rotate
//! each other's file, and the counters replace what is there.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use pigear_pipeline::OnError;
use pigear_pipeline::source::unified2::Spool;

use super::ListenError;
use super::conflict::{Conflict, Place, TableId};
use super::directories::{self, MissingDirectory};
use super::sockets;
use crate::config::{Config, HandlerConfig, SourceConfig, SourceKind};
use crate::file_name::{STORE_ENDS, with_end};
use crate::handler::record::recorded_instead;
use crate::names::NameFiles;
use crate::output_file;
use crate::registry::{FileUse, Registry};

/// All files that a configuration names.
#[derive(Default)]
pub(super) struct Files {
    files: Vec<NamedFile>,
    /// Whether a recording goes on under another name if its own exists.
    goes_on: bool,
}

/// A file that two handlers write.
pub(super) fn written_by_both(
    one: &HandlerConfig,
    other: &HandlerConfig,
    registry: &Registry,
) -> Option<PathBuf> {
    let written = |handler: &HandlerConfig| {
        let mut files = Files::default();
        files.add_handler(0, handler, registry);
        let files = files
            .files
            .into_iter()
            .filter(|file| matches!(file.access, Access::Writes | Access::WritesNew));
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
    /// Where it is configured.
    place: Place,
    /// The log of a bookmark: sources that read the same one may share it.
    log: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Reads,
    Writes,
    /// A new file, for which there is another name if its own exists.
    WritesNew,
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
        let mut files = Self::default();
        if let Some(path) = &config.file {
            files.add("the configuration", path, Access::Reads, top("config"));
        }
        if let Some(path) = &config.store.path {
            files.add_store(path);
        }
        for (index, source) in config.sources.iter().enumerate() {
            files.add_source(index, source);
        }
        files.add_names(&config.names);
        for path in &config.rules {
            files.add("the rules", path, Access::Reads, top("rules"));
        }
        if let Some(path) = &config.stats {
            files.add("the counters", path, Access::Writes, top("stats"));
        }
        for (index, handler) in config.handlers.iter().enumerate() {
            files.add_handler(index, handler, registry);
        }
        files.goes_on = config.on_error == OnError::GoOn;
        files
    }

    /// Adds the files with names, which may have been found in Snort's directories.
    pub(super) fn add_names(&mut self, names: &NameFiles) {
        let NameFiles { class_config, reference_config, sid_msg_map, gen_msg_map } = names;
        let one = |key, path: &Option<PathBuf>| path.clone().map(|path| (key, path));
        let maps = one("class_config", class_config).into_iter();
        let maps = maps.chain(one("reference_config", reference_config));
        let maps = maps.chain(sid_msg_map.iter().map(|path| ("sid_msg_map", path.clone())));
        for (key, path) in maps.chain(one("gen_msg_map", gen_msg_map)) {
            let place = Place { table: TableId::Names, key };
            self.add("a map of names", &path, Access::Reads, place);
        }
    }

    /// The directories that don't exist of files that are written.
    pub(super) fn missing_directories(&self) -> Vec<MissingDirectory> {
        let missing = self.must_be_written();
        let missing = missing.filter(|file| directories::is_missing(&file.path));
        let missing = missing.map(|file| MissingDirectory {
            what: file.what.clone(),
            path: output_file::dir(&file.path).to_owned(),
        });
        missing.collect()
    }

    /// The files that a start has to be able to write.
    #[cfg(feature = "command")]
    pub(super) fn needed(&self) -> impl Iterator<Item = &Path> {
        self.must_be_written().map(|file| &*file.path)
    }

    fn must_be_written(&self) -> impl Iterator<Item = &NamedFile> {
        self.files.iter().filter(|file| match file.access {
            Access::Writes | Access::WritesNew | Access::Bookmark => true,
            Access::Reads | Access::WritesBeside | Access::WritesInOwnDirectory => false,
        })
    }

    /// The files that are written and also read, or written by another writer, under any of their names.
    pub(super) fn conflicts(&self) -> Vec<Conflict> {
        let known = self.files.iter().filter_map(|file| Some((file, Identity::of(&file.path)?)));
        let mut before: HashMap<_, Vec<&NamedFile>> = HashMap::new();
        let mut found = Vec::new();
        // Readers first, so that an error begins with what would write there.
        let (readers, writers): (Vec<_>, Vec<_>) =
            known.partition(|(file, _)| file.access == Access::Reads);
        for (file, identity) in readers.into_iter().chain(writers) {
            let others = before.entry(identity).or_default();
            match others.iter().find(|other| file.conflicts_with(other)) {
                Some(other) => found.push(file.conflict(file.problem(other))),
                None => others.push(file),
            }
        }
        found.extend(self.conflicts_of_free_names());
        found
    }

    /// The files that are written under a name that a recording may get.
    fn conflicts_of_free_names(&self) -> Vec<Conflict> {
        if !self.goes_on {
            return Vec::new();
        }
        let recordings = self.files.iter().filter(|file| file.access == Access::WritesNew);
        let recordings: HashMap<_, _> =
            recordings.filter_map(|file| Some((place_of(&file.path)?, file))).collect();
        let of_file = |file: &NamedFile| {
            let recording = recordings.get(&recorded_instead(&place_of(&file.path)?)?)?;
            let (free, taken) = (file.path.display(), recording.path.display());
            Some(recording.conflict(format!(
                "{free} is used by {}, and by {} if {taken} exists; give each its own file",
                file.what, recording.what
            )))
        };
        let written = self.files.iter().filter(|file| file.access != Access::Reads);
        written.filter_map(of_file).collect()
    }

    /// Each file, and whether it is written to.
    pub(super) fn each(&self) -> impl Iterator<Item = (&Path, bool)> {
        self.files.iter().map(|file| (&*file.path, file.access != Access::Reads))
    }

    fn add(&mut self, what: impl Into<String>, path: &Path, access: Access, place: Place) {
        let (what, path, log) = (what.into(), path.to_owned(), None);
        self.files.push(NamedFile { what, path, access, place, log });
    }

    fn add_store(&mut self, path: &Path) {
        let place = Place { table: TableId::Store, key: "path" };
        self.add("the store", path, Access::Writes, place);
        let whole = output_file::target(path).unwrap_or_else(|_| path.to_owned());
        for end in STORE_ENDS.into_iter().filter(|end| !end.is_empty()) {
            let what = format!("the store's {end} file");
            self.add(what, &with_end(&whole, end), Access::WritesBeside, place);
        }
    }

    fn add_source(&mut self, index: usize, source: &SourceConfig) {
        let place = |key| Place { table: TableId::Source(index), key };
        if let Some(path) = &source.snort_conf {
            self.add("Snort's configuration", path, Access::Reads, place("snort_conf"));
        }
        match (&source.kind, &source.from, &source.complete_from) {
            (SourceKind::Play, Some(path), _) => {
                self.add("the recording", path, Access::Reads, place("from"));
            }
            (SourceKind::Unified2, Some(path), _) => {
                self.add_log(path, source, Access::Bookmark, place("from"));
            }
            (SourceKind::Unix, _, Some(log)) => {
                // Where the socket is makes no difference to the log; other errors come up later.
                let sockets = sockets::named_by(source, PathBuf::new).unwrap_or_default();
                for socket in sockets {
                    // Completing goes on without a bookmark.
                    let log = socket.log(source, log);
                    self.add_log(&log, source, Access::WritesBeside, place("complete_from"));
                }
            }
            _ => {}
        }
    }

    fn add_log(&mut self, path: &Path, source: &SourceConfig, bookmark: Access, place: Place) {
        let Ok(spool) = Spool::named(path) else { return };
        for path in spool.paths() {
            self.add("Snort's log", &path, Access::Reads, place);
        }
        let (path, access) = match &source.bookmark {
            Some(path) => (path.clone(), bookmark),
            None => (spool.bookmark(), Access::WritesBeside),
        };
        let log = spool.path();
        let what = format!("the bookmark of {}", log.display());
        let key = if source.bookmark.is_some() { "bookmark" } else { place.key };
        let place = Place { key, ..place };
        self.files.push(NamedFile { what, path, access, place, log: Some(log) });
    }

    fn add_handler(&mut self, index: usize, handler: &HandlerConfig, registry: &Registry) {
        let Ok(kind) = registry.resolve(&handler.kind) else { return };
        let name = handler.name.as_deref().unwrap_or(kind);
        let at = handler.place.as_ref().map(|place| format!(" ({place})"));
        let at = at.unwrap_or_default();
        for (key, file_use) in registry.files(kind) {
            let Some(path) = handler.keys.text(key).map(Path::new) else { continue };
            let (what, access) = match file_use {
                FileUse::Reads => (format!("{key} of handler {name}"), Access::Reads),
                FileUse::Writes => (format!("handler {name}{at}"), Access::Writes),
                FileUse::WritesNew => (format!("handler {name}{at}"), Access::WritesNew),
                FileUse::WritesInOwnDirectory => {
                    (format!("{key} of handler {name}{at}"), Access::WritesInOwnDirectory)
                }
            };
            self.add(what, path, access, Place { table: TableId::Handler(index), key });
        }
    }
}

/// A key at the top of the file.
fn top(key: &'static str) -> Place {
    Place { table: TableId::Top, key }
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

    fn conflict(&self, problem: String) -> Conflict {
        Conflict { place: self.place, error: ListenError::Output(problem) }
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
#[derive(PartialEq, Eq, Hash)]
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
            Err(_) => place_of(path).map(Self::Path),
        }
    }
}

/// The same for all paths to a file that need not be there.
fn place_of(path: &Path) -> Option<PathBuf> {
    let target = output_file::target(path).ok()?;
    let dir = fs::canonicalize(output_file::dir(&target)).ok()?;
    Some(dir.join(target.file_name()?))
}
