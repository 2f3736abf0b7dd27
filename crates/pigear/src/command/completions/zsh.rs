//! Zsh, which is told which candidates go on: there is no space behind `path=`.

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;

use clap::Command;
use clap_complete::env::EnvCompleter;

use super::registration::Registration;

/// The number of the word at the cursor.
const INDEX: &str = "_PIGEAR_INDEX";

const SCRIPT: &str = r#"#compdef COMMAND
_COMMAND() {
    local -a offered open whole
    local line
    offered=("${(@f)$(INDEX=$((CURRENT - 1)) VARIABLE=zsh COMPLETER -- "${words[@]}" 2>/dev/null)}")
    for line in $offered; do
        if [[ ${line%%:*} == *[=/.] || ${line%%:*} == *\\ ]]; then
            open+=("$line")
        else
            whole+=("$line")
        fi
    done
    (( $#open )) && _describe -V 'values' open -S ''
    (( $#whole )) && _describe -V 'values' whole
}
compdef _COMMAND COMMAND
"#;

#[derive(Debug)]
pub(super) struct Zsh;

impl EnvCompleter for Zsh {
    fn name(&self) -> &'static str {
        "zsh"
    }

    fn is(&self, name: &str) -> bool {
        name == "zsh"
    }

    fn write_registration(
        &self,
        variable: &str,
        _: &str,
        command: &str,
        completer: &str,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let variables = &[("INDEX", INDEX)];
        let registration = Registration { variables, variable, completer, command };
        out.write_all(registration.fill(SCRIPT).as_bytes())
    }

    fn write_complete(
        &self,
        command: &mut Command,
        mut words: Vec<OsString>,
        directory: Option<&Path>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let last = words.len().saturating_sub(1);
        let index = env::var(INDEX).ok().and_then(|index| index.parse().ok()).unwrap_or(last);
        if index == words.len() {
            words.push(OsString::new());
        }
        for candidate in clap_complete::engine::complete(command, words, index, directory)? {
            let value = escaped(&candidate.get_value().to_string_lossy()).replace(':', "\\:");
            let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
            match help.lines().next() {
                Some(help) => writeln!(out, "{value}:{}", escaped(help))?,
                None => writeln!(out, "{value}")?,
            }
        }
        Ok(())
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
}
