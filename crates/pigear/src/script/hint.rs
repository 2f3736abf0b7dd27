//! What to write instead of what is not in the language, but in others.

use rhai::{ParseError, ParseErrorType, Position};

use super::fields::{ALERT, MSG};
use crate::network::Network;
use crate::similar::nearest;

/// What to write instead, and where.
pub(super) struct Hint {
    pub(super) what: String,
    pub(super) position: Position,
}

/// What to write instead in a script that doesn't compile.
pub(super) fn on(error: &ParseError, script: &str) -> Option<Hint> {
    let lexemes = lexemes(script);
    first(&lexemes, single_quotes)
        .or_else(|| first(&lexemes, word))
        .or_else(|| first(&lexemes, unquoted_address))
        .or_else(|| assignment(error, &lexemes))
        .or_else(|| first(&lexemes, operator))
        .or_else(|| first(&lexemes, brackets))
        .or_else(|| unknown(error, &lexemes))
}

/// The whole name of a field of this name, whatever has it.
pub(super) fn field_elsewhere(name: &str) -> Option<String> {
    let of = [("alert", ALERT), ("msg", MSG)];
    of.iter().find_map(|(of, fields)| {
        let found = fields.iter().find(|field| field.name == name)?;
        Some(format!("{of}.{}", found.name))
    })
}

/// A word, a quoted text or another symbol of a script.
#[derive(Debug)]
struct Lexeme<'a> {
    text: &'a str,
    position: Position,
}

fn first<'a>(
    lexemes: &'a [Lexeme<'a>],
    look_at: impl Fn(&'a [Lexeme<'a>], usize) -> Option<String>,
) -> Option<Hint> {
    (0..lexemes.len()).find_map(|at| {
        let what = look_at(lexemes, at)?;
        Some(Hint { what, position: lexemes.get(at)?.position })
    })
}

fn text_at<'a>(lexemes: &[Lexeme<'a>], at: usize) -> &'a str {
    lexemes.get(at).map_or("", |lexeme| lexeme.text)
}

fn before<'a>(lexemes: &[Lexeme<'a>], at: usize) -> &'a str {
    at.checked_sub(1).map_or("", |at| text_at(lexemes, at))
}

