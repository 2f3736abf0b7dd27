//! `pigear top`: what a store gets, on a screen.

use std::env;
use std::io::{self, IsTerminal};

use anyhow::anyhow;

use super::args::TopArgs;
use super::failure::Failure;
use super::store_path::store_path;
use crate::registry::Registry;
use crate::top::{TopError, TopOptions, run as show};

const HINT: &str = "`pigear query --follow` shows new alerts without a screen";

pub(super) fn run(args: TopArgs, registry: &Registry) -> Result<(), Failure> {
    let path = store_path(&args.store, registry)?;
    check_terminal()?;
    let colour = env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let zone = args.zone();
    Ok(show(TopOptions { path, selection: args.which, zone, colour })?)
}

fn check_terminal() -> Result<(), Failure> {
    let streams = [("output", io::stdout().is_terminal()), ("input", io::stdin().is_terminal())];
    for (stream, is_terminal) in streams {
        if !is_terminal {
            let error = anyhow!("standard {stream} is not a terminal, and pigear top needs one");
            return Err(Failure::usage(error).with_hint(HINT));
        }
    }
    if env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb") {
        let error = anyhow!("this terminal can't place text on the screen (TERM says so)");
        return Err(Failure::usage(error).with_hint(HINT));
    }
    Ok(())
}

impl From<TopError> for Failure {
    fn from(error: TopError) -> Self {
        match error {
            TopError::Store(error) => error.into(),
            TopError::Selection(problem) => problem.into(),
            error => anyhow!(error).into(),
        }
    }
}
