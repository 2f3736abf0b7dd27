//! A file together with the files that it includes.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};

use pigear_alert::maps::{self, statements};
use tracing::debug;

use super::variables::Variables;
use crate::input_file;
use crate::names::NameFile;

/// The most files of a configuration, and how deep they include each other.
const MAX_FILES: usize = 200;
const MAX_DEPTH: usize = 16;

/// The text of Snort's configuration with that of the files that it includes in their places: for a
/// `snort.conf` after `include`, for a `snort.lua` also after `dofile`. Rule files (`.rules`) are left out.
///
/// `snort_defaults.lua` beside a Lua file belongs to it in any case: Snort may have its path from the
/// command line or the environment.
#[derive(Debug, Default)]
pub(crate) struct Included {
    pub(crate) text: String,
    /// The files, in the order in which they were opened.
    pub(crate) files: Vec<NameFile>,
    /// Those that would be included if they could be read, and why they can't.
    pub(crate) unreadable: Vec<(NameFile, io::Error)>,
    pieces: Vec<Piece>,
    lines: usize,
}

/// Lines of one file that stand together.
#[derive(Debug)]
struct Piece {
    /// The number of its first line in the text, from 0.
    at: usize,
    file: usize,
    /// The number of that line in the file, from 0.
    line: usize,
}

impl Included {
    /// Reads a file of at most `max` bytes, and the files that it includes, as far as they can be read.
    ///
    /// # Errors
    /// If the file can't be read.
    pub(crate) fn read(path: &Path, max: u64) -> io::Result<Self> {
        let mut included = Self::default();
        let dir = path.parent().unwrap_or(Path::new("")).to_owned();
        included.add(path, max, 0, &mut Reading { dir, variables: Variables::default() })?;
        if is_lua(path) {
            included.add_defaults(path, max);
        }
        Ok(included)
    }

    /// Where a line of the text stands, counted from 1: its file and the line's number there.
    pub(crate) fn place(&self, line: usize) -> (&Path, usize) {
        let line = line.saturating_sub(1);
        let piece = self.pieces.iter().rfind(|piece| piece.at <= line);
        let file = piece.and_then(|piece| self.files.get(piece.file));
        let number = piece.map_or(line, |piece| piece.line + line - piece.at);
        (file.map_or(Path::new(""), |file| &file.path), number + 1)
    }

    fn add(
        &mut self,
        path: &Path,
        max: u64,
        depth: usize,
        reading: &mut Reading,
    ) -> io::Result<()> {
        let found = NameFile::now(path);
        let bytes = input_file::read(path, max)?;
        let file = self.files.len();
        self.files.push(found);
        let text = maps::text(&bytes);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let mut from = 0;
        let mut lines: VecDeque<&str> = text.lines().collect();
        let is_lua = is_lua(path);
        for (line, statement) in numbered_statements(text, is_lua) {
            let paths =
                if is_lua { reading.lua(&statement) } else { reading.conf(&statement, path, line) };
            let Some(paths) = paths else { continue };
            self.push(&mut lines, file, from, line);
            from = line;
            let files = self.files.len() + self.unreadable.len();
            let has_room = files < MAX_FILES && self.text.len() as u64 <= max;
            if depth < MAX_DEPTH && has_room {
                self.add_first(&paths, max, depth, reading);
            }
        }
        let end = from + lines.len();
        self.push(&mut lines, file, from, end);
        Ok(())
    }

    /// Adds the first of these files that can be read.
    fn add_first(&mut self, paths: &[PathBuf], max: u64, depth: usize, reading: &mut Reading) {
        for path in paths {
            let file = NameFile { is_read: false, ..NameFile::now(path) };
            match self.add(path, max, depth + 1, reading) {
                Ok(()) => return,
                Err(error) => {
                    debug!("{} is not used: {error}", path.display());
                    self.unreadable.push((file, error));
                }
            }
        }
    }

    fn add_defaults(&mut self, path: &Path, max: u64) {
        let name = "snort_defaults.lua";
        let is_there = |file: &NameFile| file.path.file_name().is_some_and(|file| file == name);
        if !self.files.iter().any(is_there) {
            let mut reading = Reading::default();
            self.add_first(&[path.with_file_name(name)], max, 0, &mut reading);
        }
    }

    /// Adds the lines of a file from number `from`, which is the first of `lines`, up to number `to`.
    fn push(&mut self, lines: &mut VecDeque<&str>, file: usize, from: usize, to: usize) {
        self.pieces.push(Piece { at: self.lines, file, line: from });
        for line in lines.drain(..(to - from).min(lines.len())) {
            self.text.push_str(line);
            self.text.push('\n');
            self.lines += 1;
        }
    }
}

/// The state while a configuration is read.
#[derive(Default)]
struct Reading {
    /// The directory of the first file: relative paths are relative to it.
    dir: PathBuf,
    variables: Variables,
}

impl Reading {
    /// Takes a statement of the `snort.conf` at `path`: where the file is that it includes.
    fn conf(&mut self, statement: &str, path: &Path, line: usize) -> Option<Vec<PathBuf>> {
        self.variables.define(statement);
        let (word, name) = statement.split_once(char::is_whitespace)?;
        let name = name.trim().trim_matches('"');
        if !word.eq_ignore_ascii_case("include") || has_extension(name, "rules") {
            return None;
        }
        let Some(name) = self.variables.expand(name) else {
            debug!("{}:{}: {name} has an undefined variable", path.display(), line + 1);
            return None;
        };
        (!has_extension(&name, "rules")).then(|| vec![self.dir.join(name)])
    }

