//! Handlers by name.

mod builtin;
#[cfg(feature = "command")]
mod looks;
#[cfg(feature = "command")]
mod probes;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::net::SocketAddr;

use pigear_pipeline::{AlertFactory, Handler, Source};
use serde::de::DeserializeOwned;

use crate::config::SourceConfig;
pub use crate::description::{Description, FileUse};
use crate::error_policy::ErrorPolicy;
use crate::keys::{KeyError, Keys, SetupError, key_names, keys_with_format};
use crate::rules::SharedRules;
#[cfg(any(feature = "metrics", feature = "nats", feature = "web"))]
use crate::sensors::SharedSensors;

/// Names in the Python program of 2012, the names of the same handlers here, and the keys that make these
/// behave as there.
const ALIASES: [Alias; 3] = [
    Alias { old: "pigear.core.DataHandler", name: "print", keys: &[] },
    Alias { old: "pigear.contrib.HttpSendHandler", name: "http", keys: &[("encoding", "form")] },
    Alias { old: "pigear.contrib.IPythonDataHandler", name: "shell", keys: &[] },
];

struct Alias {
    old: &'static str,
    name: &'static str,
    keys: &'static [(&'static str, &'static str)],
}

/// Handlers by name: the built-in ones, and your own.
pub struct Registry {
    kinds: BTreeMap<&'static str, HandlerKind>,
    resolver: Option<Box<dyn Resolver>>,
    rules: SharedRules,
    on_error: ErrorPolicy,
    #[cfg(any(feature = "metrics", feature = "nats", feature = "web"))]
    sensors: SharedSensors,
    #[cfg(feature = "web")]
    streams: crate::web::SharedStreams,
}

/// Creates handlers and sources that are not registered, by name only: for example the classes of a
/// scripting language.
pub trait Resolver: Send + Sync {
    /// Whether this resolver creates handlers and sources of this name. It is asked before the names of 2012
    /// are looked up.
    fn claims(&self, name: &str) -> bool;

    /// Creates a handler.
    ///
    /// # Errors
    /// If it doesn't exist, or can't start.
    fn handler(&self, name: &str, keys: Keys) -> Result<Box<dyn Handler>, Unresolved>;

    /// Creates a source.
    ///
    /// # Errors
    /// If it doesn't exist, or can't start.
    fn source(
        &self,
        name: &str,
        config: &SourceConfig,
        factory: AlertFactory,
    ) -> Result<Box<dyn Source>, Unresolved>;
}

/// Why a [`Resolver`] creates nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unresolved {
    /// The name doesn't exist, or is something else.
    #[error("{0}")]
    Absent(String),
    /// It exists, but can't start.
    #[error("{0}")]
    Failed(Box<dyn Error + Send + Sync>),
}

struct HandlerKind {
    description: Description,
    keys: Vec<&'static str>,
    check: Check,
    /// Whether the keys contradict each other.
    check_all: Option<Check>,
    requirements: Option<RequirementsOf>,
    build: Build,
    #[cfg(feature = "command")]
    probe: Option<crate::probed::Probe>,
    #[cfg(feature = "command")]
    look: Option<Look>,
}

type Check = Box<dyn Fn(Keys) -> Result<(), KeyError> + Send + Sync>;

/// `None` if the keys are wrong.
type RequirementsOf = Box<dyn Fn(Keys) -> Option<Requirements> + Send + Sync>;

type Build = Box<dyn Fn(Keys) -> Result<Box<dyn Handler>, BuildProblem> + Send + Sync>;

/// Looks at what a handler with these keys needs of the machine, without making anything.
#[cfg(feature = "command")]
type Look = Box<dyn Fn(Keys, crate::probed::Ports) -> Result<(), BuildProblem> + Send + Sync>;

