//! Runs a configuration.

mod check;
#[cfg(feature = "script")]
mod class_names;
mod conflict;
mod conflicts;
mod defaults;
mod difference;
pub(crate) mod directories;
mod error;
#[cfg(feature = "command")]
mod expected;
mod files;
mod held_sockets;
mod housekeeping;
mod in_force;
mod lane_check;
mod lanes;
#[cfg_attr(not(feature = "metrics"), path = "listen/without_metrics.rs")]
mod metrics;
#[cfg(feature = "command")]
mod mistakes;
mod open_store;
mod opening;
mod prepare;
mod reach;
#[cfg(feature = "command")]
mod refusals;
mod reloading;
mod sockets;
mod source_check;
mod users;

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use pigear_pipeline::source::unified2::Progress;
use pigear_pipeline::{Activity, Pipeline, PipelineError, Snapshot, Source, Stats, Stop};

#[cfg(feature = "command")]
pub(crate) use conflict::{Place, TableId};
#[cfg(feature = "command")]
pub(crate) use conflicts::{conflicts, name_of};
#[cfg(feature = "command")]
pub(crate) use defaults::usual_of_source;
pub use directories::MissingDirectory;
pub use error::ListenError;
#[cfg(feature = "command")]
pub(crate) use expected::{ExpectedSocket, expected_sockets, names_in_force, usual_log_dir};
pub use held_sockets::HeldSockets;
#[cfg(feature = "command")]
pub(crate) use lane_check::check_store;
#[cfg(feature = "command")]
pub(crate) use mistakes::mistakes;
pub use reach::Reach;
#[cfg(feature = "command")]
pub(crate) use refusals::{refusals, written_files};
pub use reloading::{ReloadStep, Reloading};
#[cfg(feature = "command")]
pub(crate) use source_check::all_wrong;
#[cfg(feature = "command")]
pub(crate) use users::{group_id, known_user, user_id};

use housekeeping::{Chore, Housekeeping};
use in_force::InForce;
use metrics::MetricsServer;
use open_store::OpenStore;
use reloading::Reloader;

/// Everything opened, bound and ready to run.
pub struct Listener {
    pipeline: Pipeline,
    store: OpenStore,
    sources: Vec<Box<dyn Source>>,
    housekeeping: Housekeeping,
    in_force: InForce,
    metrics: MetricsServer,
}

impl Listener {
    /// The counters.
    #[must_use]
    pub fn stats(&self) -> Arc<Stats> {
        self.pipeline.stats()
    }

    /// What the sources do, with their names.
    pub fn sources(&self) -> impl Iterator<Item = (Activity, String)> {
        self.sources.iter().map(|source| (source.activity(), source.name()))
    }

    /// The progress of those sources that come to an end.
    #[must_use]
    pub fn progress(&self) -> Vec<Progress> {
        self.sources.iter().filter_map(|source| source.progress()).collect()
    }

    /// Where metrics are served.
    #[must_use]
    pub fn metrics_url(&self) -> Option<String> {
        self.metrics.url()
    }

    /// Runs to the end (see [`Pipeline::run`]), and returns the counters. Meanwhile the name maps and
    /// the rules are reloaded when they change or on `reload`, and the counters are written to their file.
    ///
    /// # Errors
    /// The error that ended the pipeline early; the counters are written nevertheless.
    pub fn run(self, stop: &Stop, reload: &Reload) -> (Snapshot, Result<(), PipelineError>) {
        let stats = self.pipeline.stats();
        let metrics = match self.metrics.start(&stats, stop) {
            Ok(metrics) => metrics,
            Err(error) => return (stats.snapshot(), Err(PipelineError::Thread(error))),
        };
        reload.set(Requests::Names(self.housekeeping.chores()));
        let result = self.pipeline.run(self.sources, stop);
        self.store.close();
        self.housekeeping.end();
        drop(metrics);
        (stats.snapshot(), result)
    }

    /// The same, but on `reload` the whole configuration is read again. Lanes that it doesn't change are untouched.
    ///
    /// # Errors
    /// As above. A configuration that can't be used is logged, and changes nothing.
    pub fn run_reloading(
        mut self,
        stop: &Stop,
        reload: &Reload,
        reloading: &Reloading<'_>,
    ) -> (Snapshot, Result<(), PipelineError>) {
        let stats = self.pipeline.stats();
        let metrics = match self.metrics.start(&stats, stop) {
            Ok(metrics) => metrics,
            Err(error) => return (stats.snapshot(), Err(PipelineError::Thread(error))),
        };
        let (requests, inbox) = channel();
        let reloader = Reloader {
            reloading,
            in_force: self.in_force,
            store: &mut self.store,
            changer: self.pipeline.changer(),
            chores: self.housekeeping.chores(),
            stop: stop.clone(),
            removed: Vec::new(),
        };
        let (pipeline, sources) = (self.pipeline, self.sources);
        let result = thread::scope(|scope| {
            let builder = thread::Builder::new().name("reload".to_owned());
            match builder.spawn_scoped(scope, move || reloader.run(&inbox)) {
                Ok(_) => reload.set(Requests::All(requests)),
                Err(error) => return Err(PipelineError::Thread(error)),
            }
            let result = pipeline.run(sources, stop);
            reload.unset();
            result
        });
        self.store.close();
        self.housekeeping.end();
        drop(metrics);
        (stats.snapshot(), result)
    }
}

/// Asks a running listener to reload the name maps and the rules, or the whole configuration. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Reload(Arc<Mutex<ReloadState>>);

#[derive(Debug, Default)]
struct ReloadState {
    requests: Option<Requests>,
    /// A request came before the listener ran.
    asked: bool,
}

/// Where requests go.
#[derive(Debug)]
enum Requests {
    Names(Sender<Chore>),
    All(Sender<()>),
}

impl Requests {
    fn send(&self) {
        // A listener that has just ended reads nothing any more.
        match self {
            Self::Names(chores) => drop(chores.send(Chore::Reload(None))),
            Self::All(requests) => drop(requests.send(())),
        }
    }
}

impl Reload {
    /// Requests a reload. If no listener runs yet, it reloads once it does.
    pub fn request(&self) {
        let mut state = self.state();
        match &state.requests {
            Some(requests) => requests.send(),
            None => state.asked = true,
        }
    }

    fn set(&self, requests: Requests) {
        let mut state = self.state();
        if std::mem::take(&mut state.asked) {
            requests.send();
        }
        state.requests = Some(requests);
    }

    fn unset(&self) {
        self.state().requests = None;
    }

    fn state(&self) -> MutexGuard<'_, ReloadState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
