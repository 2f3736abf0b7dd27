//! The lanes of a configuration.

use std::fmt::Display;
use std::path::Path;

use pigear_pipeline::{Filter, Handler, LaneConfig, LaneSettings, NewLane, WhenFull};

use super::ListenError;
use super::open_store::OpenStore;
use crate::config::{Config, FilterConfig, HandlerConfig};
use crate::keys::Keys;
use crate::registry::Registry;

/// A lane whose handler and filters are there, before it has a queue.
pub(super) struct BuiltLane<'a> {
    pub(super) name: String,
    config: &'a HandlerConfig,
    pub(super) handler: Box<dyn Handler>,
    pub(super) filters: Vec<Box<dyn Filter>>,
    pub(super) settings: LaneSettings,
}

/// What happens to alerts that find a queue full, if a handler doesn't say it. A recording or a log can wait for any
/// time; Snort must not.
pub(super) fn when_full(config: &Config) -> WhenFull {
    let patient = config.sources.iter().all(|source| source.kind.is_patient());
    if patient { WhenFull::Wait } else { WhenFull::AsSource }
}

impl<'a> BuiltLane<'a> {
    pub(super) fn new(
        config: &Config,
        handler: &'a HandlerConfig,
        registry: &Registry,
    ) -> Result<Self, ListenError> {
        let failed = |problem| ListenError::Handler { place: handler.place.clone(), problem };
        let kind = registry.resolve(&handler.kind).map_err(failed)?;
        let name = handler.name.as_deref().unwrap_or(kind);
        let built = registry.build(&handler.kind, keys_of(config, handler, kind, registry));
        let built = built.map_err(|problem| failed(problem.named(name)))?;
        let filters = filters(config, handler)?;
        let settings = handler.lane(when_full(config));
        Ok(Self { name: name.to_owned(), config: handler, handler: built, filters, settings })
    }

    /// Whether its alerts wait in the store.
    pub(super) fn is_durable(&self, store: &OpenStore) -> Result<bool, ListenError> {
        store.makes_durable(self.config, &self.name, &*self.handler)
    }

    /// With its queue.
    pub(super) fn open(self, store: &mut OpenStore) -> Result<NewLane, ListenError> {
        let durable = self.is_durable(store)?;
        let Self { name, config, handler, filters, settings } = self;
        let target = handler.needs().target;
        let queue = if durable { store.queue(config, &name, target, settings)? } else { None };
        Ok(NewLane { name, handler, config: LaneConfig { settings, filters, queue } })
    }
}

/// Checks a handler's own keys and its filters, without making anything.
pub(super) fn check(
    config: &Config,
    handler: &HandlerConfig,
    registry: &Registry,
) -> Result<(), ListenError> {
    let failed = |problem| ListenError::Handler { place: handler.place.clone(), problem };
    let kind = registry.resolve(&handler.kind).map_err(failed)?;
    let name = handler.name.as_deref().unwrap_or(kind);
    let keys = keys_of(config, handler, kind, registry);
    let checked = registry.check_keys(&handler.kind, keys);
    checked.map_err(|problem| failed(problem.named(name)))?;
    filters(config, handler).map(drop)
}

/// Checks the filter of all handlers.
#[cfg(feature = "command")]
pub(super) fn check_filter(config: &Config) -> Result<(), ListenError> {
    config.filter.iter().try_for_each(|filter| compile(filter, config).map(drop))
}

/// Looks at what a handler needs of the machine, as its start does, without making anything.
#[cfg(feature = "command")]
pub(super) fn look(
    config: &Config,
    handler: &HandlerConfig,
    registry: &Registry,
    ports: crate::probed::Ports,
) -> Result<(), ListenError> {
    let failed = |problem| ListenError::Handler { place: handler.place.clone(), problem };
    let kind = registry.resolve(&handler.kind).map_err(failed)?;
    let name = handler.name.as_deref().unwrap_or(kind);
    let looked = registry.look(&handler.kind, keys_of(config, handler, kind, registry), ports);
    looked.map_err(|problem| failed(problem.named(name)))
}

/// A handler's own keys. One that reads a store reads that of this configuration, if it names no other.
pub(super) fn keys_of(
    config: &Config,
    handler: &HandlerConfig,
    kind: &str,
    registry: &Registry,
) -> Keys {
    let mut keys = handler.keys.clone();
    if let Some(path) = config.store.path.as_deref().and_then(Path::to_str)
        && registry.reads_store(kind)
    {
        keys.set_default("store", path);
    }
    keys
}

/// The filters of a handler: the one of all handlers, and its own.
pub(super) fn filters(
    config: &Config,
    handler: &HandlerConfig,
) -> Result<Vec<Box<dyn Filter>>, ListenError> {
    let filters = [&config.filter, &handler.filter].into_iter().flatten();
    filters.map(|filter| compile(filter, config)).collect()
}

#[cfg(feature = "script")]
fn compile(filter: &FilterConfig, config: &Config) -> Result<Box<dyn Filter>, ListenError> {
    use crate::config::{SourceConfig, SourceKind};
    use crate::script::Advice;

    let compiled = crate::script::Filter::compile(&filter.script);
    let compiled = compiled.map_err(|problem| refused(filter, &problem))?;
    let may_complete =
        |source: &SourceConfig| source.kind == SourceKind::Unix && source.complete_from.is_none();
    let may_complete = config.sources.iter().any(may_complete);
    let advice = if may_complete { Advice::Complete } else { Advice::Nothing };
    Ok(Box::new(compiled.advising(advice)))
}

#[cfg(not(feature = "script"))]
fn compile(filter: &FilterConfig, _: &Config) -> Result<Box<dyn Filter>, ListenError> {
    Err(refused(filter, &"this program was built without filters"))
}

fn refused(filter: &FilterConfig, problem: &dyn Display) -> ListenError {
    ListenError::Filter { place: filter.place.clone(), problem: problem.to_string() }
}
