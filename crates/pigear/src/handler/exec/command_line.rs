//! A program and its arguments.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::{AccessFlags, access};
use serde::Deserialize;
use serde::de::{Deserializer, Error};

/// A program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine {
    program: String,
    arguments: Vec<String>,
}

impl CommandLine {
    fn of(words: Vec<String>) -> Result<Self, &'static str> {
        let mut words = words.into_iter();
        let program = words.next().filter(|program| !program.is_empty());
        Ok(Self { program: program.ok_or("expected a program")?, arguments: words.collect() })
    }

    /// Splits a string into words at spaces. Quotes and backslashes work as in a shell; all other characters
    /// are literal.
    fn split(text: &str) -> Result<Self, &'static str> {
        Self::of(shlex::split(text).ok_or("a quote is not closed")?)
    }

    /// Explains why the program could not be run.
    pub(super) fn find(&self) -> Result<(), String> {
        let there = |path: &Path| path.is_file() && access(path, AccessFlags::X_OK).is_ok();
        if self.program.contains('/') {
            let path = Path::new(&self.program);
            let problem = if path.exists() { "is not a program" } else { "does not exist" };
            return if there(path) { Ok(()) } else { Err(format!("{} {problem}", self.program)) };
        }
        let dirs = env::var_os("PATH").unwrap_or_default();
        let mut places = env::split_paths(&dirs).map(|dir: PathBuf| dir.join(&self.program));
        let found = places.any(|path| there(&path));
        if found { Ok(()) } else { Err(format!("no program {} in PATH", self.program)) }
    }

    pub(super) fn program(&self) -> &str {
        &self.program
    }

    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        command
    }
}

impl<'de> Deserialize<'de> for CommandLine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a string or a list of strings")]
        enum Given {
            Text(String),
            Words(Vec<String>),
        }
        let line = match Given::deserialize(deserializer)? {
            Given::Text(text) => Self::split(&text),
            Given::Words(words) => Self::of(words),
        };
        line.map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let line = CommandLine::split(text).unwrap();
        std::iter::once(line.program).chain(line.arguments).collect()
    }

    #[test]
    fn a_text_is_split_as_in_a_shell_but_nothing_is_expanded() {
        let expected = ["/bin/x", "a b", "$HOME", "*", "|", "c'd", ";", "`id`"];
        assert_eq!(words(r#"/bin/x "a b" $HOME *  | "c'd" ; `id`"#), expected);
        assert!(CommandLine::split("x 'y").is_err());
        assert!(CommandLine::split("  ").is_err());
    }

    #[test]
    fn what_can_not_be_run_is_said() {
        let problem = |text: &str| CommandLine::split(text).unwrap().find().unwrap_err();
        assert_eq!(problem("no-such-program"), "no program no-such-program in PATH");
        assert_eq!(problem("/no/such x"), "/no/such does not exist");
        assert_eq!(problem("/etc/passwd"), "/etc/passwd is not a program");
        assert_eq!(problem("/etc"), "/etc is not a program");
    }
}
