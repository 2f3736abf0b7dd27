//! Pigear with a handler of your own: the whole command line, and `--data-handler mine greeting=hi`.
//!
//! `cargo run --example own_program -- --data-handler mine greeting=Look --logdir /var/log/snort`

use std::convert::Infallible;
use std::process::ExitCode;
use std::sync::Arc;

use pigear::registry::Registry;
use pigear_alert::Alert;
use pigear_pipeline::{Failure, Handler, Progress};
use serde::Deserialize;

/// The handler's keys; one that isn't here is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    greeting: String,
}

struct Mine(Options);

impl Handler for Mine {
    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
        for alert in alerts {
            eprintln!("{}: {}", self.0.greeting, String::from_utf8_lossy(&alert.msg()));
        }
        Ok(Progress::All)
    }
}

fn main() -> ExitCode {
    let mut registry = Registry::builtin();
    let about = "greets each alert; greeting=TEXT";
    registry.register("mine", about, |options| Ok::<_, Infallible>(Mine(options)));
    pigear::command::main(&registry)
}
