//! A strict reader of CEF, for tests: an escape that isn't one makes it panic.

use std::collections::BTreeMap;

/// A line of CEF, its escapes undone.
#[derive(Debug)]
pub(crate) struct Cef {
    /// `CEF:0`, vendor, product, version, event class, name, severity.
    pub(crate) head: [String; 7],
    pub(crate) extension: BTreeMap<String, String>,
}

impl Cef {
    pub(crate) fn parse(line: &str) -> Self {
        let line = line.strip_suffix('\n').unwrap();
        assert!(!line.contains(['\n', '\r']), "{line:?}");
        let start = extension_start(line).unwrap();
        let unescape = |letter| matches!(letter, '\\' | '|').then_some(letter);
        let head = pieces(&line[..start - 1], '|', unescape).try_into().unwrap();
        Self { head, extension: extension(&line[start..]) }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.extension.get(key).map(String::as_str)
    }

    /// The value of a custom field with a label.
    pub(crate) fn labelled(&self, label: &str) -> Option<&str> {
        let (key, _) = self.extension.iter().find(|(_, value)| *value == label)?;
        self.get(key.strip_suffix("Label")?)
    }
}

/// Where the eighth field begins.
fn extension_start(line: &str) -> Option<usize> {
    let mut is_escaped = false;
    let bars = line.char_indices().filter(|(_, letter)| {
        let is_bar = !is_escaped && *letter == '|';
        is_escaped = !is_escaped && *letter == '\\';
        is_bar
    });
    bars.map(|(at, _)| at + 1).nth(6)
}

/// The keys are single words; all `=` of values are escaped.
fn extension(text: &str) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    let mut key: Option<String> = None;
    let mut raw = raw_pieces(text, '=').into_iter().peekable();
    while let Some(piece) = raw.next() {
        let is_last = raw.peek().is_none();
        let (value, next) = match piece.rsplit_once(' ') {
            Some((value, next)) if !is_last => (value, next),
            _ if key.is_none() => ("", &*piece),
            _ => (&*piece, ""),
        };
        if let Some(key) = key.take() {
            let unescaped = pieces(value, '=', |letter| match letter {
                'n' => Some('\n'),
                'r' => Some('\r'),
                '\\' | '=' => Some(letter),
                _ => None,
            });
            assert_eq!(values.insert(key.clone(), unescaped.concat()), None, "{key} {text}");
        }
        assert!(next.chars().all(|letter| letter.is_ascii_alphanumeric()), "{next:?} {text}");
        key = Some(next.to_owned());
    }
    values
}

/// The text between separators that aren't escaped, escapes as they are.
fn raw_pieces(text: &str, separator: char) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter == separator {
            pieces.push(String::new());
            continue;
        }
        let piece = pieces.last_mut().unwrap();
        piece.push(letter);
        if letter == '\\' {
            piece.extend(letters.next());
        }
    }
    pieces
}

/// The text between separators that aren't escaped, escapes undone.
fn pieces(text: &str, separator: char, unescape: impl Fn(char) -> Option<char>) -> Vec<String> {
    let undone = raw_pieces(text, separator).into_iter().map(|piece| {
        let mut letters = piece.chars();
        let mut text = String::new();
        while let Some(letter) = letters.next() {
            let is_escape = letter == '\\';
            let letter = if is_escape { letters.next().and_then(&unescape) } else { Some(letter) };
            text.push(letter.unwrap_or_else(|| panic!("{piece:?} has an escape that isn't one")));
        }
        text
    });
    undone.collect()
}
