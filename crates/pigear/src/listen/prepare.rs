//! Opening everything that a configuration names.

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pigear_alert::Origin;
use pigear_alert::wire::Decoder;
use pigear_pipeline::complete::{Completer, Completing};
use pigear_pipeline::source::Play;
use pigear_pipeline::source::unified2::{OpenError, Spool, Start, Unified2, Until};
use pigear_pipeline::{Filter, Intake, NamesCell, Pipeline, Source, WhenFull};
use tracing::debug;

use super::kept::{Filtered, Kept};
use super::sockets::{self, Socket};
use super::{ListenError, Listener};
use crate::config::{Config, FilterConfig, HandlerConfig, SourceConfig, SourceKind};
use crate::names::Watched;
use crate::registry::Registry;
use crate::snort_conf;
use crate::stats_file;

const SNORT_CONF: &str = "/etc/snort/snort.conf";
/// How long an alert that lacks something waits for Snort's log.
const COMPLETE_WAIT: Duration = Duration::from_millis(500);
const LOG_DIR: &str = "/var/log/snort";

impl Listener {
    /// Starts the handlers, reads the files of names, and binds the sockets, in this order: Snort
    /// finds a socket only once everything else is in place.
    ///
    /// # Errors
    /// If any of it can't be had. Nothing is left behind then, but for files that handlers created.
    pub fn prepare(mut config: Config, registry: &Registry) -> Result<Self, ListenError> {
        if config.sources.is_empty() {
            config.sources.push(SourceConfig::default());
        }
        if config.handlers.is_empty() {
            config.handlers.push(HandlerConfig::new("print"));
        }
        let (pipeline, kept) = pipeline(&config, registry)?;
        let snort_confs =
            config.sources.iter().map(SnortConf::of).collect::<Result<Vec<_>, _>>()?;
        let mut files = config.names;
        for dir in snort_confs.iter().filter_map(SnortConf::dir) {
            files = files.or_in(dir);
        }
        // Before they are read, so that no change goes unnoticed.
        let watched = Watched::new(files.clone());
        let names = Arc::new(NamesCell::new(files.load()?));
        if let Some(path) = &config.stats {
            let written = stats_file::write(path, &pipeline.stats().snapshot());
            written.map_err(|source| ListenError::Stats { path: path.clone(), source })?;
        }
        let mut sources = Vec::new();
        for (source, snort_conf) in config.sources.iter().zip(&snort_confs) {
            sources.extend(open(source, snort_conf, &names, registry)?);
        }
        Ok(Self { pipeline, kept, sources, names, watched, stats_file: config.stats })
    }
}

fn pipeline(config: &Config, registry: &Registry) -> Result<(Pipeline, Kept), ListenError> {
    let mut pipeline = Pipeline::default();
    pipeline.on_error = config.on_error;
    pipeline.limit = config.count;
    // A recording or a log waits as long as need be; Snort must not.
    let patient = config.sources.iter().all(|source| source.kind.is_patient());
    let when_full = if patient { WhenFull::Wait } else { WhenFull::DropNewest };
    let mut kept = Kept::open(&config.store)?;
    kept.add_keeper(&mut pipeline, when_full);
    for handler in &config.handlers {
        let failed = |problem| ListenError::Handler { place: handler.place.clone(), problem };
        let kind = registry.resolve(&handler.kind).map_err(failed)?;
        let built = registry.build(&handler.kind, handler.keys.clone()).map_err(failed)?;
        let name = handler.name.as_deref().unwrap_or(kind);
        let filters = filters(config, handler)?;
        let settings = handler.lane(when_full);
        if kept.makes_durable(handler, name, &*built)? {
            kept.add_lane(
                &mut pipeline,
                handler,
                name,
                Filtered { handler: built, filters },
                settings,
            )?;
        } else {
            pipeline.add_filtered(name, built, settings, filters);
        }
    }
    kept.start(&config.store)?;
    Ok((pipeline, kept))
}

/// What a handler's alerts must pass: the filter of all handlers, and its own.
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

/// Snort's own configuration, as far as there is one.
struct SnortConf {
    path: PathBuf,
    text: Option<String>,
}

