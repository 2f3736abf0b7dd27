//! `exec`: runs a program.
//!
//! Either once for each alert (`mode=each`): the alert comes on standard input as JSON, and its main
//! fields are in the environment. Or once for all (`mode=stream`): it is fed a line an alert, and
//! started again if it ends. No shell is ever in between, so nothing in an alert is a command.
//!
//! A program's output goes to the log, never to standard output, and is cut and escaped. Each
//! program has a process group of its own; who hangs is ended with all that it started.

mod child;
mod children;
mod command_line;
mod each;
mod rate;
mod stream;

use std::num::NonZeroUsize;
use std::str::FromStr;
use std::sync::Arc;

use pigear_alert::Alert;
use pigear_alert::format::FormatName;
use pigear_pipeline::{Deadline, Handler, HandlerError};
use serde::Deserialize;

#[cfg(feature = "command")]
pub(crate) use children::kill_all;
pub use command_line::CommandLine;
pub use rate::Rate;

use crate::keys::{Time, parsed, parsed_option};
use each::Each;
use stream::Stream;

pub(crate) const ABOUT: &str = "runs a program; command='PROGRAM WORD...' mode=each|stream \
    format=json timeout=10s concurrency=1 rate=N (a minute)";

/// The keys of `exec`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The program and its arguments: a text that is split into words at spaces, with quotes as in a
    /// shell but without one; or, in a configuration file, a list of words.
    pub command: CommandLine,
    /// `each`, the default: the program runs once for each alert. `stream`: it runs all the time, and
    /// gets a line an alert.
    #[serde(default, deserialize_with = "parsed")]
    pub mode: Mode,
    /// What the program gets on standard input: `json`, the default, or another format; with
    /// `mode=stream` one that has a line an alert.
    #[serde(default = "json", deserialize_with = "parsed")]
    pub format: FormatName,
    /// With `mode=each`: how long a run may take, `10s` by default. Then its process group gets
    /// SIGTERM, and two seconds later SIGKILL.
    #[serde(default, deserialize_with = "parsed_option")]
    pub timeout: Option<Time>,
    /// With `mode=each`: how many may run at once. By default one, so that alerts come in order.
    #[serde(default, deserialize_with = "parsed_option")]
    pub concurrency: Option<NonZeroUsize>,
    /// With `mode=each`: how many runs there may be in a minute. What is above it waits, and if the
    /// queue is full is dropped and counted. Unlimited, by default.
    #[serde(default, deserialize_with = "parsed_option")]
    pub rate: Option<Rate>,
}

fn json() -> FormatName {
    FormatName::Json
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

/// Runs a program.
pub struct Exec(ExecMode);

enum ExecMode {
    Each(Each),
    Stream(Stream),
}

impl Exec {
    /// Finds the program, and with `mode=stream` starts it.
    ///
    /// # Errors
    /// If there is no such program, it can't be started, or keys don't fit together.
    pub fn new(options: Options) -> Result<Self, String> {
        options.command.find()?;
        if options.timeout.is_some_and(|timeout| timeout.0.is_zero()) {
            return Err("timeout=0s: no program is done so soon".to_owned());
        }
        match options.mode {
            Mode::Each => Ok(Self(ExecMode::Each(Each::new(options)))),
            Mode::Stream => Stream::start(options).map(ExecMode::Stream).map(Self),
        }
    }
}

impl Handler for Exec {
    fn start(&mut self, deadline: &Deadline) {
        match &mut self.0 {
            ExecMode::Each(each) => each.deadline = deadline.clone(),
            ExecMode::Stream(stream) => stream.deadline = deadline.clone(),
        }
    }

    fn delivers(&self) -> bool {
        true
    }

    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<(), HandlerError> {
        match &mut self.0 {
            ExecMode::Each(each) => each.handle(alerts),
            ExecMode::Stream(stream) => stream.handle(alerts),
        }
    }

    fn finish(&mut self) -> Result<(), HandlerError> {
        match &mut self.0 {
            ExecMode::Each(_) => Ok(()),
            ExecMode::Stream(stream) => stream.finish(),
        }
    }
}
