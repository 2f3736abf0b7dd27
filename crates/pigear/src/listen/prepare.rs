//! Opens everything that a configuration names.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pigear_pipeline::{Filter, LaneConfig, NamesCell, Pipeline, WhenFull};
use tracing::{debug, warn};

use super::files::Files;
use super::housekeeping::Housekeeper;
use super::open_store::{Filtered, OpenStore};
use super::opening::Opening;
use super::{HeldSockets, ListenError, Listener};
use crate::config::{Config, FilterConfig, HandlerConfig, SourceConfig};
use crate::input_file::MAX_CONFIG;
use crate::names::{NameFiles, Watched};
use crate::registry::Registry;
use crate::rules::Rules;
use crate::snort_conf::{self, Included, LOG_DIR};
use crate::stats_file::StatsFile;

const SNORT_CONF: &str = "/etc/snort/snort.conf";
/// Where Snort 3 has its configuration.
const SNORT_DIRS: [&str; 2] = ["/etc/snort", "/usr/local/etc/snort"];

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
        if config.sources.is_empty() {
            config.sources.push(SourceConfig::default());
        }
        if config.handlers.is_empty() {
            config.handlers.push(HandlerConfig::new("print"));
        }
        let mut files = Files::of(&config, registry);
        let missing = files.missing_directories();
        if !missing.is_empty() {
            return Err(ListenError::Directories { missing });
        }
        files.check()?;
        let snort_confs =
            config.sources.iter().map(SnortConf::of).collect::<Result<Vec<_>, _>>()?;
        let names = std::mem::take(&mut config.names);
        let names = snort_confs.iter().fold(names, |names, conf| conf.complete(names));
        files.add_names(&names);
        files.check()?;
        #[cfg(feature = "nats")]
        registry.sensors().clear();
        let (pipeline, store) = pipeline(&config, registry)?;
        if names.class_config.is_none() && config.sources.iter().any(SourceConfig::is_live) {
            warn_of_stock_classes();
        }
        let watched = Watched::load(names)?;
        #[cfg(feature = "script")]
        super::class_names::warn_of_unknown(&config, &watched.names().classes);
        let names = Arc::new(NamesCell::new(watched.names().clone()));
        let rules = if config.rules.is_empty() {
            None
        } else {
            Some(Arc::new(Rules::open(&config.rules)?))
        };
        registry.rules().set(rules.clone());
        let mut stats_file = config.stats.map(StatsFile::new);
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
    let mut store = OpenStore::open(&config.store, config.on_error)?;
    store.add_store_handler(&mut pipeline, when_full);
    for handler in &config.handlers {
        let failed = |problem| ListenError::Handler { place: handler.place.clone(), problem };
        let kind = registry.resolve(&handler.kind).map_err(failed)?;
        let name = handler.name.as_deref().unwrap_or(kind);
        let mut keys = handler.keys.clone();
        if let Some(path) = config.store.path.as_deref().and_then(Path::to_str)
            && registry.keys(kind).contains(&"store")
        {
            keys.set_default("store", path);
        }
        let built = registry.build(&handler.kind, keys);
        let built = built.map_err(|problem| failed(problem.named(name)))?;
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
    let filters = [&config.filter, &handler.filter].into_iter().flatten();
    filters.map(|filter| compile(filter, config)).collect()
}

#[cfg(feature = "script")]
fn compile(filter: &FilterConfig, config: &Config) -> Result<Box<dyn Filter>, ListenError> {
    use crate::config::SourceKind;
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

/// Lists of classes agree up to this number; what comes after it differs between Snort's and those of
/// rule sets.
const COMMON_CLASSES: u32 = 34;

fn warn_of_stock_classes() {
    warn!(
        "found no classification.config or snort.lua: classes have the names in Snort's own list, \
         which may be wrong above number {COMMON_CLASSES}; give Snort's file with --class-config"
    );
}

/// Snort's own configuration, if there is one.
struct SnortConf {
    path: PathBuf,
    text: Option<String>,
    /// Whether it is at its usual place, and not configured.
    is_usual: bool,
}

impl SnortConf {
    /// A configured file must exist; the default one may be missing.
    fn of(source: &SourceConfig) -> Result<Self, ListenError> {
        let is_usual = source.snort_conf.is_none();
        let path = source.snort_conf.clone().unwrap_or_else(|| SNORT_CONF.into());
        match Included::read(&path, MAX_CONFIG) {
            Ok(included) => Ok(Self { path, text: Some(included.text), is_usual }),
            Err(error) if !is_usual => Err(ListenError::SnortConf { path, source: error }),
            Err(error) => {
                debug!("{} is not used: {error}", path.display());
                Ok(Self { path, text: None, is_usual })
            }
        }
    }

    /// Adds the files that it names, and those beside it, where none was configured. Snort 3 has no
    /// `snort.conf`, but the same directories.
    fn complete(&self, files: NameFiles) -> NameFiles {
        let files = match &self.text {
            Some(text) => files.or_of(&self.path, text),
            None => files,
        };
        let usual = SNORT_DIRS.map(Path::new);
        let dirs =
            self.path.parent().into_iter().chain(usual.into_iter().filter(|_| self.is_usual));
        dirs.fold(files, NameFiles::or_in)
    }

    fn log_dir(&self) -> PathBuf {
        self.text.as_deref().and_then(snort_conf::log_dir).unwrap_or_else(|| LOG_DIR.into())
    }
}
