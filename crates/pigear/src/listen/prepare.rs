//! Opens everything that a configuration names.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pigear_pipeline::{Filter, LaneConfig, NamesCell, Pipeline, WhenFull};
use tracing::debug;

use super::housekeeping::Housekeeper;
use super::open_store::{Filtered, OpenStore};
use super::opening::Opening;
use super::{ListenError, Listener, directories};
use crate::config::{Config, FilterConfig, HandlerConfig, SourceConfig};
use crate::input_file::{self, MAX_CONFIG};
use crate::names::Watched;
use crate::registry::Registry;
use crate::snort_conf;
use crate::stats_file::StatsFile;

const SNORT_CONF: &str = "/etc/snort/snort.conf";
const LOG_DIR: &str = "/var/log/snort";

impl Listener {
    /// Starts the handlers, reads the name maps, and binds the sockets, in this order: Snort finds a socket
    /// only once everything else is ready.
    ///
    /// # Errors
    /// If any of it fails. Nothing is left behind then, except files that handlers created.
    pub fn prepare(mut config: Config, registry: &Registry) -> Result<Self, ListenError> {
        if config.sources.is_empty() {
            config.sources.push(SourceConfig::default());
        }
        if config.handlers.is_empty() {
            config.handlers.push(HandlerConfig::new("print"));
        }
        directories::check(&config, registry)?;
        let (pipeline, store) = pipeline(&config, registry)?;
        let snort_confs =
            config.sources.iter().map(SnortConf::of).collect::<Result<Vec<_>, _>>()?;
        let mut files = config.names;
        for dir in snort_confs.iter().filter_map(SnortConf::dir) {
            files = files.or_in(dir);
        }
        // Before they are read, so that no change is missed.
        let watched = Watched::new(files.clone());
        let names = Arc::new(NamesCell::new(files.load()?));
        let mut stats_file = config.stats.map(StatsFile::new);
        if let Some(file) = &mut stats_file {
            file.write(&pipeline.stats().snapshot())
                .map_err(|source| ListenError::Stats { path: file.path().to_owned(), source })?;
        }
        let mut sources = Vec::new();
        let opening = Opening { names: &names, store: &store, registry };
        for (source, snort_conf) in config.sources.iter().zip(&snort_confs) {
            sources.extend(opening.open(source, || snort_conf.log_dir())?);
        }
        let stats = pipeline.stats();
        let housekeeping = Housekeeper { names, watched, stats, stats_file }.start();
        let housekeeping = housekeeping.map_err(ListenError::Thread)?;
        Ok(Self { pipeline, store, sources, housekeeping })
    }
}

fn pipeline(config: &Config, registry: &Registry) -> Result<(Pipeline, OpenStore), ListenError> {
    let mut pipeline = Pipeline::default();
    pipeline.on_error = config.on_error;
    pipeline.limit = config.count;
    // A recording or a log can wait for any time; Snort must not.
    let patient = config.sources.iter().all(|source| source.kind.is_patient());
    let when_full = if patient { WhenFull::Wait } else { WhenFull::AsSource };
    let mut store = OpenStore::open(&config.store)?;
    store.add_store_handler(&mut pipeline, when_full);
    for handler in &config.handlers {
        let failed = |problem| ListenError::Handler { place: handler.place.clone(), problem };
        let kind = registry.resolve(&handler.kind).map_err(failed)?;
        let built = registry.build(&handler.kind, handler.keys.clone()).map_err(failed)?;
        let name = handler.name.as_deref().unwrap_or(kind);
        let filters = filters(config, handler)?;
        let settings = handler.lane(when_full);
        if store.makes_durable(handler, name, &*built)? {
            store.add_lane(
                &mut pipeline,
                handler,
                name,
                Filtered { handler: built, filters },
                settings,
            )?;
        } else {
            pipeline.add(name, built, LaneConfig { settings, filters, queue: None });
        }
    }
    store.start(&config.store)?;
    Ok((pipeline, store))
}

/// The filters of a handler: the one of all handlers, and its own.
fn filters(config: &Config, handler: &HandlerConfig) -> Result<Vec<Box<dyn Filter>>, ListenError> {
    [&config.filter, &handler.filter].into_iter().flatten().map(compile).collect()
}

#[cfg(feature = "script")]
fn compile(filter: &FilterConfig) -> Result<Box<dyn Filter>, ListenError> {
    let compiled = crate::script::Filter::compile(&filter.script);
    let compiled = compiled.map_err(|problem| refused(filter, &problem))?;
    Ok(Box::new(compiled))
}

#[cfg(not(feature = "script"))]
fn compile(filter: &FilterConfig) -> Result<Box<dyn Filter>, ListenError> {
    Err(refused(filter, &"this program was built without filters"))
}

fn refused(filter: &FilterConfig, problem: &dyn Display) -> ListenError {
    ListenError::Filter { place: filter.place.clone(), problem: problem.to_string() }
}

/// The log directory in Snort's own configuration, if there is one.
struct SnortConf {
    path: PathBuf,
    text: Option<String>,
}

impl SnortConf {
    /// A configured file must exist; the default one may be missing.
    fn of(source: &SourceConfig) -> Result<Self, ListenError> {
        let path = source.snort_conf.clone().unwrap_or_else(|| SNORT_CONF.into());
        match input_file::read(&path, MAX_CONFIG) {
            Ok(bytes) => {
                let text = Some(String::from_utf8_lossy(&bytes).into_owned());
                Ok(Self { path, text })
            }
            Err(error) if source.snort_conf.is_some() => {
                Err(ListenError::SnortConf { path, source: error })
            }
            Err(error) => {
                debug!("{} is not used: {error}", path.display());
                Ok(Self { path, text: None })
            }
        }
    }

    fn dir(&self) -> Option<&Path> {
        self.text.as_ref().and_then(|_| self.path.parent())
    }

    fn log_dir(&self) -> PathBuf {
        self.text.as_deref().and_then(snort_conf::log_dir).unwrap_or_else(|| LOG_DIR.into())
    }
}
