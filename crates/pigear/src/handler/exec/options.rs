//! The keys of `exec`.

use std::num::NonZeroUsize;
use std::str::FromStr;

use pigear_alert::format::{Colour, FormatName};
use serde::Deserialize;

use super::{CommandLine, Rate};
use crate::keys::{FormatKeys, SetupError, Time, parsed, parsed_option};

/// The keys of `exec`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The program and its arguments: a string that is split into words at spaces, with quotes as in a
    /// shell but without one; or, in a configuration file, a list of words.
    pub command: CommandLine,
    /// `each`, the default: the program runs once for each alert. `stream`: it runs all the time, and gets a
    /// line per alert.
    #[serde(default, deserialize_with = "parsed")]
    pub mode: Mode,
    /// The format of the program's standard input: `json`, the default, or another; with `mode=stream` one
    /// with a line per alert.
    #[serde(default)]
    pub format: FormatKeys,
    /// With `mode=each`: how long a run may take, `10s` by default. Then its process group gets
    /// SIGTERM, and two seconds later SIGKILL.
    #[serde(default, deserialize_with = "parsed_option")]
    pub timeout: Option<Time>,
    /// With `mode=each`: how many may run at once. By default one, so that alerts come in order.
    #[serde(default, deserialize_with = "parsed_option")]
    pub concurrency: Option<NonZeroUsize>,
    /// With `mode=each`: the most runs in a minute. Further alerts wait, and are dropped and counted if the
    /// queue is full. Unlimited by default.
    #[serde(default, deserialize_with = "parsed_option")]
    pub rate: Option<Rate>,
}

impl Options {
    /// Checks what can be checked without looking for the program.
    pub(crate) fn check(&self) -> Result<(), SetupError> {
        self.problem().map_or(Ok(()), |problem| Err(SetupError::Keys(problem)))
    }

    fn problem(&self) -> Option<String> {
        let Self { command, mode, format, timeout, concurrency, rate } = self;
        if let Err(problem) = command.check() {
            return Some(problem);
        }
        if timeout.is_some_and(|timeout| timeout.0.is_zero()) {
            return Some("timeout=0s: must be greater than 0".to_owned());
        }
        let format = format.clone().or(FormatName::Json);
        if *mode == Mode::Stream {
            if timeout.is_some() || concurrency.is_some() || rate.is_some() {
                return Some("timeout, concurrency and rate are for mode=each".to_owned());
            }
            if format.name() == FormatName::Full {
                let problem = "mode=stream writes a line per alert, but format=full has several";
                return Some(problem.to_owned());
            }
        }
        format.build(Colour::Never).err()
    }
}

/// How often a program runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Once for each alert.
    #[default]
    Each,
    /// All the time.
    Stream,
}

impl FromStr for Mode {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "each" => Ok(Self::Each),
            "stream" => Ok(Self::Stream),
            _ => Err("expected each or stream"),
        }
    }
}
