//! The two kinds of line that Snort's text files have: fields between `||`, and `config` lines.

use std::borrow::Cow;
use std::iter;

use super::problem::MapProblem;

/// The lines that are neither blank nor comments, trimmed, with their numbers from 1.
pub(super) fn entries(text: &str) -> impl Iterator<Item = (usize, &str)> {
    numbered(text).filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

/// All lines, trimmed, with their numbers from 1.
pub(super) fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    (1..).zip(text.lines().map(str::trim))
}

/// The fields of a map's line.
pub(super) fn fields(line: &str) -> impl Iterator<Item = &str> {
    line.split("||").map(str::trim)
}

/// Whether a line can only be of `gen-msg.map`: two numbers, and a text that is not a reference.
pub(super) fn is_of_gen_msg(line: &str) -> bool {
    let fields: Vec<&str> = fields(line).collect();
    let [generator, alert, message] = fields[..] else { return false };
    let is_reference = message
        .split_once(',')
        .is_some_and(|(system, _)| !system.trim().is_empty() && !system.contains(' '));
    [generator, alert].iter().all(|field| field.parse::<u32>().is_ok())
        && !message.is_empty()
        && !is_reference
}

/// The text after `config KEYWORD:`, of each such line of a `snort.conf` or a file included in it.
pub(super) fn configs<'a>(
    text: &'a str,
    keyword: &'static str,
) -> impl Iterator<Item = (usize, Result<Cow<'a, str>, MapProblem>)> {
    statements(text).filter_map(move |(number, line)| {
        let argument = match line {
            Cow::Borrowed(line) => config_argument(line, keyword)?.map(Cow::Borrowed),
            Cow::Owned(line) => {
                config_argument(&line, keyword)?.map(|argument| argument.to_owned().into())
            }
        };
        Some((number, argument))
    })
}

/// The statements of a `snort.conf`, with the numbers of their first lines from 1.
///
/// As in Snort 2, `#` and `;` begin a comment line, and a backslash at the end of a line joins it with the
/// next.
pub fn statements(text: &str) -> impl Iterator<Item = (usize, Cow<'_, str>)> {
    let mut lines = entries(text).filter(|(_, line)| !line.starts_with(';'));
    iter::from_fn(move || {
        let (number, line) = lines.next()?;
        let Some(beginning) = line.strip_suffix('\\') else {
            return Some((number, line.into()));
        };
        let mut whole = beginning.to_owned();
        for (_, line) in lines.by_ref() {
            whole.push_str(line.strip_suffix('\\').unwrap_or(line));
            if !line.ends_with('\\') {
                break;
            }
        }
        Some((number, whole.into()))
    })
}

/// The text after `config KEYWORD:` if a statement is that; keywords are case-insensitive, as in Snort 2.
///
/// # Errors
/// If the colon is missing.
#[must_use]
pub fn config_argument<'a>(
    statement: &'a str,
    keyword: &'static str,
) -> Option<Result<&'a str, MapProblem>> {
    let rest = after_word(statement, "config")?;
    if !rest.starts_with(char::is_whitespace) {
        return None;
    }
    let rest = after_word(rest.trim_start(), keyword)?;
    if !rest.is_empty() && !rest.starts_with(|c: char| c == ':' || c.is_whitespace()) {
        return None;
    }
    let argument = rest.trim_start().strip_prefix(':').map(str::trim);
    Some(argument.ok_or(MapProblem::NoColon { keyword }))
}

fn after_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(word.len())?;
    head.eq_ignore_ascii_case(word).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(text: &str) -> Vec<(usize, Option<String>)> {
        let arguments = configs(text, "reference");
        arguments.map(|(line, argument)| (line, argument.ok().map(Cow::into_owned))).collect()
    }

    #[test]
    fn only_config_lines_of_the_keyword_are_given() {
        let text = "\u{feff}config reference: a b\r\nconfig references: x\nconfig reference_net: x\nconfigreference: x\n\
            ; config reference: x\n# config reference: x\n\n  CONFIG\tReference :\tc d  ";
        assert_eq!(arguments(text), [(1, Some("a b".into())), (8, Some("c d".into()))]);
    }

    #[test]
    fn a_backslash_joins_lines() {
        let text = "config reference: a \\\n  http://\\\n x/\nconfig reference: b c\\";
        assert_eq!(arguments(text), [(1, Some("a http://x/".into())), (4, Some("b c".into()))]);
    }

    #[test]
    fn a_missing_colon_is_told() {
        assert_eq!(arguments("config reference\nconfig reference a b"), [(1, None), (2, None)]);
    }
}
