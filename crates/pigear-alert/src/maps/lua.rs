//! Finds one table of a Lua configuration and reads its entries, without running it.
//!
//! Snort 3's lists look the same everywhere: `references = { { name = 'cve', url = '…' }, … }` in
//! `snort.lua`, or with `default_` before the name in `snort_defaults.lua`.

mod lexer;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use self::lexer::{Lexer, Token};
use super::problem::{self, MapProblem, quoted};

/// A list of entries.
pub(super) struct Table<'a> {
    /// Where it begins.
    pub(super) line: usize,
    pub(super) entries: Vec<Entry<'a>>,
    /// Whether its end is in the file.
    pub(super) closed: bool,
}

/// The contents of one pair of braces.
pub(super) struct Entry<'a> {
    /// Where it begins.
    pub(super) line: usize,
    fields: Vec<(Cow<'a, str>, Value<'a>)>,
}

enum Value<'a> {
    Text(Cow<'a, str>),
    Number(&'a str),
    Expression,
}

/// The table that Lua would have under this name after running the whole file: the last one or, if there is
/// none, the last one under `default_` and the name.
pub(super) fn table<'a>(text: &'a str, name: &str) -> Option<Table<'a>> {
    if !text.contains(name) {
        return None;
    }
    let mut lexer = Lexer::new(text);
    let (mut named, mut default) = (None, None);
    let mut depth = 0_usize;
    while let Some((line, token)) = lexer.next() {
        match token {
            Token::Name(found) if depth == 0 && lexer.take_symbols("={") => {
                if found == name {
                    named = Some(list(&mut lexer, line));
                } else if found.strip_prefix("default_") == Some(name) {
                    default = Some(list(&mut lexer, line));
                } else {
                    depth = 1;
                }
            }
            Token::Symbol('{') => depth += 1,
            Token::Symbol('}') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    named.or(default)
}

fn list<'a>(lexer: &mut Lexer<'a>, line: usize) -> Table<'a> {
    let mut table = Table { line, entries: Vec::new(), closed: false };
    while let Some((line, token)) = lexer.next() {
        match token {
            Token::Symbol('{') => table.entries.extend(entry(lexer, line)),
            Token::Symbol('}') => {
                table.closed = true;
                break;
            }
            _ => {}
        }
    }
    table
}

/// Parses an entry after its opening brace; `None` if the file ends within it.
fn entry<'a>(lexer: &mut Lexer<'a>, line: usize) -> Option<Entry<'a>> {
    let mut fields = Vec::new();
    let mut depth = 0_usize;
    let mut tokens = Vec::new();
    for (_, token) in lexer {
        match token {
            Token::Symbol('}') if depth == 0 => {
                fields.extend(field(&mut tokens));
                return Some(Entry { line, fields });
            }
            Token::Symbol(',' | ';') if depth == 0 => {
                fields.extend(field(&mut tokens));
                tokens.clear();
                continue;
            }
            Token::Symbol('{') => depth += 1,
            Token::Symbol('}') => depth -= 1,
            _ => {}
        }
        tokens.push(token);
    }
    None
}

fn field<'a>(tokens: &mut [Token<'a>]) -> Option<(Cow<'a, str>, Value<'a>)> {
    use Token::{Name, Symbol, Text};
    let (key, value) = match tokens {
        [Name(key), Symbol('='), value @ ..] => (Cow::Borrowed(*key), value),
        [Symbol('['), Text(key), Symbol(']'), Symbol('='), value @ ..] => {
            (std::mem::take(key), value)
        }
        _ => return None,
    };
    let value = match value {
        [Text(text)] => Value::Text(std::mem::take(text)),
        [Token::Number(number)] => Value::Number(number),
        _ => Value::Expression,
    };
    Some((key, value))
}

impl Entry<'_> {
    /// The string of a key, or `None`; `field` is its name in errors.
    pub(super) fn text(&self, key: &str, field: &'static str) -> Result<Option<&str>, MapProblem> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text.trim())),
            Some(Value::Number(number)) => Ok(Some(number)),
            Some(Value::Expression) => Err(MapProblem::NotPlain { field }),
        }
    }

    /// The number of a key, or `None`; `field` is its name in errors.
    pub(super) fn number(&self, key: &str, field: &'static str) -> Result<Option<u32>, MapProblem> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::Number(number)) => problem::number(field, number).map(Some),
            Some(Value::Text(text)) => Err(MapProblem::NotANumber { field, text: quoted(text) }),
            Some(Value::Expression) => Err(MapProblem::NotPlain { field }),
        }
    }

    fn value(&self, key: &str) -> Option<&Value<'_>> {
        self.fields.iter().rfind(|(name, _)| name == key).map(|(_, value)| value)
    }
}
