//! What a running Snort was told by its command line and its configuration.

use std::path::{Path, PathBuf};

use super::process::Process;
use crate::input_file::MAX_CONFIG;
use crate::snort_conf::{self, Included};

/// How Snort 2 and Snort 3 are asked for alerts on a socket.
const OUTPUTS: [&str; 2] = ["unsock", "alert_unixsock"];

/// What a running Snort was told.
pub(super) struct SnortArguments<'a> {
    snort: &'a Process,
    /// Its configuration, if its command line names one.
    pub(super) conf: Option<PathBuf>,
    /// The configuration with what it includes, if it can be read.
    text: Option<String>,
}

/// Whether it was told something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Yes,
    No,
    /// Its configuration can't be read.
    Unknown,
}

impl<'a> SnortArguments<'a> {
    pub(super) fn of(snort: &'a Process) -> Self {
        let mut arguments = Self { snort, conf: None, text: None };
        let named = arguments.value("-c", "").map(Path::new);
        arguments.conf = named.map(|path| snort.resolved(path).unwrap_or_else(|| path.to_owned()));
        let conf = arguments.conf.as_deref().filter(|path| path.is_absolute());
        arguments.text = conf.and_then(|path| Some(Included::read(path, MAX_CONFIG).ok()?.text));
        arguments
    }

    /// The value of an option: `-z 4`, `-z4`, `--max-packet-threads 4`, `--max-packet-threads=4`.
    pub(super) fn value(&self, short: &str, long: &str) -> Option<&'a str> {
        let words = self.snort.arguments.get(1..).unwrap_or_default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let is_long = !long.is_empty() && word == long;
            if word == short || is_long {
                return words.next().map(String::as_str);
            }
            let joined = word.strip_prefix(long).and_then(|rest| rest.strip_prefix('='));
            let joined = joined.filter(|_| !long.is_empty());
            let behind = || word.strip_prefix(short).filter(|_| !short.is_empty());
            if let Some(value) = joined.or_else(behind) {
                return Some(value);
            }
        }
        None
    }

    /// Whether it has an option without a value.
    pub(super) fn has(&self, long: &str) -> bool {
        self.snort.arguments.iter().any(|word| word == long)
    }

    /// Its log directory, as others see it, if it was told one.
    pub(super) fn log_dir(&self) -> Option<PathBuf> {
        if let Some(dir) = self.value("-l", "") {
            return self.snort.resolved(Path::new(dir));
        }
        snort_conf::log_dir(self.text.as_deref()?)
    }

    /// Whether its arguments or its configuration ask for the socket.
    pub(super) fn asks_for_socket(&self) -> Told {
        if self.has_output(|output| OUTPUTS.iter().any(|known| output.contains(known))) {
            return Told::Yes;
        }
        self.conf_has(&["alert_unixsock"])
    }

    /// The same for Snort's log in unified2.
    pub(super) fn asks_for_unified2(&self) -> Told {
        if self.has_output(|output| output.contains("unified2")) {
            return Told::Yes;
        }
        self.conf_has(&["unified2", "alert_unified2", "log_unified2"])
    }

    /// Whether an output is asked for by `-A`, or by `--lua`.
    fn has_output(&self, is_wanted: impl Fn(&str) -> bool) -> bool {
        let words = &self.snort.arguments;
        let before = std::iter::once("").chain(words.iter().map(String::as_str));
        before.zip(words).any(|(option, word)| {
            let joined = word.strip_prefix("-A").or_else(|| word.strip_prefix("--lua="));
            joined.is_some_and(&is_wanted) || matches!(option, "-A" | "--lua") && is_wanted(word)
        })
    }

    fn conf_has(&self, outputs: &[&str]) -> Told {
        match (&self.conf, &self.text) {
            (None, _) => Told::No,
            (Some(_), None) => Told::Unknown,
            (Some(_), Some(text)) => {
                let asks = outputs.iter().any(|output| asks_in(text, output));
                if asks { Told::Yes } else { Told::No }
            }
        }
    }

    /// Whether it is a Snort 3, as far as its arguments say it.
    pub(super) fn is_snort3(&self) -> bool {
        let is_lua = |path: &PathBuf| path.extension().is_some_and(|end| end == "lua");
        self.snort.name == "snort3" || self.conf.as_ref().is_some_and(is_lua)
    }
}

/// Whether a `snort.conf` or `snort.lua` has an output.
fn asks_in(text: &str, output: &str) -> bool {
    let mut lines = text.lines().map(str::trim_start);
    lines.any(|line| {
        let begins = |text: &str| {
            let rest = text.trim_start().strip_prefix(output);
            rest.is_some_and(|rest| !rest.starts_with(|c: char| c == '_' || c.is_alphanumeric()))
        };
        begins(line) || line.strip_prefix("output").is_some_and(begins)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_is_a_statement_and_not_a_part_of_a_word() {
        assert!(asks_in("  output alert_unixsock\n", "alert_unixsock"));
        assert!(asks_in("x\nalert_unixsock = { }", "alert_unixsock"));
        assert!(asks_in("output unified2: filename x", "unified2"));
        for text in ["# output unified2", "-- unified2 = {}", "unified2_x = 1", "outputs unified2"]
        {
            assert!(!asks_in(text, "unified2"), "{text}");
        }
    }
}