    /// Where the file may be that a line of Lua includes.
    fn lua(&self, line: &str) -> Option<Vec<PathBuf>> {
        // What stands before it in an expression is a directory, as a rule that of Snort's lists.
        let name = lua_included(line)?.trim_start_matches('/');
        let beside = self.dir.join(Path::new(name).file_name()?);
        Some(vec![self.dir.join(name), beside])
    }
}

/// The statements of a file, of Lua simply the lines, with the numbers of their lines from 0.
fn numbered_statements(
    text: &str,
    is_lua: bool,
) -> Box<dyn Iterator<Item = (usize, Cow<'_, str>)> + '_> {
    if is_lua {
        return Box::new(text.lines().map(Cow::from).enumerate());
    }
    Box::new(statements(text).map(|(number, statement)| (number - 1, statement)))
}

/// The file's name in `include 'FILE.lua'` or `dofile(EXPRESSION .. 'FILE.lua')`.
fn lua_included(line: &str) -> Option<&str> {
    let line = line.split("--").next()?.trim_start();
    let rest = line.strip_prefix("include").or_else(|| line.strip_prefix("dofile"))?;
    let is_call = rest.starts_with(|c: char| c.is_whitespace() || "('\"".contains(c));
    let end = rest.rfind(['\'', '"']).filter(|_| is_call)?;
    let (before, quote) = rest.split_at(end);
    let name = before.rsplit_once(quote.get(..1)?)?.1;
    has_extension(name, "lua").then_some(name)
}

fn is_lua(path: &Path) -> bool {
    has_extension(path, "lua")
}

fn has_extension(path: impl AsRef<Path>, extension: &str) -> bool {
    path.as_ref().extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    fn read(files: &[(&str, &str)]) -> (TempDir, Included) {
        let dir = TempDir::new().unwrap();
        for (name, text) in files {
            fs::create_dir_all(dir.path().join(name).parent().unwrap()).unwrap();
            fs::write(dir.path().join(name), text).unwrap();
        }
        let included = Included::read(&dir.path().join(files[0].0), 1 << 20).unwrap();
        (dir, included)
    }

    fn places(dir: &TempDir, included: &Included) -> Vec<String> {
        let lines = included.text.lines().zip(1..);
        let shown = |(text, line)| {
            let (path, line) = included.place(line);
            format!("{}:{line} {text}", path.strip_prefix(dir).unwrap().display())
        };
        lines.map(shown).collect()
    }

    #[test]
    fn included_files_stand_before_their_statement() {
        let (dir, included) = read(&[
            (
                "snort.conf",
                "\u{feff}var D sub\r\na\ninclude $D/b.conf\nb\ninclude none\ninclude x.rules\ninclude \\\n c\nd",
            ),
            ("sub/b.conf", "\u{feff}b1\ninclude c\nb2"),
            ("c", "c1"),
            ("x.rules", "rule"),
        ]);
        assert_eq!(
            places(&dir, &included),
            [
                "snort.conf:1 var D sub",
                "snort.conf:2 a",
                "sub/b.conf:1 b1",
                "c:1 c1",
                "sub/b.conf:2 include c",
                "sub/b.conf:3 b2",
                "snort.conf:3 include $D/b.conf",
                "snort.conf:4 b",
                "snort.conf:5 include none",
                "snort.conf:6 include x.rules",
                "c:1 c1",
                "snort.conf:7 include \\",
                "snort.conf:8  c",
                "snort.conf:9 d",
            ]
        );
        assert_eq!(included.files.len(), 4);
    }

    #[test]
    fn variables_have_the_values_that_they_have_at_each_include() {
        let (dir, included) = read(&[
            (
                "snort.conf",
                "var D one\ninclude vars\ninclude $D/b\ninclude $E/b\nvar E two\ninclude $E/b",
            ),
            ("vars", "var D two\ninclude $E/b"),
            ("one/b", "one"),
            ("two/b", "two"),
        ]);
        assert_eq!(
            places(&dir, &included),
            [
                "snort.conf:1 var D one",
                "vars:1 var D two",
                "vars:2 include $E/b",
                "snort.conf:2 include vars",
                "two/b:1 two",
                "snort.conf:3 include $D/b",
                "snort.conf:4 include $E/b",
                "snort.conf:5 var E two",
                "two/b:1 two",
                "snort.conf:6 include $E/b",
            ]
        );
    }

    #[test]
    fn a_file_that_includes_itself_ends() {
        let (_dir, included) = read(&[("snort.conf", "include snort.conf\ninclude snort.conf\na")]);
        assert!(included.files.len() <= MAX_FILES);
    }

    #[test]
    fn lua_files_are_found_in_every_form() {
        let names = [
            ("include 'snort_defaults.lua'", Some("snort_defaults.lua")),
            ("  include(\"a.lua\") -- it's", Some("a.lua")),
            ("dofile(dir .. '/a.lua')", Some("/a.lua")),
            ("include \"a.lua\"", Some("a.lua")),
            ("-- include 'a.lua'", None),
            ("included = 'a.lua'", None),
            ("include = RULE_PATH .. '/a.rules',", None),
        ];
        for (line, name) in names {
            assert_eq!(lua_included(line), name, "{line}");
        }
    }

    #[test]
    fn the_defaults_beside_a_lua_file_belong_to_it() {
        let files = [("snort.lua", "a"), ("snort_defaults.lua", "b")];
        let (dir, included) = read(&files);
        assert_eq!(places(&dir, &included), ["snort.lua:1 a", "snort_defaults.lua:1 b"]);
        let (dir, included) =
            read(&[("snort.lua", "dofile(dir .. '/etc/snort_defaults.lua')\na"), files[1]]);
        assert_eq!(places(&dir, &included).len(), 3);
        assert_eq!(places(&dir, &included)[0], "snort_defaults.lua:1 b");
    }
}
