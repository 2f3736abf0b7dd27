//! Opens everything that a configuration names.

use std::sync::Arc;

use pigear_pipeline::{NamesCell, NewLane, Pipeline};
use tracing::warn;

use super::check::check;
use super::housekeeping::Housekeeper;
use super::in_force::InForce;
use super::lanes::{self, BuiltLane};
use super::metrics::MetricsServer;
use super::open_store::OpenStore;
use super::opening::Opening;
use super::{HeldSockets, ListenError, Listener};
use crate::config::{Config, SourceConfig};
use crate::names::Watched;
use crate::registry::Registry;
use crate::rules::Rules;
use crate::stats_file::StatsFile;

impl Listener {
    /// Starts the handlers, reads the name maps and the rules, and binds the sockets, in this order: Snort finds a socket
    /// only once everything else is ready.
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
        mut config: Config,
        registry: &Registry,
        held: &HeldSockets,
    ) -> Result<Self, ListenError> {
        let (snort_confs, names) = check(&mut config, registry)?;
        #[cfg(feature = "nats")]
        registry.sensors().clear();
        let metrics = MetricsServer::bind(&config, registry)?;
        let (pipeline, store) = pipeline(&config, registry)?;
        if names.class_config.is_none() && config.sources.iter().any(SourceConfig::is_live) {
            warn_of_stock_classes();
        }
        let watched = Watched::load(names.clone())?;
        #[cfg(feature = "script")]
        super::class_names::warn_of_unknown(&config, &watched.names().classes);
        let name_files = names;
        let names = Arc::new(NamesCell::new(watched.names().clone()));
        let rules = if config.rules.is_empty() {
            None
        } else {
            Some(Arc::new(Rules::open(&config.rules)?))
        };
        registry.rules().set(rules.clone());
        let mut stats_file = config.stats.clone().map(StatsFile::new);
        if let Some(file) = &mut stats_file {
            file.write(&pipeline.stats().snapshot())
                .map_err(|source| ListenError::Stats { path: file.path().to_owned(), source })?;
        }
        let mut sources = Vec::new();
        let is_only = config.sources.len() == 1;
        let opening = Opening { names: &names, store: &store, registry, held, is_only };
        for (source, snort_conf) in config.sources.iter().zip(&snort_confs) {
            sources.extend(opening.open(source, || snort_conf.log_dir())?);
        }
        held.check_all_taken()?;
        let stats = pipeline.stats();
        let housekeeping = Housekeeper { names, watched, rules, stats, stats_file }.start();
        let housekeeping = housekeeping.map_err(ListenError::Thread)?;
        let in_force = InForce { config, names: name_files };
        Ok(Self { pipeline, store, sources, housekeeping, in_force, metrics })
    }
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
