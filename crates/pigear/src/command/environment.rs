//! The settings in the environment, for commands that look at what listening would do.

use std::{env, fmt};

use clap::FromArgMatches;
use tracing::warn;

use super::args::{self, Args, ListenArgs};
use super::failure::Failure;
use crate::registry::Registry;
use crate::similar::nearest;
use crate::visible::visible;

/// How all their names begin.
const BEGIN: &str = "PIGEAR_";

/// The options of listening that are given in the environment; `None` if there are none.
pub(super) fn listen_args(registry: &Registry) -> Result<Option<ListenArgs>, Failure> {
    let known = names(registry);
    let is_given = |name: &String| env::var_os(name).is_some_and(|value| !value.is_empty());
    if !known.iter().any(is_given) {
        return Ok(None);
    }
    let matches = args::with_environment(args::command(registry)).try_get_matches_from(["pigear"]);
    let parsed = matches.and_then(|matches| Args::from_arg_matches(&matches));
    let parsed = parsed.map_err(|error| Failure::usage(anyhow::anyhow!(first_line(&error))))?;
    Ok(Some(parsed.listen))
}

/// A variable that sets nothing, and the setting whose name is nearly the same.
pub(super) struct Misspelt {
    name: String,
    meant: String,
}

impl fmt::Display for Misspelt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, meant } = self;
        write!(f, "the variable {name} sets nothing; did you mean {meant}?")
    }
}

/// Variables whose names are nearly those of settings, and that set nothing. Others may be there for other programs:
/// those of handlers, or what a container platform says of its services.
pub(super) fn misspelt(registry: &Registry) -> Vec<Misspelt> {
    let known = names(registry);
    let settings: Vec<_> = known.iter().filter_map(|name| name.strip_prefix(BEGIN)).collect();
    let given = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let unknown = given.filter(|name| !known.contains(name));
    let near = unknown.filter_map(|name| {
        let near = nearest(name.strip_prefix(BEGIN)?, settings.iter().copied())?;
        Some(Misspelt { name: visible(name.as_bytes()), meant: format!("{BEGIN}{near}") })
    });
    near.collect()
}

/// Warns of them.
pub(super) fn warn_of_misspelt(registry: &Registry) {
    for variable in misspelt(registry) {
        warn!("{variable}");
    }
}

/// Warns of those that are nearly some variables.
#[cfg(feature = "store")]
pub(super) fn warn_of_nearly(variables: &[&str], registry: &Registry) {
    let all = misspelt(registry).into_iter();
    for variable in all.filter(|it| variables.contains(&&*it.meant)) {
        warn!("{variable}");
    }
}

/// The variables of all options of listening.
fn names(registry: &Registry) -> Vec<String> {
    let command = args::command(registry);
    let options = command.get_arguments().filter_map(clap::Arg::get_long);
    options.filter(|name| *name != "json").map(args::variable).collect()
}

fn first_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}
