//! Reads files of rules, directories with such files, and what they include.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pigear_alert::maps;

use super::lua;
use super::problem::{Place, RuleProblem, beginning};
use super::rule_set::RuleSet;
use super::seen::Seen;
use super::statements::{Statement, StatementKind, is_action, statements, word_of};
use crate::input_file::{self, MAX_MAP};
use crate::snort_conf::Variables;

/// How deep files include each other, and directories lie within each other.
const MAX_DEPTH: usize = 16;

const MAX_FILES: usize = 10_000;
/// The most files and directories that are watched for changes: `/` is no directory of rules.
const MAX_SEEN: usize = 20_000;
const MAX_BYTES: u64 = 256 << 20;

/// A named file or directory of rules can't be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}", path.display())]
pub struct RulesError {
    /// The file or directory.
    pub path: PathBuf,
    /// The cause.
    pub source: io::Error,
}

/// What was read so far.
#[derive(Default)]
pub(super) struct Reading {
    pub(super) set: RuleSet,
    /// Files and directories that may change.
    pub(super) seen: Vec<Seen>,
    /// Device and inode of the files, so that each is read once.
    read: HashSet<(u64, u64)>,
    bytes: u64,
    variables: Variables,
}

/// The file whose statements are read.
#[derive(Clone, Copy)]
struct Reader<'a> {
    path: &'a Path,
    /// The directory of the file that was named, or found in a directory.
    first_dir: &'a Path,
    depth: usize,
}

impl Reading {
    /// Reads all that is named.
    ///
    /// # Errors
    /// If something that is named can't be read. All else that can't be used is a problem in the set.
    pub(super) fn of(paths: &[PathBuf]) -> Result<Self, RulesError> {
        let mut reading = Self::default();
        for path in paths {
            let read = reading.read_named(path);
            read.map_err(|source| RulesError { path: path.clone(), source })?;
        }
        Ok(reading)
    }

    fn read_named(&mut self, path: &Path) -> io::Result<()> {
        if fs::metadata(path)?.is_dir() {
            return self.read_dir(path, 0);
        }
        let first_dir = path.parent().unwrap_or(Path::new(""));
        self.read_file(Reader { path, first_dir, depth: 0 })
    }

