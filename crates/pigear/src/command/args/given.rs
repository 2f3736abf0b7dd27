use std::collections::BTreeMap;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches};

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
    /// The option of this field.
    pub(in crate::command) fn get(&self, field: &str) -> Option<&GivenOption> {
        self.0.get(field)
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
