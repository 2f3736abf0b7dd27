//! Opening everything that a configuration names.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pigear_alert::Origin;
use pigear_alert::wire::Decoder;
use pigear_pipeline::source::Play;
use pigear_pipeline::{Intake, NamesCell, Pipeline, Source, WhenFull};
use tracing::debug;

use super::sockets::{self, Socket};
use super::{ListenError, Listener};
use crate::config::{Config, HandlerConfig, SourceConfig, SourceKind};
use crate::names::Watched;
use crate::registry::Registry;
use crate::snort_conf;
use crate::stats_file;

const SNORT_CONF: &str = "/etc/snort/snort.conf";
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
        let pipeline = pipeline(&config, registry)?;
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
        Ok(Self { pipeline, sources, names, watched, stats_file: config.stats })
    }
}

fn pipeline(config: &Config, registry: &Registry) -> Result<Pipeline, ListenError> {
    let mut pipeline = Pipeline::default();
    pipeline.on_error = config.on_error;
    pipeline.limit = config.count;
    // A recording waits as long as need be; Snort must not.
    let patient = config.sources.iter().all(|source| source.kind == SourceKind::Play);
    let when_full = if patient { WhenFull::Wait } else { WhenFull::DropNewest };
    for handler in &config.handlers {
        let failed = |problem| ListenError::Handler { place: handler.place.clone(), problem };
        let kind = registry.resolve(&handler.kind).map_err(failed)?;
        let built = registry.build(&handler.kind, handler.keys.clone()).map_err(failed)?;
        pipeline.add(handler.name.as_deref().unwrap_or(kind), built, handler.lane(when_full));
    }
    Ok(pipeline)
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
    let bind = |socket: Socket| -> Result<Box<dyn Source>, ListenError> {
        let intake = intake(source, names, Some(&socket));
        Ok(Box::new(socket.bind(source, intake)?))
    };
    match &source.kind {
        SourceKind::Unix => {
            sockets::named_by(source, || snort_conf.log_dir())?.into_iter().map(bind).collect()
        }
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
    }
}