    /// Reads the `.rules` files of a directory and those within it, in the order of their names.
    fn read_dir(&mut self, dir: &Path, depth: usize) -> io::Result<()> {
        let limit = match self.seen.len() {
            MAX_SEEN.. => Some("20,000 files and directories"),
            _ if depth > MAX_DEPTH => Some("16 directories in each other"),
            _ => None,
        };
        if let Some(limit) = limit {
            self.set.report(Place { file: dir.into(), line: 0 }, RuleProblem::TooMany { limit });
            return Ok(());
        }
        self.seen.push(Seen::now(dir));
        let entries = fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.path()));
        let mut paths = entries.collect::<io::Result<Vec<_>>>()?;
        paths
            .retain(|path| !path.file_name().is_some_and(|name| name.as_bytes().starts_with(b".")));
        paths.sort();
        for path in &paths {
            // A link to a directory may lead back.
            let is_dir = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
            let read = if is_dir {
                self.read_dir(path, depth + 1)
            } else if has_extension(path, "rules") && !path.is_dir() {
                self.read_file(Reader { path, first_dir: dir, depth: 0 })
            } else {
                Ok(())
            };
            if let Err(error) = read {
                self.report_unreadable(dir, 0, path, &error);
            }
        }
        Ok(())
    }

    fn read_file(&mut self, reader: Reader<'_>) -> io::Result<()> {
        self.seen.push(Seen::now(reader.path));
        let identity = |metadata: Metadata| (metadata.dev(), metadata.ino());
        if !self.read.insert(identity(fs::metadata(reader.path)?)) {
            return Ok(());
        }
        let file: Arc<Path> = reader.path.into();
        let place = |line| Place { file: Arc::clone(&file), line };
        let limit = if self.set.files() >= MAX_FILES { "10,000 files" } else { "256 MiB" };
        if self.set.files() >= MAX_FILES || self.bytes >= MAX_BYTES {
            self.set.report(place(0), RuleProblem::TooMany { limit });
            return Ok(());
        }
        if has_extension(reader.path, "lua") {
            self.set.count_file();
            return self.read_lua(reader);
        }
        let bytes = input_file::read_regular(reader.path, MAX_MAP)?;
        self.set.count_file();
        self.bytes += bytes.len() as u64;
        self.take_all(&bytes, reader, place);
        Ok(())
    }

    /// Takes the statements of a text.
    fn take_all(&mut self, bytes: &[u8], reader: Reader<'_>, place: impl Fn(usize) -> Place) {
        for statement in statements(bytes) {
            let place = place(statement.line);
            match statement.kind {
                StatementKind::Rule if !statement.text.contains(&b'(') && !is_rule(&statement) => {
                    self.set.report(place, RuleProblem::Unknown);
                }
                StatementKind::Rule => self.set.add(statement.text, place, true),
                StatementKind::Disabled => self.set.add(statement.text, place, false),
                StatementKind::Other => self.take_other(&statement, reader, place),
            }
        }
    }

    fn take_other(&mut self, statement: &Statement, reader: Reader<'_>, place: Place) {
        let text = maps::text(&statement.text);
        self.variables.define(&text);
        let Some((word, path)) = text.split_once(char::is_whitespace) else { return };
        if !word.trim_end_matches(':').eq_ignore_ascii_case("include") {
            return;
        }
        let path = path.trim().trim_matches(['"', '\'']);
        match self.variables.expand(path) {
            Some(path) => self.include(&path, reader, place),
            None => {
                self.set.report(place, RuleProblem::Variable { path: beginning(path.as_bytes()) });
            }
        }
    }

    /// Reads a file that another includes: relative to that, or else to the first one.
    fn include(&mut self, path: &str, reader: Reader<'_>, place: Place) {
        if reader.depth >= MAX_DEPTH {
            return self
                .set
                .report(place, RuleProblem::TooMany { limit: "16 files in each other" });
        }
        let beside = reader.path.parent().unwrap_or(Path::new("")).join(path);
        let from_first = reader.first_dir.join(path);
        let path = if !beside.exists() && from_first.exists() { from_first } else { beside };
        if let Err(error) =
            self.read_file(Reader { path: &path, depth: reader.depth + 1, ..reader })
        {
            self.report_unreadable(&place.file, place.line, &path, &error);
        }
    }

    /// Reads what a `snort.lua` includes in `ips`, and the rules that it has itself.
    fn read_lua(&mut self, reader: Reader<'_>) -> io::Result<()> {
        let lua = lua::read(reader.path)?;
        self.seen.extend(lua.files.into_iter().map(|path| Seen::now(&path)));
        for (place, piece) in lua.pieces {
            match piece {
                lua::Piece::Include(Ok(path)) => self.include(&path, reader, place),
                lua::Piece::Include(Err(path)) => {
                    let path = beginning(path.as_bytes());
                    self.set.report(place, RuleProblem::Variable { path });
                }
                lua::Piece::Rules(text) => {
                    let first = place.line;
                    let place = |line: usize| Place {
                        file: Arc::clone(&place.file),
                        line: first + line - 1,
                    };
                    self.take_all(text.as_bytes(), reader, place);
                }
                lua::Piece::Variable(name, value) => {
                    self.variables.define(&format!("var {name} {value}"));
                }
            }
        }
        Ok(())
    }

    fn report_unreadable(&mut self, file: &Path, line: usize, path: &Path, error: &io::Error) {
        let problem =
            RuleProblem::Unreadable { path: path.to_owned(), why: error.to_string().into() };
        self.set.report(Place { file: file.into(), line }, problem);
    }
}

/// Looks whether a start can read a file or directory of rules. Returns how many rules are in it.
#[cfg(feature = "command")]
pub(crate) fn look(path: &Path) -> Result<usize, RulesError> {
    Ok(Reading::of(&[path.to_owned()])?.set.len())
}

/// Whether a statement without options begins as a rule does.
fn is_rule(statement: &Statement) -> bool {
    is_action(word_of(&statement.text))
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension()
        .and_then(OsStr::to_str)
        .is_some_and(|found| found.eq_ignore_ascii_case(extension))
}
