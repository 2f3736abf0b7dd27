use std::collections::BTreeMap;
use std::fmt;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches};

use crate::config::SourceConfig;

/// Which options are given, each with its values as they are written, and whether they are in the environment.
///
/// A field of this type must be the first: others take their values from what was parsed.
#[derive(Clone, Debug, Default)]
pub(in crate::command) struct Given(BTreeMap<String, GivenOption>);

/// An option that is given.
#[derive(Clone, Debug)]
pub(in crate::command) struct GivenOption {
    pub(in crate::command) is_variable: bool,
    pub(in crate::command) values: Vec<String>,
}

impl Given {
    /// Those of a source, as they are given: `--logdir`, or `PIGEAR_LOGDIR`.
    pub(in crate::command) fn of_source(&self) -> Vec<GivenName> {
        let command = SourceConfig::augment_args(Command::new(""));
        let options = command.get_arguments().filter_map(|arg| {
            let given = self.get(arg.get_id().as_str())?;
            Some(GivenName { option: arg.get_long()?.to_owned(), is_variable: given.is_variable })
        });
        options.collect()
    }

    /// What an option's value is given by, for an error.
    pub(in crate::command) fn name_of(&self, option: &str) -> GivenName {
        let is_variable = self.get(&option.replace('-', "_")).is_some_and(|it| it.is_variable);
        GivenName { option: option.to_owned(), is_variable }
    }

    /// The option of this field.
    pub(in crate::command) fn get(&self, field: &str) -> Option<&GivenOption> {
        self.0.get(field)
    }
}

/// The name of an option, as it is given.
#[derive(Clone, Debug)]
pub(in crate::command) struct GivenName {
    pub(in crate::command) option: String,
    pub(in crate::command) is_variable: bool,
}

impl fmt::Display for GivenName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_variable {
            f.write_str(&variable(&self.option))
        } else {
            write!(f, "--{}", self.option)
        }
    }
}

impl FromArgMatches for Given {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = matches.ids().filter_map(|id| {
            let field = id.as_str();
            let source = matches.value_source(field)?;
            let values = matches.try_get_raw(field).ok()??;
            let values = values.map(|value| value.to_string_lossy().into_owned()).collect();
            let is_variable = source == ValueSource::EnvVariable;
            let option = GivenOption { is_variable, values };
            (source != ValueSource::DefaultValue).then(|| (field.to_owned(), option))
        });
        Ok(Self(given.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Given {
    fn augment_args(command: Command) -> Command {
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        command
    }
}

/// The environment variable of an option.
pub(in crate::command) fn variable(option: &str) -> String {
    format!("PIGEAR_{}", option.replace('-', "_").to_ascii_uppercase())
}
