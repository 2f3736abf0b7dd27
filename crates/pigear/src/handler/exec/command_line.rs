//! A program and its arguments.

use std::env;
use std::ffi::OsStr;
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
    /// What only a shell understands, if it was written as one text without quotes around it.
    for_shell: Option<ForShell>,
}

/// A command that only a shell understands.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ForShell {
    operator: String,
    text: String,
}

/// Words that connect commands or redirect their output in a shell.
const OPERATORS: [&str; 11] = ["|", "||", "&&", ";", "&", ">", ">>", "<", "2>", "2>&1", "&>"];

impl CommandLine {
    fn of(words: Vec<String>) -> Result<Self, &'static str> {
        let mut words = words.into_iter();
        let program = words.next().filter(|program| !program.is_empty());
        let (program, arguments) = (program.ok_or("expected a program")?, words.collect());
        Ok(Self { program, arguments, for_shell: None })
    }

    /// Splits a string into words at spaces. Quotes and backslashes work as in a shell; all other characters
    /// are literal.
    fn split(text: &str) -> Result<Self, &'static str> {
        let mut line = Self::of(shlex::split(text).ok_or("a quote is not closed")?)?;
        let operator = line
            .arguments
            .iter()
            .find(|word| OPERATORS.contains(&word.as_str()) && is_bare(word, text));
        line.for_shell =
            operator.map(|operator| ForShell { operator: operator.clone(), text: text.to_owned() });
        Ok(line)
    }

    /// Refuses what only a shell understands.
    pub(super) fn check(&self) -> Result<(), String> {
        if let Some(ForShell { operator, text }) = &self.for_shell {
            let quoted = shlex::try_quote(text).unwrap_or_default();
            return Err(format!(
                "there is no shell, so {operator} would be an argument of {}: write sh -c {quoted}",
                self.program
            ));
        }
        Ok(())
    }

    /// Explains why the program could not be run.
    pub(crate) fn find(&self) -> Result<(), String> {
        let there = |path: &Path| path.is_file() && access(path, AccessFlags::X_OK).is_ok();
        if self.program.contains('/') {
            let path = Path::new(&self.program);
            return match path {
                _ if there(path) => Ok(()),
                _ if path.is_file() => Err(not_executable(path)),
                _ if path.exists() => Err(format!("{} is not a program", self.program)),
                _ => Err(format!("{} does not exist", self.program)),
            };
        }
        let dirs = env::var_os("PATH").unwrap_or_default();
        let mut places = env::split_paths(&dirs).map(|dir: PathBuf| dir.join(&self.program));
        let found = places.any(|path| there(&path));
        if found {
            return Ok(());
        }
        let here = Path::new(".").join(&self.program);
        Err(if there(&here) {
            format!("no program {0} in PATH; write ./{0}", self.program)
        } else {
            format!("no program {} in PATH", self.program)
        })
    }

    pub(super) fn program(&self) -> &str {
        &self.program
    }

    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        for (variable, _) in env::vars_os() {
            if is_own(&variable) {
                command.env_remove(variable);
            }
        }
        #[cfg(feature = "http")]
        for variable in crate::secret_variables::all() {
            command.env_remove(variable);
        }
        command
    }
}

/// Whether a variable of the environment is for Pigear alone. A program could speak in its name to systemd, or find
/// its secrets; and a `pigear` that it runs would take Pigear's options for its own.
fn is_own(variable: &OsStr) -> bool {
    let name = variable.as_encoded_bytes();
    FOR_PIGEAR.iter().any(|own| name.starts_with(own.as_bytes()))
        || FROM_SYSTEMD.iter().any(|own| name == own.as_bytes())
}

/// How names of variables begin that are Pigear's options, or that systemd says to Pigear only.
const FOR_PIGEAR: [&str; 3] = ["PIGEAR_", "LISTEN_", "WATCHDOG_"];

/// What else systemd says to Pigear only.
const FROM_SYSTEMD: [&str; 2] = ["CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET"];

fn not_executable(path: &Path) -> String {
    let path = path.to_string_lossy();
    let quoted = shlex::try_quote(&path).unwrap_or_default();
    format!("{path} is not executable: chmod +x {quoted}")
}

/// Whether a word stands somewhere in a text without quotes: another one in its place is split off too.
fn is_bare(word: &str, text: &str) -> bool {
    /// Not in any argument.
    const MARK: &str = "\0";
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).unwrap_or_default();
        let behind = text.get(at + word.len()..).unwrap_or_default();
        before.ends_with(char::is_whitespace)
            && (behind.is_empty() || behind.starts_with(char::is_whitespace))
            && shlex::split(&[before, MARK, behind].concat())
                .is_some_and(|words| words.iter().any(|word| word == MARK))
    })
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
        let tried = |text: &str| {
            let line = CommandLine::split(text).unwrap();
            line.check().and_then(|()| line.find())
        };
        let problem = |text: &str| tried(text).unwrap_err();
        assert_eq!(problem("no-such-program"), "no program no-such-program in PATH");
        assert_eq!(problem("/no/such x"), "/no/such does not exist");
        assert_eq!(problem("/etc/passwd"), "/etc/passwd is not executable: chmod +x /etc/passwd");
        assert_eq!(
            problem("cat | tee x"),
            "there is no shell, so | would be an argument of cat: write sh -c 'cat | tee x'"
        );
        let runs = |text: &str| tried(text).is_ok();
        assert!(runs("sh -c 'cat | tee x'") && runs("grep '|'") && runs("cat a|b"));
        for quoted in [r"grep \|", r#"grep "|""#, "grep ' | '", r#"sh -c "a | b""#, r"cat a\ | x"] {
            assert!(runs(quoted), "{quoted}");
        }
        for bare in ["cat | grep '|'", "cat '|' | tee x", r"cat \| | tee x"] {
            assert!(problem(bare).starts_with("there is no shell, so | would be"), "{bare}");
        }
        assert_eq!(problem("/etc"), "/etc is not a program");
    }
}