fn single_quotes(lexemes: &[Lexeme<'_>], at: usize) -> Option<String> {
    let inner = text_at(lexemes, at).strip_prefix('\'')?.strip_suffix('\'')?;
    let is_letter = inner.chars().count() == 1 || inner.starts_with('\\');
    (!is_letter).then(|| format!("write texts in double quotes: \"{inner}\""))
}

fn word(lexemes: &[Lexeme<'_>], at: usize) -> Option<String> {
    if before(lexemes, at) == "." {
        return None;
    }
    let word = text_at(lexemes, at);
    let next = text_at(lexemes, at + 1);
    Some(match word.to_ascii_lowercase().as_str() {
        "and" => format!("write && instead of `{word}`"),
        "or" => format!("write || instead of `{word}`"),
        "not" if next == "in" => format!("write !in instead of `{word} in`"),
        "not" => format!("write !(…) instead of `{word}`"),
        "is" if next == "not" => format!("write != instead of `{word} not`"),
        "is" => format!("write == instead of `{word}`"),
        "null" | "none" | "nil" | "undefined" => {
            format!("write () instead of `{word}`, for what isn't known")
        }
        _ => return None,
    })
}

/// Addresses come in several lexemes.
fn unquoted_address(lexemes: &[Lexeme<'_>], at: usize) -> Option<String> {
    let may_be = |text: &str| text.chars().all(|it| it.is_ascii_hexdigit() || ".:/".contains(it));
    if may_be(before(lexemes, at)) && at > 0 {
        return None;
    }
    let rest = lexemes.get(at..)?.iter().map(|lexeme| lexeme.text);
    let address: String = rest.take_while(|text| may_be(text)).collect();
    let is_one = address.matches('.').count() == 3 || address.contains("::");
    if !is_one || Network::parse(&address).is_err() {
        return None;
    }
    Some(if address.contains('/') {
        format!("write networks in double quotes, as in ip_in(alert.src_ip, \"{address}\")")
    } else {
        format!("write addresses in double quotes: \"{address}\"")
    })
}

fn assignment(error: &ParseError, lexemes: &[Lexeme<'_>]) -> Option<Hint> {
    // With `msg.priority = 1 && true`, the error is that 1 is no condition.
    let is_to_field = |at: usize| {
        let of = at.checked_sub(3).map_or("", |of| text_at(lexemes, of));
        matches!(of, "msg" | "alert") && text_at(lexemes, at - 2) == "."
    };
    let is_wrong = |at: usize, it: &Lexeme<'_>| it.position == error.1 || is_to_field(at);
    let mut all = lexemes.iter().enumerate().filter(|(_, it)| it.text == "=");
    let (_, found) = all.find(|(at, it)| is_wrong(*at, it))?;
    let what = "`=` assigns; to compare, write ==".to_owned();
    Some(Hint { what, position: found.position })
}

fn operator(lexemes: &[Lexeme<'_>], at: usize) -> Option<String> {
    let right = match text_at(lexemes, at) {
        "===" => "==",
        "!==" | "<>" => "!=",
        "~" | "=~" => "msg.msg.contains(\"…\"), or another function of texts,",
        _ => return None,
    };
    Some(format!("write {right} instead of {}", text_at(lexemes, at)))
}

fn brackets(lexemes: &[Lexeme<'_>], at: usize) -> Option<String> {
    if before(lexemes, at) != "in" {
        return None;
    }
    let list = lexemes.get(at..)?;
    let (inner, end) = match text_at(lexemes, at) {
        "(" => (list.get(1..)?, ")"),
        "{" => (list.get(1..)?, "}"),
        _ => (list, ""),
    };
    let inner = inner.iter().map(|lexeme| lexeme.text);
    let inner: Vec<&str> =
        inner.take_while(|text| *text != end && !matches!(*text, "&&" | "||")).collect();
    let items: Vec<&str> = inner.iter().copied().filter(|text| *text != ",").collect();
    let is_list = inner.contains(&",") && items.len() < inner.len();
    is_list.then(|| format!("write a list in square brackets: in [{}]", items.join(", ")))
}

fn unknown(error: &ParseError, lexemes: &[Lexeme<'_>]) -> Option<Hint> {
    let ParseErrorType::VariableUndefined(name) = &*error.0 else { return None };
    let position = error.1;
    let at = lexemes.iter().position(|lexeme| lexeme.position == position).unwrap_or(usize::MAX);
    let meant = nearest(name, ["msg", "alert", "true", "false"])
        .map(ToOwned::to_owned)
        .or_else(|| field_elsewhere(name))
        .or_else(|| {
            let fields = MSG.iter().chain(ALERT).map(|field| field.name);
            field_elsewhere(nearest(name, fields)?)
        });
    let is_compared = matches!(before(lexemes, at), "==" | "!=" | "(" | "," | "[" | "in");
    let is_assigned = text_at(lexemes, at.saturating_add(1)) == "=";
    let compare = if is_assigned { " To compare, write == instead of =" } else { "" };
    let is_value = !matches!(text_at(lexemes, at.saturating_add(1)), "." | "(");
    let what = match meant {
        Some(meant) => format!("unknown variable `{name}`; did you mean `{meant}`?{compare}"),
        None if is_compared && is_value => {
            format!("unknown variable `{name}`; write texts in double quotes: \"{name}\"")
        }
        None if is_assigned => {
            format!("unknown variable `{name}`; there are `msg` and `alert`.{compare}")
        }
        None => format!("unknown variable `{name}`; there are `msg` and `alert`"),
    };
    Some(Hint { what, position })
}

/// The words, texts and symbols of a script, without comments.
fn lexemes(script: &str) -> Vec<Lexeme<'_>> {
    let mut lexemes = Vec::new();
    let (mut rest, mut line, mut column) = (script, 1, 1);
    while let Some(letter) = rest.chars().next() {
        let length = length(rest, letter);
        let (text, after) = rest.split_at(length);
        if !text.starts_with(char::is_whitespace) && !text.starts_with("//") {
            lexemes.push(Lexeme { text, position: Position::new(line, column) });
        }
        for letter in text.chars() {
            (line, column) = if letter == '\n' {
                (line.saturating_add(1), 1)
            } else {
                (line, column.saturating_add(1))
            };
        }
        rest = after;
    }
    lexemes
}

/// Symbols of more than one character.
const SYMBOLS: [&str; 11] = ["===", "!==", "==", "!=", "<=", ">=", "<>", "=~", "&&", "||", "::"];

fn length(rest: &str, letter: char) -> usize {
    let while_ = |belongs: fn(char) -> bool| {
        rest.find(|letter| !belongs(letter)).unwrap_or(rest.len()).max(letter.len_utf8())
    };
    match letter {
        '"' | '\'' | '`' => quoted(rest, letter),
        '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
        _ if letter.is_alphanumeric() || letter == '_' => {
            while_(|letter| letter.is_alphanumeric() || letter == '_')
        }
        _ => SYMBOLS
            .iter()
            .find(|symbol| rest.starts_with(**symbol))
            .map_or(letter.len_utf8(), |symbol| symbol.len()),
    }
}

fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, letter) in rest.char_indices().skip(1) {
        match letter {
            _ if letter == quote && !escaped => return at + letter.len_utf8(),
            _ => escaped = letter == '\\' && !escaped,
        }
    }
    rest.len()
}
