//! `exec`: runs a program.
//!
//! Either once for each alert (`mode=each`): the alert is on standard input as JSON, and its main fields
//! are in the environment. Or once for all (`mode=stream`): the program gets a line per alert, and is
//! restarted if it ends. There is no shell in between, so nothing in an alert can become a command.
//!
//! A program's output goes to the log, truncated and escaped, never to standard output. Each program has
//! its own process group: if it hangs, it is killed with all processes that it started.

mod child;
mod children;
mod command_line;
mod each;
mod options;
mod rate;
mod stream;

use std::sync::Arc;

use pigear_alert::Alert;
use pigear_pipeline::{Context, Failure, Handler, Needs, Progress};

#[cfg(feature = "command")]
pub(crate) use children::{confine, kill_all};
pub use command_line::CommandLine;
pub use options::{Mode, Options};
pub use rate::Rate;

use crate::description::Description;
use crate::keys::SetupError;
use each::Each;
use stream::Stream;

pub(crate) const DESCRIPTION: Description = Description {
    about: "runs a program; command='PROGRAM WORD...' mode=each|stream \
    format=json timeout=10s concurrency=1 rate=N (a minute)",
    files: &[],
};

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
    /// If there is no such program, it can't be started, or the keys contradict each other.
    pub fn new(options: Options) -> Result<Self, SetupError> {
        options.check()?;
        options.command.find()?;
        match options.mode {
            Mode::Each => Each::new(options).map(ExecMode::Each).map(Self),
            Mode::Stream => Stream::start(options).map(ExecMode::Stream).map(Self),
        }
    }
}

impl Handler for Exec {
    fn needs(&self) -> Needs {
        let target = match &self.0 {
            ExecMode::Each(each) => each.program(),
            ExecMode::Stream(stream) => stream.program(),
        };
        Needs { delivers: true, target: Some(target.to_owned()), ..Needs::default() }
    }

    fn start(&mut self, context: Context) -> Result<(), Failure> {
        match &mut self.0 {
            ExecMode::Each(each) => each.start(context),
            ExecMode::Stream(stream) => {
                (stream.name, stream.deadline) = (context.name, context.deadline);
            }
        }
        Ok(())
    }

    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
        match &mut self.0 {
            ExecMode::Each(each) => each.handle(alerts),
            ExecMode::Stream(stream) => stream.handle(alerts),
        }
    }

    fn finish(&mut self) -> Result<(), Failure> {
        match &mut self.0 {
            ExecMode::Each(_) => Ok(()),
            ExecMode::Stream(stream) => stream.finish(),
        }
    }
}
