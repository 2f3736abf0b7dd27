//! Opens sources.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pigear_alert::Origin;
use pigear_alert::wire::Decoder;
use pigear_pipeline::complete::{Completer, Completing, LogToFollow};
use pigear_pipeline::source::Play;
use pigear_pipeline::source::unified2::{AlreadyHandled, OpenError, Spool, Start, Unified2, Until};
use pigear_pipeline::{AlertFactory, NamesCell, Source};
use tracing::warn;

use super::defaults::COMPLETE_WAIT;
use super::open_store::OpenStore;
use super::sockets::{self, Ids, Socket};
use super::source_check::{self, may_share_bookmark};
use super::{HeldSockets, ListenError};
use crate::config::{SourceConfig, SourceKind};
#[cfg(feature = "kafka")]
use crate::fleet::kafka::KafkaSource;
#[cfg(feature = "nats")]
use crate::fleet::nats::NatsSource;
use crate::registry::Registry;
#[cfg(feature = "nats")]
use crate::sensors::OwnSensor;

/// What all sources share.
pub(super) struct Opening<'a> {
    pub(super) names: &'a Arc<NamesCell>,
    pub(super) registry: &'a Registry,
    pub(super) held: &'a HeldSockets,
    /// There is only one source.
    pub(super) is_only: bool,
}

/// What a source reads from: everything about it that can be refused is known, and nothing was made.
pub(super) enum Found {
    Sockets(Vec<FoundSocket>, Ids),
    Log(Box<Unified2>),
    Recording(Box<Play>),
    #[cfg(feature = "nats")]
    Nats(Box<NatsSource>),
    #[cfg(feature = "kafka")]
    Kafka(Box<KafkaSource>),
    Resolved(String),
}

/// A socket, and the log that completes its alerts.
pub(super) struct FoundSocket {
    socket: Socket,
    log: Option<Spool>,
}

impl Found {
    /// The paths of its sockets.
    pub(super) fn sockets(&self) -> Vec<&Path> {
        match self {
            Self::Sockets(sockets, _) => sockets.iter().map(|it| &*it.socket.path).collect(),
            _ => Vec::new(),
        }
    }
}

