//! Rules in Snort 3's `snort.lua`: the table `ips`, as far as it can be read without running the file.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::problem::Place;
use crate::input_file::MAX_CONFIG;
use crate::snort_conf::{Included, MAX_VALUE, MAX_VALUES};

/// What a `snort.lua` says of rules.
pub(super) struct Lua {
    /// The files that it consists of.
    pub(super) files: Vec<PathBuf>,
    pub(super) pieces: Vec<(Place, Piece)>,
}

pub(super) enum Piece {
    /// `include = PATH`; or the expression, if that isn't known.
    Include(Result<String, Box<str>>),
    /// The text of `rules = [[ … ]]`.
    Rules(String),
    /// `NAME = 'VALUE'`, which rules see as `$NAME`.
    Variable(String, String),
}

/// Reads a file, with the files of Lua that it includes.
pub(super) fn read(path: &Path) -> io::Result<Lua> {
    let included = Included::read(path, MAX_CONFIG)?;
    let place = |line: usize| {
        let (file, line) = included.place(line);
        Place { file: Arc::from(file), line }
    };
    let (mut pieces, mut values, mut len) = (Vec::new(), HashMap::new(), 0);
    let mut lines = (1..).zip(included.text.lines());
    while let Some((number, line)) = lines.next() {
        let line = line.split("--").next().unwrap_or_default();
        if let Some(expression) = assigned(line, "include") {
            let value = value(expression, &values).ok_or_else(|| expression.into());
            pieces.push((place(number), Piece::Include(value)));
        } else if let Some(text) = assigned(line, "rules").and_then(|text| text.strip_prefix("[["))
        {
            let mut text = text.to_owned();
            while !text.contains("]]")
                && let Some((_, line)) = lines.next()
            {
                text.push('\n');
                text.push_str(line);
            }
            let text = text.split("]]").next().unwrap_or_default().to_owned();
            pieces.push((place(number), Piece::Rules(text)));
        } else if let Some((name, expression)) = line.split_once('=')
            && let Some(value) = value(expression, &values)
            && len + value.len() <= MAX_VALUES
        {
            len += value.len();
            let name = name.trim().to_owned();
            values.insert(name.clone(), value.clone());
            pieces.push((place(number), Piece::Variable(name, value)));
        }
    }
    let unreadable = included.unreadable.into_iter().map(|(file, _)| file);
    let files = included.files.into_iter().chain(unreadable).map(|file| file.path).collect();
    Ok(Lua { files, pieces })
}

/// What a line assigns to a name, also within a table that it opens.
fn assigned<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let mut from = 0;
    while let Some(at) = line.get(from..)?.find(name) {
        let (before, rest) = line.split_at_checked(from + at)?;
        let after = rest.get(name.len()..)?.trim_start();
        let is_word = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        if let Some(expression) = after.strip_prefix('=').filter(|_| is_word) {
            return Some(expression.trim());
        }
        from += at + name.len();
    }
    None
}

/// The text that an expression makes of texts and variables; `None` if it is more than that, or too long.
fn value(expression: &str, values: &HashMap<String, String>) -> Option<String> {
    let end = expression.find([',', '}', ';']).unwrap_or(expression.len());
    let (mut rest, mut text) = (expression.get(..end)?.trim(), String::new());
    loop {
        let after = if let Some(quoted) = rest.strip_prefix(['\'', '"']) {
            let (inside, after) = quoted.split_once(rest.get(..1)?)?;
            text.push_str(inside);
            after
        } else {
            let (name, after) = rest.split_at(rest.find("..").unwrap_or(rest.len()));
            text.push_str(values.get(name.trim())?);
            after
        };
        if text.len() > MAX_VALUE {
            return None;
        }
        match after.trim() {
            "" => return Some(text),
            more => rest = more.strip_prefix("..")?.trim(),
        }
    }
}
