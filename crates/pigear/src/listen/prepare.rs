//! Opens everything that a configuration names.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use pigear_pipeline::{NamesCell, NewLane, Pipeline};
use tracing::warn;

use super::check::check;
use super::housekeeping::Housekeeper;
use super::in_force::InForce;
use super::lanes::{self, BuiltLane};
use super::metrics::MetricsServer;
use super::open_store::OpenStore;
use super::opening::{Found, Opening};
use super::{HeldSockets, ListenError, Listener};
use crate::config::{Config, SourceConfig};
use crate::names::Watched;
use crate::registry::Registry;
use crate::rules::Rules;
use crate::stats_file::StatsFile;

impl Listener {
    /// Reads the name maps, the rules and what sources read from, then starts the handlers, and last binds the sockets:
    /// nothing is made before everything was looked at, and Snort finds a socket only once everything else is ready.
    ///
    /// # Errors
    /// If any of it fails. Nothing is left behind then, except files that handlers created.
    pub fn prepare(config: Config, registry: &Registry) -> Result<Self, ListenError> {
        Self::prepare_with(config, registry, &HeldSockets::default())
    }

    /// The same, with sockets that are bound already.
    ///
    /// # Errors
    /// As above, and if no source takes one of these sockets.
    pub fn prepare_with(
        config: Config,
        registry: &Registry,
        held: &HeldSockets,
    ) -> Result<Self, ListenError> {
        Self::prepare_noting(config, registry, held, || ())
    }

    /// The same, and calls a function once everything was looked at, before anything is made.
    pub(crate) fn prepare_noting(
        mut config: Config,
        registry: &Registry,
        held: &HeldSockets,
        looked_at_all: impl FnOnce(),
    ) -> Result<Self, ListenError> {
        let (snort_confs, names) = check(&mut config, registry)?;
        #[cfg(feature = "nats")]
        registry.sensors().clear();
        let metrics = MetricsServer::bind(&config, registry)?;
        let watched = Watched::load(names.clone())?;
        let shared_names = Arc::new(NamesCell::new(watched.names().clone()));
        let rules = if config.rules.is_empty() {
            None
        } else {
            Some(Arc::new(Rules::open(&config.rules)?))
        };
        check_stats(config.stats.as_ref())?;
        let mut stats_file = config.stats.clone().map(StatsFile::new);
        let is_only = config.sources.len() == 1;
        let opening = Opening { names: &shared_names, registry, held, is_only };
        let found = config.sources.iter().zip(&snort_confs);
        let found = found.map(|(source, snort_conf)| opening.find(source, || snort_conf.log_dir()));
        let found = found.collect::<Result<Vec<_>, _>>()?;
        let wanted: Vec<_> = found.iter().flat_map(Found::sockets).collect();
        held.check_all_wanted(&wanted)?;
        // Only now something is made: the files of handlers, the store, the counters, and last the sockets.
        looked_at_all();
        registry.on_error().set(config.on_error);
        let (pipeline, store) = pipeline(&config, registry)?;
        if names.class_config.is_none() && config.sources.iter().any(SourceConfig::is_live) {
            warn_of_stock_classes();
        }
        #[cfg(feature = "script")]
        super::class_names::warn_of_unknown(&config, &watched.names().classes);
        registry.rules().set(rules.clone());
        if let Some(file) = &mut stats_file {
            let written = file.begin(&pipeline.stats().snapshot());
            written.map_err(|error| cannot_write(file, error))?;
        }
        let mut sources = Vec::new();
        for (source, found) in config.sources.iter().zip(found) {
            sources.extend(opening.open(source, found, &store)?);
        }
        let stats = pipeline.stats();
        let name_files = names;
        let names = shared_names;
        let housekeeping = Housekeeper { names, watched, rules, stats, stats_file }.start();
        let housekeeping = housekeeping.map_err(ListenError::Thread)?;
        let in_force = InForce { config, names: name_files };
        Ok(Self { pipeline, store, sources, housekeeping, in_force, metrics })
    }
}

/// Checks that the counters can be written.
pub(super) fn check_stats(path: Option<&PathBuf>) -> Result<(), ListenError> {
    let Some(file) = path.cloned().map(StatsFile::new) else { return Ok(()) };
    file.check().map_err(|error| cannot_write(&file, error))
}

fn cannot_write(file: &StatsFile, source: io::Error) -> ListenError {
    ListenError::Stats { path: file.path().to_owned(), source }
}

fn pipeline(config: &Config, registry: &Registry) -> Result<(Pipeline, OpenStore), ListenError> {
    let mut pipeline = Pipeline::default();
    pipeline.on_error = config.on_error;
    pipeline.limit = config.count;
    // Before the store: a handler with a mistake leaves nothing behind.
    let built = config.handlers.iter().map(|handler| BuiltLane::new(config, handler, registry));
    let built: Vec<_> = built.collect::<Result<_, _>>()?;
    let mut store = OpenStore::open(&config.store, config.on_error)?;
    store.add_store_handler(&mut pipeline, lanes::when_full(config));
    for lane in built {
        let NewLane { name, handler, config } = lane.open(&mut store)?;
        pipeline.add(&name, handler, config);
    }
    store.start(&config.store)?;
    Ok((pipeline, store))
}

/// Lists of classes agree up to this number; what comes after it differs between Snort's and those of
/// rule sets.
const COMMON_CLASSES: u32 = 34;

fn warn_of_stock_classes() {
    warn!(
        "found no classification.config or snort.lua: classes have the names in Snort's own list, \
         which may be wrong above number {COMMON_CLASSES}; give Snort's file with --class-config"
    );
}
