//! Runs a configuration.

#[cfg(feature = "script")]
mod class_names;
pub(crate) mod directories;
mod error;
mod files;
mod held_sockets;
mod housekeeping;
mod open_store;
mod opening;
mod prepare;
mod sockets;

use std::sync::Arc;
use std::sync::mpsc::Sender;

use pigear_pipeline::source::unified2::Progress;
use pigear_pipeline::{Activity, Pipeline, PipelineError, Pulse, Snapshot, Source, Stats, Stop};

pub use directories::MissingDirectory;
pub use error::ListenError;
pub use held_sockets::HeldSockets;

use housekeeping::{Chore, Housekeeping};
use open_store::OpenStore;

/// Everything opened, bound and ready to run.
pub struct Listener {
    pipeline: Pipeline,
    store: OpenStore,
    sources: Vec<Box<dyn Source>>,
    housekeeping: Housekeeping,
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

    /// The threads that receive from Snort and must never wait.
    #[must_use]
    pub fn pulses(&self) -> Vec<(String, Pulse)> {
        let sources = self.sources.iter();
        sources.filter_map(|source| Some((source.name(), source.pulse()?))).collect()
    }

    /// The progress of those sources that come to an end.
    #[must_use]
    pub fn progress(&self) -> Vec<Progress> {
        self.sources.iter().filter_map(|source| source.progress()).collect()
    }

    /// Runs to the end (see [`Pipeline::run`]), and returns the counters. Meanwhile the name maps and
    /// the rules are reloaded when they change or on `reload`, and the counters are written to their file.
    ///
    /// # Errors
    /// The error that ended the pipeline early; the counters are written nevertheless.
    pub fn run(self, stop: &Stop, reload: &Reload) -> (Snapshot, Result<(), PipelineError>) {
        let stats = self.pipeline.stats();
        reload.set(self.housekeeping.chores());
        let result = self.pipeline.run(self.sources, stop);
        self.store.close();
        self.housekeeping.end();
        (stats.snapshot(), result)
    }
}

/// Asks a running listener to reload the name maps and the rules. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Reload(Arc<std::sync::Mutex<Option<Sender<Chore>>>>);

impl Reload {
    /// Requests a reload. Does nothing if no listener runs.
    pub fn request(&self) {
        if let Some(chores) = &*self.chores() {
            // A listener that has just ended reads nothing any more.
            let _ = chores.send(Chore::Reload);
        }
    }

    fn set(&self, chores: Sender<Chore>) {
        *self.chores() = Some(chores);
    }

    fn chores(&self) -> std::sync::MutexGuard<'_, Option<Sender<Chore>>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
