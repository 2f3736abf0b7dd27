//! How to see whether handlers would find what they need of the machine. Their starts call the same functions.

use serde::de::DeserializeOwned;

use super::{BuildError, BuildProblem, Registry, alias};
use crate::handler::record;
use crate::keys::{Keys, SetupError};
use crate::probed::Ports;

impl Registry {
    /// Those of the built-in handlers that need a program, a file or an address.
    pub(super) fn add_looks(&mut self) {
        #[cfg(feature = "exec")]
        self.add_look("exec", |options: crate::handler::exec::Options, _| options.command.find());
        self.add_look("file", |options, _| crate::handler::file::File::look(&options));
        self.add_look("pcap", |options, _| crate::handler::pcap::Pcap::look(&options));
        let on_error = self.on_error.clone();
        self.add_look("record", move |options, ports| match (ports, on_error.get()) {
            // The running Pigear may write to it.
            (Ports::AreOwn, _) => Ok(()),
            (Ports::MustBeFree, on_error) => record::Record::look(&options, on_error),
        });
        #[cfg(feature = "http")]
        self.add_look("http", |options, _| crate::handler::http::look(&options));
        #[cfg(feature = "web")]
        self.add_look("web", |options, ports| crate::web::look(&options, ports));
    }

    fn add_look<O: DeserializeOwned, E: Into<SetupError>>(
        &mut self,
        name: &str,
        look: impl Fn(O, Ports) -> Result<(), E> + Send + Sync + 'static,
    ) {
        if let Some(kind) = self.kinds.get_mut(name) {
            kind.look = Some(Box::new(move |keys, ports| {
                let options = keys.options_with_format::<O>().map_err(BuildProblem::Keys)?;
                look(options, ports).map_err(|error| match error.into() {
                    SetupError::Keys(problem) => {
                        BuildProblem::Keys(SetupError::Keys(problem).into())
                    }
                    error @ SetupError::Failed(_) => BuildProblem::Failed(error.into()),
                })
            }));
        }
    }

    /// Looks at what a handler with these keys needs of the machine, without making anything.
    pub(crate) fn look(&self, name: &str, mut keys: Keys, ports: Ports) -> Result<(), BuildError> {
        if self.resolver(name).is_some() {
            return Ok(());
        }
        for (key, value) in alias(name).into_iter().flat_map(|alias| alias.keys) {
            keys.set_default(key, value);
        }
        let (name, kind) = self.kind(name)?;
        let looked = kind.look.as_ref().map_or(Ok(()), |look| look(keys, ports));
        let name = name.to_owned();
        looked.map_err(|problem| match problem {
            BuildProblem::Keys(problem) => BuildError::Keys { name, problem },
            BuildProblem::Failed(problem) => BuildError::Failed { name, problem },
        })
    }
}
