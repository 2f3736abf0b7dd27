//! Bash, which splits words at `=` and `:` too.
//!
//! So this takes the line as it was typed, and gives Bash only that part of a candidate which replaces the last
//! of Bash's words.

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;

use clap::Command;
use clap_complete::env::EnvCompleter;

use super::registration::Registration;

/// The line up to the cursor.
const LINE: &str = "_PIGEAR_LINE";
/// The last of Bash's words.
const WORD: &str = "_PIGEAR_WORD";

const SCRIPT: &str = r#"_COMMAND_complete() {
    local IFS=$'\n'
    COMPREPLY=($(LINE="${COMP_LINE:0:COMP_POINT}" WORD="$2" VARIABLE=bash COMPLETER -- "$1"))
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=/:.] ]]; then
        compopt -o nospace
    fi
}
complete -F _COMMAND_complete COMMAND
"#;

#[derive(Debug)]
pub(super) struct Bash;

impl EnvCompleter for Bash {
    fn name(&self) -> &'static str {
        "bash"
    }

    fn is(&self, name: &str) -> bool {
        name == "bash"
    }

    fn write_registration(
        &self,
        variable: &str,
        _: &str,
        command: &str,
        completer: &str,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let variables = &[("LINE", LINE), ("WORD", WORD)];
        let registration = Registration { variables, variable, completer, command };
        out.write_all(registration.fill(SCRIPT).as_bytes())
    }

    fn write_complete(
        &self,
        command: &mut Command,
        _: Vec<OsString>,
        directory: Option<&Path>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let Some(words) = line() else { return Ok(()) };
        let last = words.last().cloned().unwrap_or_default();
        let before = before(&last.to_string_lossy(), &env::var(WORD).unwrap_or_default());
        let index = words.len().saturating_sub(1);
        for candidate in clap_complete::engine::complete(command, words, index, directory)? {
            let text = candidate.get_value().to_string_lossy();
            if let Some(rest) = text.strip_prefix(&before) {
                writeln!(out, "{rest}")?;
            }
        }
        Ok(())
    }
}

/// The words that were typed, the last of them unfinished, if Bash asks.
pub(super) fn line() -> Option<Vec<OsString>> {
    let line = env::var(LINE).ok()?;
    Some(split(&line).into_iter().map(OsString::from).collect())
}

fn split(line: &str) -> Vec<String> {
    // A quote may be open.
    let closed = ["", "'", "\""].iter().find_map(|quote| shlex::split(&format!("{line}{quote}")));
    let mut words = closed.unwrap_or_default();
    if line.ends_with(char::is_whitespace) && shlex::split(line).is_some() || words.is_empty() {
        words.push(String::new());
    }
    words
}

/// The part of a word that is before the one that Bash takes for it.
fn before(word: &str, of_bash: &str) -> String {
    let of_bash = of_bash.trim_start_matches(['\'', '"']);
    word.strip_suffix(of_bash).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_is_the_unfinished_one() {
        assert_eq!(split("pigear --fil"), ["pigear", "--fil"]);
        assert_eq!(split("pigear "), ["pigear", ""]);
        assert_eq!(
            split("pigear --filter 'msg.sig_id == 1 && al"),
            ["pigear", "--filter", "msg.sig_id == 1 && al"]
        );
        assert_eq!(split("pigear --filter \"msg. "), ["pigear", "--filter", "msg. "]);
        assert_eq!(split(""), [""]);
    }

    #[test]
    fn bash_gets_what_replaces_its_own_word() {
        assert_eq!(before("file.format=js", "js"), "file.format=");
        assert_eq!(before("file.format=", ""), "file.format=");
        assert_eq!(before("msg.pri", "'msg.pri"), "");
        assert_eq!(before("--fil", "--fil"), "");
    }
}