/// What a handler requires, as its keys say it: known before it is created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Requirements {
    /// Whether it delivers to a receiver that confirms what it has.
    pub(crate) delivers: bool,
    /// Whether it needs the raw datagrams, which are not stored.
    pub(crate) datagram: bool,
    /// The address that it listens on.
    pub(crate) listens: Option<SocketAddr>,
}

/// Why a handler can't be created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The handler is unknown.
    #[error("unknown handler {name:?}; known are {known}")]
    Unknown {
        /// The unknown name.
        name: String,
        /// The known names.
        known: String,
    },
    /// The settings are invalid.
    #[error("handler {name}: {problem}")]
    Keys {
        /// The handler.
        name: String,
        /// What is wrong.
        problem: KeyError,
    },
    /// A [`Resolver`] has no such handler.
    #[error("handler {name}: {problem}")]
    Absent {
        /// The unknown name.
        name: String,
        /// What the name is instead.
        problem: String,
    },
    /// The settings are valid, but the handler can't start.
    #[error("handler {name}: {problem}")]
    Failed {
        /// The handler.
        name: String,
        /// The cause.
        problem: Box<dyn Error + Send + Sync>,
    },
}

impl BuildError {
    /// The same error, about a handler with this name.
    #[must_use]
    pub fn named(mut self, handler: &str) -> Self {
        match &mut self {
            Self::Unknown { .. } => {}
            Self::Keys { name, .. } | Self::Absent { name, .. } | Self::Failed { name, .. } => {
                handler.clone_into(name);
            }
        }
        self
    }
}

enum BuildProblem {
    Keys(KeyError),
    Failed(Box<dyn Error + Send + Sync>),
}

