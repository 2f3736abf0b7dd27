//! Reading the files with names.

use std::fmt::Display;
use std::path::Path;

use pigear_alert::maps::{
    self, Classes, GenMsgMap, LineProblem, MapProblem, Names, Parsed, ReferenceSystems, SidMsgMap,
};
use tracing::warn;

use super::{NameFile, NameFileError, NameFiles};
use crate::input_file::{self, MAX_MAP};
use crate::snort_conf::Included;

/// How many invalid lines of a file are logged: in a file of another kind all lines are invalid.
const MAX_NAMED: usize = 5;

/// A kind of names, which has files of its own.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Classes,
    References,
    Rules,
    Generators,
}

impl Kind {
    pub(super) const ALL: [Self; 4] =
        [Self::Classes, Self::References, Self::Rules, Self::Generators];
}

/// The names, and the files that they were read from.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub(super) names: Names,
    classes: Vec<NameFile>,
    references: Vec<NameFile>,
    rules: Vec<NameFile>,
    generators: Vec<NameFile>,
}

impl NameFiles {
    /// Reads the files. Invalid lines are logged and skipped.
    ///
    /// # Errors
    /// If a file can't be read.
    pub fn load(&self) -> Result<Names, NameFileError> {
        Ok(Loaded::from(self)?.names)
    }
}

impl Loaded {
    /// Reads the files of all kinds.
    pub(super) fn from(files: &NameFiles) -> Result<Self, NameFileError> {
        let mut loaded = Self::default();
        Kind::ALL.into_iter().try_for_each(|kind| loaded.load(kind, files))?;
        Ok(loaded)
    }

    /// The files of a kind, with those that would be read if they could be.
    pub(super) fn files_mut(&mut self, kind: Kind) -> &mut Vec<NameFile> {
        match kind {
            Kind::Classes => &mut self.classes,
            Kind::References => &mut self.references,
            Kind::Rules => &mut self.rules,
            Kind::Generators => &mut self.generators,
        }
    }

    /// Reads the files of a kind. If one can't be read, the names stay as they were.
    pub(super) fn load(&mut self, kind: Kind, from: &NameFiles) -> Result<(), NameFileError> {
        let names = &mut self.names;
        match kind {
            Kind::Classes => {
                if let Some(path) = &from.class_config {
                    let list = list(path, Classes::parse, &mut self.classes)?;
                    list.replace(&mut names.classes, Classes::is_empty, "classes");
                }
            }
            Kind::References => {
                if let Some(path) = &from.reference_config {
                    let list = list(path, ReferenceSystems::parse, &mut self.references)?;
                    list.replace(&mut names.references, ReferenceSystems::is_empty, "references");
                }
            }
            Kind::Rules => {
                let files: Vec<_> =
                    from.sid_msg_map.iter().map(|path| NameFile::now(path)).collect();
                let mut rules = SidMsgMap::default();
                for path in &from.sid_msg_map {
                    rules.extend(map(path, SidMsgMap::parse)?);
                }
                (names.rules, self.rules) = (rules, files);
            }
            Kind::Generators => {
                if let Some(path) = &from.gen_msg_map {
                    let files = vec![NameFile::now(path)];
                    (names.generators, self.generators) = (map(path, GenMsgMap::parse)?, files);
                }
            }
        }
        Ok(())
    }
}

/// A list that was read.
struct List<'a, T> {
    path: &'a Path,
    value: T,
    is_first: bool,
}

/// Reads a list, which may be in the files that a configuration includes.
fn list<'a, T>(
    path: &'a Path,
    parse: fn(&str) -> Parsed<T>,
    files: &mut Vec<NameFile>,
) -> Result<List<'a, T>, NameFileError> {
    let mut included = read_list(path)?;
    let is_first = files.is_empty();
    // A rule update may be just replacing it.
    let was_read = |path: &Path| files.iter().any(|file| file.is_read && file.path == path);
    if let Some(at) = included.unreadable.iter().position(|(file, _)| was_read(&file.path)) {
        let (file, source) = included.unreadable.swap_remove(at);
        return Err(NameFileError { path: file.path, source });
    }
    let parsed = parse(&included.text);
    report(path, &parsed.problems, |line| included.place(line));
    let unreadable = included.unreadable.into_iter().map(|(file, _)| file);
    *files = included.files.into_iter().chain(unreadable).collect();
    Ok(List { path, value: parsed.value, is_first })
}

fn map<T>(path: &Path, parse: fn(&str) -> Parsed<T>) -> Result<T, NameFileError> {
    let parsed = parse(&maps::text(&read_map(path)?));
    report(path, &parsed.problems, |line| (path, line));
    Ok(parsed.value)
}

fn read_list(path: &Path) -> Result<Included, NameFileError> {
    Included::read(path, MAX_MAP).map_err(|source| NameFileError { path: path.to_owned(), source })
}

fn read_map(path: &Path) -> Result<Vec<u8>, NameFileError> {
    input_file::read(path, MAX_MAP)
        .map_err(|source| NameFileError { path: path.to_owned(), source })
}

/// Looks whether a start can read a file with classes or references.
#[cfg(feature = "command")]
pub(crate) fn look_at_list(path: &Path) -> Result<(), NameFileError> {
    read_list(path).map(drop)
}

/// Looks whether a start can read a map of messages.
#[cfg(feature = "command")]
pub(crate) fn look_at_map(path: &Path) -> Result<(), NameFileError> {
    read_map(path).map(drop)
}

fn report<'a>(path: &Path, problems: &[LineProblem], place: impl Fn(usize) -> (&'a Path, usize)) {
    for LineProblem { line, problem } in problems.iter().take(MAX_NAMED) {
        let (path, line) = place(*line);
        let rest = match problem {
            MapProblem::BrokenReference { .. } => "the reference",
            _ => "the line",
        };
        warn!("{}:{line}: {problem}; {rest} is skipped", path.display());
    }
    let more = problems.len().saturating_sub(MAX_NAMED);
    if more > 0 {
        let lines = if more == 1 { "line" } else { "lines" };
        warn!("{}: {more} more invalid {lines}", path.display());
    }
}

impl<T> List<'_, T> {
    /// A list without entries has no information: the file refers to another one, or is of another kind.
    fn replace(self, old: &mut T, is_empty: fn(&T) -> bool, what: impl Display) {
        if !is_empty(&self.value) {
            *old = self.value;
            return;
        }
        let used =
            if self.is_first { "the built-in ones are used" } else { "the previous ones stay" };
        warn!("{} has no {what}; {used}", self.path.display());
    }
}
