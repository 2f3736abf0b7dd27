//! Opens sources.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pigear_alert::Origin;
use pigear_alert::wire::Decoder;
use pigear_pipeline::complete::{Completer, Completing, LogToFollow};
use pigear_pipeline::source::Play;
use pigear_pipeline::source::unified2::{AlreadyHandled, OpenError, Spool, Start, Unified2, Until};
use pigear_pipeline::{AlertFactory, NamesCell, Source};
use tracing::warn;

use super::open_store::OpenStore;
use super::sockets::{self, Socket};
use super::{HeldSockets, ListenError};
use crate::config::{SourceConfig, SourceKind};
#[cfg(feature = "kafka")]
use crate::fleet::kafka::KafkaSource;
#[cfg(feature = "nats")]
use crate::fleet::nats::NatsSource;
use crate::registry::Registry;
#[cfg(feature = "nats")]
#[cfg(feature = "nats")]
use crate::sensors::OwnSensor;

/// The default of `--complete-wait`.
const COMPLETE_WAIT: Duration = Duration::from_millis(500);

/// What all sources share.
pub(super) struct Opening<'a> {
    pub(super) names: &'a Arc<NamesCell>,
    pub(super) store: &'a OpenStore,
    pub(super) registry: &'a Registry,
    pub(super) held: &'a HeldSockets,
    /// There is only one source.
    pub(super) is_only: bool,
}

impl Opening<'_> {
    /// Opens a configured source, which may become several.
    pub(super) fn open(
        &self,
        source: &SourceConfig,
        usual_log_dir: impl FnOnce() -> PathBuf,
    ) -> Result<Vec<Box<dyn Source>>, ListenError> {
        self.note_sensor(source);
        match source.kind {
            SourceKind::Unix => self.sockets(source, usual_log_dir),
            SourceKind::Unified2 => Ok(vec![Box::new(self.log(source)?)]),
            SourceKind::Play => Ok(vec![Box::new(self.recording(source)?)]),
            SourceKind::Nats => Ok(vec![self.nats(source)?]),
            SourceKind::Kafka => Ok(vec![self.kafka(source)?]),
            SourceKind::Resolved(ref name) => Ok(vec![self.resolved(name, source)?]),
        }
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

    fn sockets(
        &self,
        source: &SourceConfig,
        usual_log_dir: impl FnOnce() -> PathBuf,
    ) -> Result<Vec<Box<dyn Source>>, ListenError> {
        let sockets = match self.passed(source)? {
            Some(passed) => passed,
            None => sockets::named_by(source, usual_log_dir)?,
        };
        if sockets.len() > 1 && source.complete_from.is_some() && source.bookmark.is_some() {
            return Err(ListenError::Source(
                "each packet thread has its own log, and logs can't share a --bookmark",
            ));
        }
        #[cfg(feature = "nats")]
        self.registry.sensors().add_own(OwnSensor {
            name: source.sensor_name().unwrap_or_default(),
            sockets: sockets.iter().map(|socket| socket.path.display().to_string()).collect(),
            threads: sockets.iter().filter_map(|socket| socket.thread).collect(),
        });
        let bound = sockets.into_iter().map(|socket| self.bind(socket, source));
        Ok(bound.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
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
        socket: Socket,
        source: &SourceConfig,
    ) -> Result<Vec<Box<dyn Source>>, ListenError> {
        socket.make_directory(source)?;
        let mut factory = self.factory(source, Some(&socket));
        let mut sources: Vec<Box<dyn Source>> = Vec::new();
        if let Some(log) = &source.complete_from {
            let path = socket.log(source, log);
            let wait = source.complete_wait.map_or(COMPLETE_WAIT, |wait| wait.0);
            let completing = Completing::new(wait, source.complete.unwrap_or_default());
            match self.completer(&path, source, &completing, factory.clone()) {
                Ok(completer) => sources.push(Box::new(completer)),
                Err(source) => return Err(ListenError::Log { path, source }),
            }
            factory.completing = Some(completing);
        }
        let held = self.held.take(&socket.path);
        sources.push(Box::new(socket.bind(source, factory, held)?));
        Ok(sources)
    }

    fn completer(
        &self,
        path: &Path,
        source: &SourceConfig,
        completing: &Completing,
        factory: AlertFactory,
    ) -> Result<Completer, OpenError> {
        // Its directory may be missing: alerts that can't be completed are still delivered.
        let (spool, bookmark) = (Spool::named(path)?, source.bookmark.clone());
        let log = LogToFollow { spool, start: start_of(source), bookmark };
        Ok(Completer::new(log, completing.clone(), self.known(source), factory))
    }

    fn log(&self, source: &SourceConfig) -> Result<Unified2, ListenError> {
        let path = source.from.clone().ok_or(ListenError::Source(
            "the socket handler `unified2` needs Snort's log; give it with --from DIR/NAME",
        ))?;
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
            Ok(log) => Ok(log.until(until).skipping(self.known(source))),
            Err(source) => Err(ListenError::Log { path, source }),
        }
    }

    /// Tells whether an event's alert was stored in an earlier run; without a store, none was.
    fn known(&self, source: &SourceConfig) -> AlreadyHandled {
        // Without a name of its own, its alerts may have been stored under any.
        self.store.known(source.sensor.clone().filter(|name| !name.is_empty()))
    }

    fn recording(&self, source: &SourceConfig) -> Result<Play, ListenError> {
        let path = source.from.clone().ok_or(ListenError::Source(
            "the socket handler `play` needs a recording; give it with --from FILE",
        ))?;
        Play::open(path.clone(), self.factory(source, None))
            .map_err(|source| ListenError::Recording { path, source })
    }

    #[cfg(feature = "nats")]
    fn nats(&self, source: &SourceConfig) -> Result<Box<dyn Source>, ListenError> {
        let from = source.from.as_deref().and_then(Path::to_str).ok_or(ListenError::Source(
            "the socket handler `nats` needs servers; give them with --from nats://HOST:PORT",
        ))?;
        let source = NatsSource::new(from, self.store.archive(), self.registry.sensors());
        Ok(Box::new(source.map_err(|problem| ListenError::From { name: "nats", problem })?))
    }

    #[cfg(not(feature = "nats"))]
    #[expect(clippy::unused_self, reason = "with NATS it is")]
    fn nats(&self, _: &SourceConfig) -> Result<Box<dyn Source>, ListenError> {
        Err(ListenError::Source("this program was built without nats"))
    }

    #[cfg(feature = "kafka")]
    fn kafka(&self, source: &SourceConfig) -> Result<Box<dyn Source>, ListenError> {
        let from = source.from.as_deref().and_then(Path::to_str).ok_or(ListenError::Source(
            "the socket handler `kafka` needs brokers and a topic; give them with --from kafka://HOST:PORT/TOPIC",
        ))?;
        let source = KafkaSource::new(from, self.store.archive());
        Ok(Box::new(source.map_err(|problem| ListenError::From { name: "kafka", problem })?))
    }

    #[cfg(not(feature = "kafka"))]
    #[expect(clippy::unused_self, reason = "with Kafka it is")]
    fn kafka(&self, _: &SourceConfig) -> Result<Box<dyn Source>, ListenError> {
        Err(ListenError::Source("this program was built without kafka"))
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