impl Registry {
    /// A registry without handlers.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            kinds: BTreeMap::new(),
            resolver: None,
            rules: SharedRules::default(),
            on_error: ErrorPolicy::default(),
            #[cfg(any(feature = "metrics", feature = "nats", feature = "web"))]
            sensors: SharedSensors::default(),
            #[cfg(feature = "web")]
            streams: crate::web::SharedStreams::default(),
        }
    }

    /// The rules of the configuration that is run with this registry, for handlers that show them.
    #[must_use]
    pub fn rules(&self) -> &SharedRules {
        &self.rules
    }

    /// The live streams of the pages of the configuration that is run with this registry.
    #[cfg(all(feature = "metrics", feature = "web"))]
    pub(crate) fn streams(&self) -> &crate::web::SharedStreams {
        &self.streams
    }

    /// What an error does in the configuration that is run with this registry.
    pub(crate) fn on_error(&self) -> &ErrorPolicy {
        &self.on_error
    }

    /// The sensors of the configuration that is run with this registry.
    #[cfg(any(feature = "metrics", feature = "nats"))]
    pub(crate) fn sensors(&self) -> &SharedSensors {
        &self.sensors
    }

    /// Adds a handler under a name, replacing one of the same name. The description of a handler that uses no
    /// files may be a text about it and its keys; `build` gets the keys, parsed into a struct.
    pub fn register<O, H, E>(
        &mut self,
        name: &'static str,
        description: impl Into<Description>,
        build: impl Fn(O) -> Result<H, E> + Send + Sync + 'static,
    ) where
        O: DeserializeOwned,
        H: Handler + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let keys = key_names::<O>().to_vec();
        self.insert(
            name,
            description.into(),
            keys,
            Box::new(|keys| keys.options::<O>().map(drop)),
            Box::new(move |keys| built(keys.options().map(&build))),
        );
    }

    /// Adds a handler that writes alerts in a format: its options have a field `format` of the type
    /// [`FormatKeys`](crate::keys::FormatKeys). The rest is as with [`register`](Self::register).
    pub fn register_writer<O, H, E>(
        &mut self,
        name: &'static str,
        description: impl Into<Description>,
        build: impl Fn(O) -> Result<H, E> + Send + Sync + 'static,
    ) where
        O: DeserializeOwned,
        H: Handler + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let keys = keys_with_format::<O>();
        self.insert(
            name,
            description.into(),
            keys,
            Box::new(|keys| keys.options_with_format::<O>().map(drop)),
            Box::new(move |keys| built(keys.options_with_format().map(&build))),
        );
    }

    fn insert(
        &mut self,
        name: &'static str,
        description: Description,
        keys: Vec<&'static str>,
        check: Check,
        build: Build,
    ) {
        let kind = HandlerKind {
            description,
            keys,
            check,
            check_all: None,
            requirements: None,
            build,
            #[cfg(feature = "command")]
            probe: None,
            #[cfg(feature = "command")]
            look: None,
        };
        self.kinds.insert(name, kind);
    }

    /// Sets the resolver for names that aren't registered.
    pub fn set_resolver(&mut self, resolver: impl Resolver + 'static) {
        self.resolver = Some(Box::new(resolver));
    }

    /// The resolver, if it claims this name.
    #[must_use]
    pub fn resolver(&self, name: &str) -> Option<&dyn Resolver> {
        let resolver = self.resolver.as_deref()?;
        (!self.kinds.contains_key(name) && resolver.claims(name)).then_some(resolver)
    }

    /// The registered name of a handler: the same, or that of a handler of the 2012 program.
    ///
    /// # Errors
    /// If there is no such handler.
    pub fn resolve<'a>(&self, name: &'a str) -> Result<&'a str, BuildError> {
        match self.resolver(name) {
            Some(_) => Ok(name),
            None => self.kind(name).map(|(name, _)| name),
        }
    }

    fn kind(&self, name: &str) -> Result<(&'static str, &HandlerKind), BuildError> {
        let name = alias(name).map_or(name, |alias| alias.name);
        let found = self.kinds.get_key_value(name).map(|(name, kind)| (*name, kind));
        found.ok_or_else(|| BuildError::Unknown {
            name: name.to_owned(),
            known: self.kinds.keys().copied().collect::<Vec<_>>().join(", "),
        })
    }

    /// Starts a handler.
    ///
    /// # Errors
    /// If the handler is unknown, its keys are invalid, or it can't start.
    pub fn build(&self, name: &str, mut keys: Keys) -> Result<Box<dyn Handler>, BuildError> {
        if let Some(resolver) = self.resolver(name) {
            return resolver.handler(name, keys).map_err(|problem| {
                let name = name.to_owned();
                match problem {
                    Unresolved::Absent(problem) => BuildError::Absent { name, problem },
                    Unresolved::Failed(problem) => BuildError::Failed { name, problem },
                }
            });
        }
        for (key, value) in alias(name).into_iter().flat_map(|alias| alias.keys) {
            keys.set_default(key, value);
        }
        let (name, kind) = self.kind(name)?;
        (kind.build)(keys).map_err(|problem| {
            let name = name.to_owned();
            match problem {
                BuildProblem::Keys(problem) => {
                    BuildError::Keys { name, problem: problem.or_of_every_handler() }
                }
                BuildProblem::Failed(problem) => BuildError::Failed { name, problem },
            }
        })
    }

    /// Checks the keys of a handler as its start does, without starting it.
    ///
    /// # Errors
    /// If the handler is unknown, or its keys are invalid. One that a [`Resolver`] creates is checked only there.
    pub(crate) fn check_keys(&self, name: &str, mut keys: Keys) -> Result<(), BuildError> {
        if self.resolver(name).is_some() {
            return Ok(());
        }
        for (key, value) in alias(name).into_iter().flat_map(|alias| alias.keys) {
            keys.set_default(key, value);
        }
        let (name, _) = self.kind(name)?;
        let checked = self.check(name, keys.clone()).and_then(|()| self.check_all(name, keys));
        checked.map_err(|problem| BuildError::Keys {
            name: name.to_owned(),
            problem: problem.or_of_every_handler(),
        })
    }

    /// Checks the keys of a handler, without starting it. One that a [`Resolver`] creates checks its own.
    pub(crate) fn check(&self, name: &str, keys: Keys) -> Result<(), KeyError> {
        self.kind(name).map_or(Ok(()), |(_, kind)| (kind.check)(keys))
    }

    /// Checks the keys of a handler together, as far as that is possible without starting it: each alone is right.
    pub(crate) fn check_all(&self, name: &str, keys: Keys) -> Result<(), KeyError> {
        let check = self.kind(name).ok().and_then(|(_, kind)| kind.check_all.as_ref());
        keys.check_format()?;
        check.map_or(Ok(()), |check| check(keys))
    }

    /// Sets what checks the options of a handler before it starts. Its start calls the same function.
    fn checked<O: DeserializeOwned + 'static>(
        &mut self,
        name: &str,
        check: fn(&O) -> Result<(), SetupError>,
    ) {
        let kind = self.kinds.get_mut(name);
        debug_assert!(kind.is_some(), "{name} is not registered yet");
        if let Some(kind) = kind {
            kind.check_all = Some(Box::new(move |keys| {
                let options = keys.options_with_format::<O>()?;
                check(&options).map_err(KeyError::from)
            }));
        }
    }

    /// Sets what says what a handler requires. Its start says the same.
    fn requiring<O: DeserializeOwned + 'static>(
        &mut self,
        name: &str,
        requirements: fn(&O) -> Requirements,
    ) {
        if let Some(kind) = self.kinds.get_mut(name) {
            let of =
                move |keys: Keys| keys.options_with_format::<O>().ok().as_ref().map(requirements);
            kind.requirements = Some(Box::new(of));
        }
    }

    /// What a handler requires, as far as that is known before it is created.
    pub(crate) fn requirements(&self, name: &str, keys: Keys) -> Option<Requirements> {
        let (_, kind) = self.kind(name).ok()?;
        kind.requirements.as_ref().and_then(|of| of(keys))
    }

    /// Each handler's name and description.
    pub fn about(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.kinds.iter().map(|(name, kind)| (*name, kind.description.about))
    }

    /// The keys of a handler that name files; none if it isn't registered.
    pub(crate) fn files(&self, name: &str) -> &'static [(&'static str, FileUse)] {
        self.kind(name).map_or(&[], |(_, kind)| kind.description.files)
    }

    /// The values of keys that a name stands for.
    #[cfg(feature = "command")]
    pub(crate) fn implied(&self, name: &str) -> &'static [(&'static str, &'static str)] {
        if self.resolver(name).is_some() { &[] } else { alias(name).map_or(&[], |it| it.keys) }
    }

    /// The names of a handler's own keys; none if it isn't registered.
    #[must_use]
    pub fn keys(&self, name: &str) -> &[&'static str] {
        self.kind(name).map_or(&[], |(_, kind)| &*kind.keys)
    }

    /// Whether a handler reads a store, by default the one that alerts go into.
    pub(crate) fn reads_store(&self, name: &str) -> bool {
        self.keys(name).contains(&"store")
    }
}

/// A handler that was made of its options, if these could be parsed.
fn built<H, E>(made: Result<Result<H, E>, KeyError>) -> Result<Box<dyn Handler>, BuildProblem>
where
    H: Handler + 'static,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    match made.map_err(BuildProblem::Keys)? {
        Ok(handler) => Ok(Box::new(handler)),
        Err(error) => Err(match error.into().downcast::<SetupError>() {
            Ok(error) if matches!(*error, SetupError::Keys(_)) => {
                BuildProblem::Keys((*error).into())
            }
            Ok(error) => BuildProblem::Failed(error),
            Err(error) => BuildProblem::Failed(error),
        }),
    }
}

fn alias(name: &str) -> Option<&'static Alias> {
    const { &ALIASES }.iter().find(|alias| alias.old == name)
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.kinds.keys()).finish()
    }
}
