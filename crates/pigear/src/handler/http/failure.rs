//! What went wrong, in words that are safe to show.

use std::error::Error;

/// So many characters of what others wrote are shown.
const ENOUGH: usize = 200;

/// An error and what caused it, without the URL, which may be a secret.
pub(super) fn text(error: &reqwest::Error) -> String {
    if error.is_timeout() && !error.is_connect() {
        return "no answer in time".to_owned();
    }
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    causes.dedup();
    // The outermost only say that a client failed.
    let begin = causes.iter().position(|cause| !cause.starts_with("client error"));
    match causes.split_off(begin.unwrap_or_default()) {
        causes if causes.is_empty() => shown(&error.to_string()),
        causes => shown(&causes.join(": ")),
    }
}

/// The beginning of a text that somebody else wrote, on one line and harmless to a terminal.
pub(super) fn shown(text: &str) -> String {
    let mut shown = String::new();
    let mut letters = text.trim().chars();
    for letter in letters.by_ref().take(ENOUGH) {
        if is_unsafe(letter) {
            shown.extend(letter.escape_unicode());
        } else {
            shown.push(letter);
        }
    }
    if letters.next().is_some() {
        shown.push('…');
    }
    shown
}

/// Whether a character steers a terminal, breaks lines, or reorders the characters around it.
fn is_unsafe(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{61c}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_is_cut_and_escaped() {
        assert_eq!(shown("no\n\u{1b}[31mway\u{202e} "), "no\\u{a}\\u{1b}[31mway\\u{202e}");
        assert_eq!(shown(&"é".repeat(300)), format!("{}…", "é".repeat(200)));
    }
}
