//! Reading the files with names.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use pigear_alert::maps::{
    self, Classes, GenMsgMap, LineProblem, MapProblem, Names, Parsed, ReferenceSystems, SidMsgMap,
};
use tracing::warn;

use super::{FileState, NameFileError, NameFiles};
use crate::input_file::{self, MAX_MAP};
use crate::snort_conf::Included;

/// How many invalid lines of a file are logged: in a file of another kind all lines are invalid.
const MAX_NAMED: usize = 5;

/// The names, and the files that they were read from.
#[derive(Clone, Debug, Default)]
pub(super) struct Loaded {
    pub(super) names: Names,
    /// Of each kind (classes, references, rules, generators): the files, and what they looked like.
    pub(super) files: [Vec<(PathBuf, FileState)>; 4],
}

impl NameFiles {
    /// Reads the files. Invalid lines are logged and skipped.
    ///
    /// # Errors
    /// If a file can't be read.
    pub fn load(&self) -> Result<Names, NameFileError> {
        let mut loaded = Loaded::default();
        loaded.load(self, [true; 4])?;
        Ok(loaded.names)
    }
}

impl Loaded {
    /// Reads the files of these kinds. What was read from others stays, and everything if one can't be
    /// read.
    pub(super) fn load(&mut self, from: &NameFiles, which: [bool; 4]) -> Result<(), NameFileError> {
        let mut new = self.clone();
        let [classes, references, rules, generators] = which;
        if let Some(path) = from.class_config.as_deref().filter(|_| classes) {
            let (list, files) = list(path, Classes::parse)?;
            replace(&mut new.names.classes, list, Classes::is_empty, path, "classes");
            new.files[0] = files;
        }
        if let Some(path) = from.reference_config.as_deref().filter(|_| references) {
            let (list, files) = list(path, ReferenceSystems::parse)?;
            replace(
                &mut new.names.references,
                list,
                ReferenceSystems::is_empty,
                path,
                "references",
            );
            new.files[1] = files;
        }
        if rules {
            new.names.rules = SidMsgMap::default();
            new.files[2].clear();
            for path in &from.sid_msg_map {
                new.files[2].push((path.clone(), FileState::of(path)));
                new.names.rules.extend(map(path, SidMsgMap::parse)?);
            }
        }
        if let Some(path) = from.gen_msg_map.as_deref().filter(|_| generators) {
            new.files[3] = vec![(path.to_owned(), FileState::of(path))];
            new.names.generators = map(path, GenMsgMap::parse)?;
        }
        *self = new;
        Ok(())
    }
}

/// Reads a list, which may be in the files that a configuration includes. Also gives the files.
fn list<T>(
    path: &Path,
    parse: fn(&str) -> Parsed<T>,
) -> Result<(T, Vec<(PathBuf, FileState)>), NameFileError> {
    let included = Included::read(path, MAX_MAP)
        .map_err(|source| NameFileError { path: path.to_owned(), source })?;
    let parsed = parse(&included.text);
    report(path, &parsed.problems, |line| included.place(line));
    let files = included.files.into_iter().map(|file| (file.path, file.state)).collect();
    Ok((parsed.value, files))
}

fn map<T>(path: &Path, parse: fn(&str) -> Parsed<T>) -> Result<T, NameFileError> {
    let bytes = input_file::read(path, MAX_MAP)
        .map_err(|source| NameFileError { path: path.to_owned(), source })?;
    let parsed = parse(&maps::text(&bytes));
    report(path, &parsed.problems, |line| (path, line));
    Ok(parsed.value)
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

/// A list without entries has no information: the file refers to another one, or is of another kind.
fn replace<T>(old: &mut T, new: T, is_empty: fn(&T) -> bool, path: &Path, what: impl Display) {
    if is_empty(&new) {
        warn!("{} has no {what}; the built-in ones are used", path.display());
    } else {
        *old = new;
    }
}
