//! Pigear with a handler that sleeps: this program again, when started by itself.

use std::convert::Infallible;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;
use std::{env, thread};

use pigear::registry::Registry;
use pigear_alert::Alert;
use pigear_pipeline::{Failure, Handler, Progress};
use serde::Deserialize;

use crate::children::Receiver;

const VARIABLE: &str = "PIGEAR_BENCH_SLEEPER";

struct Sleep;

#[derive(Deserialize)]
struct Options {}

impl Handler for Sleep {
    fn handle(&mut self, _: &[Arc<Alert>]) -> Result<Progress, Failure> {
        thread::sleep(Duration::from_secs(3_600));
        Ok(Progress::All)
    }
}

/// Whether this process is to be the sleeper.
pub(crate) fn is_wanted() -> bool {
    env::var_os(VARIABLE).is_some()
}

pub(crate) fn main() -> ExitCode {
    let mut registry = Registry::builtin();
    registry.register("sleep", "sleeps", |_: Options| Ok::<_, Infallible>(Sleep));
    pigear::command::main(&registry)
}

/// Starts a Pigear with so many handlers that sleep.
pub(crate) fn start(dir: &Path, handlers: usize) -> anyhow::Result<Receiver> {
    let mut program = Command::new(env::current_exe()?);
    program.env(VARIABLE, "1");
    let args = ["--data-handler", "sleep"].repeat(handlers);
    Receiver::program(dir, program, &args, Stdio::null())
}
