//! Gathers all metrics.

use std::collections::BTreeMap;
#[cfg(feature = "store")]
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use pigear_pipeline::{LanePhase, Pulse, SourceConnection, Stats, Stop};

use super::alerts::Counted;
use super::exposition::{Exposition, Form};
use super::negotiation::Wanted;
#[cfg(feature = "store")]
use super::stored::StoreWatch;
use super::{fleet, process};
use crate::liveness;
use crate::rules::SharedRules;
use crate::sensors::SharedSensors;

/// For how long what was gathered is new enough: so a flood of requests costs next to nothing, and takes the locks of
/// counters only now and then.
const NEW: Duration = Duration::from_millis(250);

/// What there are metrics of.
pub(crate) struct Subjects {
    pub(crate) stats: Arc<Stats>,
    pub(crate) stop: Stop,
    pub(crate) rules: SharedRules,
    pub(crate) sensors: SharedSensors,
    #[cfg(feature = "web")]
    pub(crate) streams: crate::web::SharedStreams,
    #[cfg(feature = "store")]
    pub(crate) store: Option<PathBuf>,
}

/// Gathers metrics, and keeps them for a moment.
pub(super) struct Gatherer {
    subjects: Subjects,
    #[cfg(feature = "store")]
    store: Option<StoreWatch>,
    started: Timestamp,
    kept: Vec<Kept>,
}

/// A body that was made.
struct Kept {
    wanted: Wanted,
    made: Instant,
    body: Bytes,
}

impl Gatherer {
    pub(super) fn new(subjects: Subjects) -> Self {
        #[cfg(feature = "store")]
        let store = subjects.store.clone().map(StoreWatch::new);
        Self {
            #[cfg(feature = "store")]
            store,
            subjects,
            started: Timestamp::now(),
            kept: Vec::new(),
        }
    }

    /// What is wrong with the threads that receive, and what a new start of the program mends. At the end they may
    /// end. If this was not asked for long, nothing is known to be wrong.
    pub(super) fn illness(&self) -> Vec<String> {
        if self.subjects.stop.is_requested() {
            return Vec::new();
        }
        self.of_receivers(&[liveness::problem, needs_restart])
    }

    fn of_receivers(&self, problems: &[fn(&Pulse) -> Option<String>]) -> Vec<String> {
        let threads = self.subjects.stats.receivers();
        problems.iter().flat_map(|problem| threads.iter().filter_map(problem)).collect()
    }

    /// Why no alerts arrive, or are handled.
    pub(super) fn unreadiness(&self) -> Vec<String> {
        if self.subjects.stop.is_requested() {
            return vec!["the program ends".to_owned()];
        }
        let mut problems = self.of_receivers(&[liveness::problem, liveness::cut_off]);
        let connections = self.subjects.stats.connections();
        problems.extend(connections.iter().filter_map(SourceConnection::problem));
        for (handler, timing) in self.subjects.stats.timings() {
            match timing.phase {
                LanePhase::Starting => problems.push(format!("handler {handler}: being started")),
                LanePhase::Ended => problems.push(format!("handler {handler}: has ended")),
                LanePhase::Open | LanePhase::Removed => {}
            }
        }
        problems
    }

    /// All metrics.
    pub(super) async fn body(&mut self, wanted: Wanted) -> Bytes {
        self.kept.retain(|kept| kept.made.elapsed() < NEW);
        if let Some(kept) = self.kept.iter().find(|kept| kept.wanted == wanted) {
            return kept.body.clone();
        }
        let text = self.text(wanted.form).await.into_bytes();
        let body =
            Bytes::from(if wanted.gzip { compressed(&text).unwrap_or_default() } else { text });
        self.kept.push(Kept { wanted, made: Instant::now(), body: body.clone() });
        body
    }

    async fn text(&mut self, form: Form) -> String {
        #[cfg(feature = "store")]
        let stored = match &self.store {
            Some(store) => Some(store.now().await),
            None => None,
        };
        let mut all = Exposition::new(form);
        all.info("pigear_build", "The version of Pigear.")
            .sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
        let stats = &self.subjects.stats;
        let counted = Counted::of(stats);
        counted.write(&mut all, stats);
        self.write_receivers(&mut all);
        self.write_connections(&mut all);
        #[cfg(feature = "store")]
        counted.write_handlers(&mut all, |lane| stored.as_ref()?.lag(lane));
        #[cfg(not(feature = "store"))]
        counted.write_handlers(&mut all, |_| None);
        #[cfg(feature = "store")]
        if let Some(stored) = &stored {
            stored.write(&mut all);
        }
        if let Some(rules) = self.subjects.rules.current() {
            all.gauge("pigear_rules", "Snort's rules that were read.").sample(&[], rules.len());
            all.gauge("pigear_rules_files", "The files that they are in.")
                .sample(&[], rules.files());
            let problems = rules.problems().len() + rules.more_problems();
            all.gauge("pigear_rules_problems", "What could not be read of them.")
                .sample(&[], problems);
        }
        #[cfg(feature = "web")]
        self.write_streams(&mut all);
        if let Some(sensors) = self.subjects.sensors.report() {
            fleet::write(&mut all, &sensors);
        }
        process::write(&mut all, self.started);
        all.finish()
    }

    /// Those of the page, if one is served.
    #[cfg(feature = "web")]
    fn write_streams(&self, to: &mut Exposition) {
        let Some(streams) = self.subjects.streams.counts() else { return };
        to.gauge("pigear_web_streams", "Live streams of the page that are open.")
            .sample(&[], streams.open);
        let help = "Live streams that were refused, because too many were open.";
        to.counter("pigear_web_streams_refused", help).sample(&[], streams.refused);
        let help = "Live streams that were ended, because their clients took nothing.";
        to.counter("pigear_web_streams_stalled", help).sample(&[], streams.stalled);
    }

    fn write_receivers(&self, to: &mut Exposition) {
        let mut up = to.gauge("pigear_receiver_up", "1 if the thread that receives moves.");
        // A socket that was bound again has another thread.
        let threads = self.subjects.stats.receivers();
        let sockets: BTreeMap<_, _> =
            threads.iter().map(|it| (it.name(), liveness::problem(it).is_none())).collect();
        for (name, is_up) in sockets {
            up.sample(&[("socket", name)], u8::from(is_up));
        }
        let help = "1 if what Snort sends to the path arrives: nothing removed or replaced it.";
        let mut reachable = to.gauge("pigear_socket_reachable", help);
        let sockets: BTreeMap<_, _> =
            threads.iter().map(|it| (it.name(), it.cut_off().is_none())).collect();
        for (name, is_reachable) in sockets {
            reachable.sample(&[("socket", name)], u8::from(is_reachable));
        }
    }

    fn write_connections(&self, to: &mut Exposition) {
        let help = "1 if the source has its connection to the servers that its alerts come from.";
        let mut connected = to.gauge("pigear_source_connected", help);
        let connections = self.subjects.stats.connections();
        let mut sources = BTreeMap::new();
        for it in &connections {
            *sources.entry(it.source()).or_insert(true) &= it.problem().is_none();
        }
        for (source, is_connected) in sources {
            connected.sample(&[("source", source)], u8::from(is_connected));
        }
    }
}

/// Why nothing can arrive at a socket, if starting Pigear again helps.
fn needs_restart(thread: &Pulse) -> Option<String> {
    thread.cut_off().filter(|it| it.restart_helps).map(|it| it.text)
}

fn compressed(text: &[u8]) -> std::io::Result<Vec<u8>> {
    use std::io::Write;

    let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 4), Compression::fast());
    encoder.write_all(text)?;
    encoder.finish()
}