impl SnortConf {
    /// A file that was named must be there; the usual one may be missing.
    fn of(source: &SourceConfig) -> Result<Self, ListenError> {
        let path = source.snort_conf.clone().unwrap_or_else(|| SNORT_CONF.into());
        match fs::read(&path) {
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

fn open(
    source: &SourceConfig,
    snort_conf: &SnortConf,
    names: &Arc<NamesCell>,
    registry: &Registry,
) -> Result<Vec<Box<dyn Source>>, ListenError> {
    let bind = |socket: Socket| bind(socket, source, names);
    match &source.kind {
        SourceKind::Unix => {
            let sockets = sockets::named_by(source, || snort_conf.log_dir())?;
            if sockets.len() > 1 && source.complete_from.is_some() && source.bookmark.is_some() {
                return Err(ListenError::Source(
                    "several packet threads have several logs, which can't share a --bookmark",
                ));
            }
            let bound = sockets.into_iter().map(bind).collect::<Result<Vec<_>, _>>()?;
            Ok(bound.into_iter().flatten().collect())
        }
        SourceKind::Unified2 => Ok(vec![Box::new(log(source, names)?)]),
        SourceKind::Play => {
            let path = source.from.clone().ok_or(ListenError::Source(
                "the socket handler `play` needs a recording; give it with --from FILE",
            ))?;
            let play = Play::open(path.clone(), intake(source, names, None))
                .map_err(|source| ListenError::Recording { path, source })?;
            Ok(vec![Box::new(play)])
        }
        SourceKind::Resolved(name) => {
            let unknown = || ListenError::UnknownSource { name: name.clone() };
            let resolver = registry.resolver(name).ok_or_else(unknown)?;
            let made = resolver.source(name, source, intake(source, names, None));
            let failed = |problem| ListenError::SourceHandler { name: name.clone(), problem };
            Ok(vec![made.map_err(failed)?])
        }
    }
}

/// Binds a socket, and follows its log, if its alerts are to be completed.
fn bind(
    socket: Socket,
    source: &SourceConfig,
    names: &Arc<NamesCell>,
) -> Result<Vec<Box<dyn Source>>, ListenError> {
    let mut intake = intake(source, names, Some(&socket));
    let mut sources: Vec<Box<dyn Source>> = Vec::new();
    if let Some(log) = &source.complete_from {
        let path = socket.log(source, log);
        let completing = Completing::new(source.complete_wait.map_or(COMPLETE_WAIT, |wait| wait.0));
        match completer(&path, source, &completing, intake.clone()) {
            Ok(completer) => sources.push(Box::new(completer)),
            Err(source) => return Err(ListenError::Log { path, source }),
        }
        intake.completing = Some(completing);
    }
    sources.push(Box::new(socket.bind(source, intake)?));
    Ok(sources)
}

fn completer(
    path: &Path,
    source: &SourceConfig,
    completing: &Completing,
    intake: Intake,
) -> Result<Completer, OpenError> {
    let nothing_known = Box::new(|_: &_| false);
    let bookmark = source.bookmark.clone();
    Completer::open(Spool::at(path)?, bookmark, completing.clone(), nothing_known, intake)
}

fn log(source: &SourceConfig, names: &Arc<NamesCell>) -> Result<Unified2, ListenError> {
    let path = source.from.clone().ok_or(ListenError::Source(
        "the socket handler `unified2` needs Snort's log; give it with --from DIR/NAME",
    ))?;
    let start = if source.from_start { Start::Beginning } else { Start::Bookmark };
    let until = if source.once { Until::End } else { Until::Stopped };
    let opened = Spool::at(&path).map_err(OpenError::from).and_then(|spool| {
        Unified2::open(spool, start, source.bookmark.clone(), intake(source, names, None))
    });
    match opened {
        Ok(log) => Ok(log.until(until)),
        Err(source) => Err(ListenError::Log { path, source }),
    }
}

fn intake(source: &SourceConfig, names: &Arc<NamesCell>, socket: Option<&Socket>) -> Intake {
    let origin = Origin {
        sensor: source.sensor.clone(),
        socket: socket.map(|socket| socket.path.clone()),
        thread: socket.and_then(|socket| socket.thread),
        link_type: source.linktype,
    };
    Intake {
        decoder: Decoder { dialect: source.dialect, link_type: source.linktype },
        origin: Arc::new(origin),
        names: Arc::clone(names),
        completing: None,
    }
}
