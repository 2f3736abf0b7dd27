//! Directories of files that are to be written: all missing ones are reported at once.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::config::{Config, HandlerConfig, SourceKind};
use crate::output_file::dir;
use crate::registry::Registry;

/// Handlers that write a file at `path`.
const FILE_HANDLERS: [&str; 3] = ["file", "pcap", "record"];

/// A directory that does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingDirectory {
    /// What the file there is for.
    pub what: String,
    /// The directory.
    pub path: PathBuf,
}

/// The directories that don't exist, of all files that a configuration writes.
pub(super) fn missing(config: &Config, registry: &Registry) -> Vec<MissingDirectory> {
    let stats = config.stats.as_deref().map(|path| ("the counters".to_owned(), path));
    let store = config.store.path.as_deref().map(|path| ("the store".to_owned(), path));
    let handlers = config.handlers.iter().filter_map(|handler| file_of(handler, registry));
    // Completing goes on without a bookmark.
    let logs = config.sources.iter().filter(|source| source.kind == SourceKind::Unified2);
    let bookmarks = logs.filter_map(|source| source.bookmark.as_deref());
    let bookmarks = bookmarks.map(|path| ("the bookmark".to_owned(), path));
    let files = stats.into_iter().chain(store).chain(handlers).chain(bookmarks);
    let missing = files.filter(|(_, path)| is_missing(path));
    missing.map(|(what, path)| MissingDirectory { what, path: dir(path).to_owned() }).collect()
}

fn file_of<'a>(handler: &'a HandlerConfig, registry: &Registry) -> Option<(String, &'a Path)> {
    let kind = registry.resolve(&handler.kind).ok()?;
    let path = FILE_HANDLERS.contains(&kind).then(|| handler.keys.text("path")).flatten()?;
    let name = handler.name.as_deref().unwrap_or(kind);
    let place = handler.place.as_ref().map(|place| format!(" ({place})")).unwrap_or_default();
    Some((format!("handler {name}{place}"), Path::new(path)))
}

/// Whether the directory of a file does not exist.
pub(crate) fn is_missing(path: &Path) -> bool {
    // A symbolic link's own directory exists; where it points to is checked when it is opened.
    path.symlink_metadata().is_err() && matches!(dir(path).try_exists(), Ok(false))
}

/// `out for the store, logs for handler file`
pub(super) fn listed(missing: &[MissingDirectory]) -> String {
    let mut text = String::new();
    for MissingDirectory { what, path } in missing {
        let comma = if text.is_empty() { "" } else { ", " };
        // Writing to a string can't fail.
        let _ = write!(text, "{comma}{} for {what}", path.display());
    }
    text
}
