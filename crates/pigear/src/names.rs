//! The files with names for an alert's numbers, read at the start and again when they change.

use std::fmt::Display;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use pigear_alert::maps::{
    Classes, GenMsgMap, LineProblem, Names, Parsed, ReferenceSystems, SidMsgMap,
};
use serde::Deserialize;
use tracing::warn;

use crate::input_file::{self, MAX_MAP};

/// How many invalid lines of a file are logged: in a file of another kind all lines are invalid.
const MAX_NAMED: usize = 5;

/// The files with names for an alert's numbers. Without a file, the built-in data is used: Snort's 38
/// classes and its usual reference systems, and no rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "command", derive(clap::Args))]
#[cfg_attr(feature = "command", command(next_help_heading = "Names for an alert's numbers"))]
pub struct NameFiles {
    /// The classes: Snort 2's classification.config, or Snort 3's snort.lua
    #[cfg_attr(feature = "command", arg(long, value_name = "FILE"))]
    pub class_config: Option<PathBuf>,
    /// How addresses of references begin: Snort 2's reference.config, or Snort 3's snort.lua
    #[cfg_attr(feature = "command", arg(long, value_name = "FILE"))]
    pub reference_config: Option<PathBuf>,
    /// Messages and references of the rules: sid-msg.map, version 1 or 2
    #[cfg_attr(feature = "command", arg(long, value_name = "FILE"))]
    pub sid_msg_map: Option<PathBuf>,
    /// Messages of decoders and preprocessors: gen-msg.map
    #[cfg_attr(feature = "command", arg(long, value_name = "FILE"))]
    pub gen_msg_map: Option<PathBuf>,
}

/// A file can't be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}", path.display())]
pub struct NameFileError {
    /// The file.
    pub path: PathBuf,
    /// The cause.
    pub source: io::Error,
}

impl NameFiles {
    /// Adds the files that are in a directory under their usual names, where none was configured.
    #[must_use]
    pub fn or_in(mut self, dir: &Path) -> Self {
        let usual = [
            (&mut self.class_config, "classification.config"),
            (&mut self.reference_config, "reference.config"),
            (&mut self.sid_msg_map, "sid-msg.map"),
            (&mut self.gen_msg_map, "gen-msg.map"),
        ];
        for (file, name) in usual {
            let path = dir.join(name);
            if file.is_none() && path.is_file() {
                *file = Some(path);
            }
        }
        self
    }

    /// Reads the files. Invalid lines are logged and skipped.
    ///
    /// # Errors
    /// If a file can't be read.
    pub fn load(&self) -> Result<Names, NameFileError> {
        let mut names = Names::default();
        self.load_into(&mut names, [true; 4])?;
        Ok(names)
    }

    /// Reads these of the files, in the order of [`paths`](Self::paths). The names of others stay.
    fn load_into(&self, names: &mut Names, which: [bool; 4]) -> Result<(), NameFileError> {
        let paths = self.paths();
        let wanted =
            |n: usize| paths.get(n).copied().flatten().filter(|_| which.get(n) == Some(&true));
        if let Some(path) = wanted(0) {
            let classes = read(path, Classes::parse)?;
            replace(&mut names.classes, classes, Classes::is_empty, path, "classes");
        }
        if let Some(path) = wanted(1) {
            let systems = read(path, ReferenceSystems::parse)?;
            replace(&mut names.references, systems, ReferenceSystems::is_empty, path, "references");
        }
        if let Some(path) = wanted(2) {
            names.rules = read(path, SidMsgMap::parse)?;
        }
        if let Some(path) = wanted(3) {
            names.generators = read(path, GenMsgMap::parse)?;
        }
        Ok(())
    }

    fn paths(&self) -> [Option<&Path>; 4] {
        [&self.class_config, &self.reference_config, &self.sid_msg_map, &self.gen_msg_map]
            .map(Option::as_deref)
    }

    fn states(&self) -> [FileState; 4] {
        self.paths().map(|path| path.map_or(FileState::Pipe, FileState::of))
    }
}

/// What tells whether a file changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FileState {
    /// When it was last changed, and how long it is.
    Regular(SystemTime, u64),
    /// It can be read once only, so it never changes. The same goes for a file that wasn't given.
    Pipe,
    Absent,
}

impl FileState {
    fn of(path: &Path) -> Self {
        let Ok(metadata) = fs::metadata(path) else { return Self::Absent };
        match metadata.modified() {
            Ok(modified) if metadata.is_file() => Self::Regular(modified, metadata.len()),
            _ => Self::Pipe,
        }
    }
}

/// Messages of old Snort rules are in any encoding, and so may be the files.
fn read<T>(path: &Path, parse: fn(&str) -> Parsed<T>) -> Result<T, NameFileError> {
    let bytes = input_file::read(path, MAX_MAP)
        .map_err(|source| NameFileError { path: path.to_owned(), source })?;
    let parsed = parse(&String::from_utf8_lossy(&bytes));
    report(path, &parsed.problems);
    Ok(parsed.value)
}

fn report(path: &Path, problems: &[LineProblem]) {
    for LineProblem { line, problem } in problems.iter().take(MAX_NAMED) {
        warn!("{}:{line}: {problem}; the line is skipped", path.display());
    }
    let more = problems.len().saturating_sub(MAX_NAMED);
    if more > 0 {
        warn!("{}: {more} more invalid lines", path.display());
    }
}

/// A list without entries has no information: the file refers to another one, or is of another kind.
fn replace<T>(old: &mut T, new: T, is_empty: fn(&T) -> bool, path: &Path, what: impl Display) {
    if is_empty(&new) {
        warn!("{} has no {what}; the built-in ones are used", path.display());
    } else {
        *old = new;
    }
}

/// Detects changes of the files.
#[derive(Debug)]
pub struct Watched {
    files: NameFiles,
    states: [FileState; 4],
}

impl Watched {
    /// Records the current state of the files.
    #[must_use]
    pub fn new(files: NameFiles) -> Self {
        Self { states: files.states(), files }
    }

    /// Reads those files again that changed since, or all if `asked`, but never a pipe: the names that it
    /// had stay as they are in `old`. A file that can't be read any more is logged, and `None` returned: the
    /// names from before are the best there are.
    pub fn reload(&mut self, asked: bool, old: &Names) -> Option<Names> {
        let states = self.files.states();
        let before = std::mem::replace(&mut self.states, states);
        let mut which = [false; 4];
        for ((which, state), before) in which.iter_mut().zip(states).zip(before) {
            *which = state != FileState::Pipe && (asked || state != before);
        }
        if which == [false; 4] {
            return None;
        }
        let mut names = old.clone();
        self.files
            .load_into(&mut names, which)
            .inspect_err(|error| warn!("{error}: {}; keeping the previous names", error.source))
            .ok()?;
        Some(names)
    }
}