impl Opening<'_> {
    /// Looks for what a source reads from.
    pub(super) fn find(
        &self,
        source: &SourceConfig,
        usual_log_dir: impl FnOnce() -> PathBuf,
    ) -> Result<Found, ListenError> {
        Ok(match &source.kind {
            SourceKind::Unix => {
                let sockets = self.sockets(source, usual_log_dir)?;
                Found::Sockets(sockets, Ids::of(source)?)
            }
            SourceKind::Unified2 => Found::Log(Box::new(self.log(source)?)),
            SourceKind::Play => Found::Recording(Box::new(self.recording(source)?)),
            #[cfg(feature = "nats")]
            SourceKind::Nats => Found::Nats(Box::new(self.nats(source)?)),
            #[cfg(feature = "kafka")]
            SourceKind::Kafka => Found::Kafka(Box::new(kafka(source)?)),
            #[expect(clippy::allow_attributes, reason = "only some builds lack a kind")]
            #[allow(unreachable_patterns, reason = "builds that lack one refused it")]
            SourceKind::Resolved(_) | SourceKind::Nats | SourceKind::Kafka => {
                Found::Resolved(source.kind.to_string())
            }
        })
    }

    /// Opens a configured source, which may become several.
    pub(super) fn open(
        &self,
        source: &SourceConfig,
        found: Found,
        store: &OpenStore,
    ) -> Result<Vec<Box<dyn Source>>, ListenError> {
        self.note_sensor(source);
        Ok(match found {
            Found::Sockets(sockets, ids) => {
                #[cfg(feature = "nats")]
                self.note_sockets(source, &sockets);
                let bound = sockets.into_iter().map(|it| self.bind(it, source, &ids, store));
                bound.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect()
            }
            Found::Log(log) => vec![Box::new(log.skipping(known(store, source)))],
            Found::Recording(recording) => vec![recording],
            #[cfg(feature = "nats")]
            Found::Nats(nats) => vec![Box::new(nats.with_archive(store.archive()))],
            #[cfg(feature = "kafka")]
            Found::Kafka(kafka) => vec![Box::new(kafka.with_archive(store.archive()))],
            Found::Resolved(name) => vec![self.resolved(&name, source)?],
        })
    }

    /// Notes for heartbeats what a sensor reads that has no socket. Alerts from a stream have their own sensors.
    #[cfg(feature = "nats")]
    fn note_sensor(&self, source: &SourceConfig) {
        if !matches!(source.kind, SourceKind::Unix | SourceKind::Nats | SourceKind::Kafka) {
            let read = source.from.as_ref().map(|path| path.display().to_string());
            self.registry.sensors().add_own(OwnSensor {
                name: source.sensor_name().unwrap_or_default(),
                sockets: read.into_iter().collect(),
                threads: Vec::new(),
            });
        }
    }

    #[cfg(not(feature = "nats"))]
    #[expect(clippy::unused_self, reason = "with NATS it is")]
    fn note_sensor(&self, _: &SourceConfig) {}

    /// Notes for heartbeats which sockets a sensor has.
    #[cfg(feature = "nats")]
    fn note_sockets(&self, source: &SourceConfig, sockets: &[FoundSocket]) {
        let sockets: Vec<_> = sockets.iter().map(|found| &found.socket).collect();
        self.registry.sensors().add_own(OwnSensor {
            name: source.sensor_name().unwrap_or_default(),
            sockets: sockets.iter().map(|socket| socket.path.display().to_string()).collect(),
            threads: sockets.iter().filter_map(|socket| socket.thread).collect(),
        });
    }

    fn sockets(
        &self,
        source: &SourceConfig,
        usual_log_dir: impl FnOnce() -> PathBuf,
    ) -> Result<Vec<FoundSocket>, ListenError> {
        let sockets = match self.passed(source)? {
            Some(passed) => passed,
            None => sockets::named_by(source, usual_log_dir)?,
        };
        may_share_bookmark(source, sockets.len())?;
        let found = sockets
            .into_iter()
            .map(|socket| Ok(FoundSocket { log: socket.spool(source)?, socket }));
        found.collect()
    }

    /// The sockets that systemd passed for a source, if it names them by their name, or none at all.
    fn passed(&self, source: &SourceConfig) -> Result<Option<Vec<Socket>>, ListenError> {
        let paths = match source.from.as_deref().and_then(sockets::descriptor_name) {
            Some(name) => self.held.named(name)?,
            None if self.is_only && source.names_no_socket() => self.held.passed(),
            None => Vec::new(),
        };
        let sockets = paths.into_iter().map(Socket::at).collect::<Vec<_>>();
        Ok(Some(sockets).filter(|sockets| !sockets.is_empty()))
    }

    /// Binds a socket, and follows its log, if its alerts are completed.
    fn bind(
        &self,
        FoundSocket { socket, log }: FoundSocket,
        source: &SourceConfig,
        ids: &Ids,
        store: &OpenStore,
    ) -> Result<Vec<Box<dyn Source>>, ListenError> {
        socket.make_directory(source)?;
        let mut factory = self.factory(source, Some(&socket));
        let mut sources: Vec<Box<dyn Source>> = Vec::new();
        if let Some(spool) = log {
            let wait = source.complete_wait.map_or(COMPLETE_WAIT, |wait| wait.0);
            let completing = Completing::new(wait, source.complete.unwrap_or_default());
            let bookmark = source.bookmark.clone();
            let log = LogToFollow { spool, start: start_of(source), bookmark };
            let known = known(store, source);
            let completer = Completer::new(log, completing.clone(), known, factory.clone());
            sources.push(Box::new(completer));
            factory.completing = Some(completing);
        }
        let held = self.held.take(&socket.path);
        sources.push(Box::new(socket.bind(source, ids, factory, held)?));
        Ok(sources)
    }

    fn log(&self, source: &SourceConfig) -> Result<Unified2, ListenError> {
        let path = source_check::log(source)?.to_owned();
        let until = if source.once { Until::End } else { Until::Stopped };
        let opened = Spool::at(&path).map_err(OpenError::from).and_then(|spool| {
            if until == Until::End && start_of(source) == Start::Bookmark {
                warn_of_nothing_to_read(&spool, source.bookmark.as_deref());
            }
            Unified2::open(
                spool,
                start_of(source),
                source.bookmark.clone(),
                self.factory(source, None),
            )
        });
        match opened {
            Ok(log) => Ok(log.until(until)),
            Err(source) => Err(ListenError::Log { path, source }),
        }
    }

    fn recording(&self, source: &SourceConfig) -> Result<Play, ListenError> {
        let path = source_check::recording(source)?.to_owned();
        Play::open(path.clone(), self.factory(source, None))
            .map_err(|source| ListenError::Recording { path, source })
    }

    #[cfg(feature = "nats")]
    fn nats(&self, source: &SourceConfig) -> Result<NatsSource, ListenError> {
        let made = NatsSource::new(source_check::servers(source)?, self.registry.sensors());
        made.map_err(|problem| ListenError::From { name: "nats", problem })
    }

    /// A source of the embedding program.
    fn resolved(&self, name: &str, source: &SourceConfig) -> Result<Box<dyn Source>, ListenError> {
        let unknown = || ListenError::UnknownSource { name: name.to_owned() };
        let resolver = self.registry.resolver(name).ok_or_else(unknown)?;
        let made = resolver.source(name, source, self.factory(source, None));
        made.map_err(|problem| ListenError::SourceHandler { name: name.to_owned(), problem })
    }

    fn factory(&self, source: &SourceConfig, socket: Option<&Socket>) -> AlertFactory {
        let origin = Origin {
            sensor: source.sensor_name(),
            socket: socket.map(|socket| socket.path.clone()),
            thread: socket.and_then(|socket| socket.thread),
            link_type: source.linktype,
        };
        AlertFactory {
            decoder: Decoder { dialect: source.dialect, link_type: source.linktype },
            origin: Arc::new(origin),
            names: Arc::clone(self.names),
            completing: None,
        }
    }
}

#[cfg(feature = "kafka")]
fn kafka(source: &SourceConfig) -> Result<KafkaSource, ListenError> {
    let made = KafkaSource::new(source_check::brokers(source)?);
    made.map_err(|problem| ListenError::From { name: "kafka", problem })
}

/// Tells whether an event's alert was stored in an earlier run; without a store, none was.
fn known(store: &OpenStore, source: &SourceConfig) -> AlreadyHandled {
    // Without a name of its own, its alerts may have been stored under any.
    store.known(source.sensor.clone().filter(|name| !name.is_empty()))
}

/// Where reading Snort's log begins.
fn start_of(source: &SourceConfig) -> Start {
    if source.from_start { Start::Beginning } else { Start::Bookmark }
}

/// Warns at the first read of a log with `--once`: the user may expect its existing alerts.
fn warn_of_nothing_to_read(spool: &Spool, bookmark: Option<&Path>) {
    if !bookmark.map_or_else(|| spool.bookmark().exists(), Path::exists) {
        warn!(
            "{} has no bookmark yet, so reading starts at its end; --from-start reads all of it",
            spool.path().display()
        );
    }
}
