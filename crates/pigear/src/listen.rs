//! A configuration, carried out.

mod error;
mod housekeeping;
mod open_store;
mod opening;
mod prepare;
mod sockets;

use std::sync::Arc;
use std::sync::mpsc::Sender;

use pigear_pipeline::source::unified2::Progress;
use pigear_pipeline::{Pipeline, PipelineError, Snapshot, Source, Stats, Stop};

pub use error::ListenError;

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

    /// Where this listens.
    pub fn source_names(&self) -> impl Iterator<Item = String> {
        self.sources.iter().map(|source| source.name())
    }

    /// Where to see how far those sources came that come to an end.
    #[must_use]
    pub fn progress(&self) -> Vec<Progress> {
        self.sources.iter().filter_map(|source| source.progress()).collect()
    }

    /// Runs to the end (see [`Pipeline::run`]), and returns the counters. Meanwhile the files of
    /// names are read again when they change or when `reload` was asked, and the counters are
    /// written to their file.
    ///
    /// # Errors
    /// What ended the pipeline before it should; the counters are written all the same.
    pub fn run(self, stop: &Stop, reload: &Reload) -> (Snapshot, Result<(), PipelineError>) {
        let stats = self.pipeline.stats();
        reload.set(self.housekeeping.chores());
        let result = self.pipeline.run(self.sources, stop);
        self.store.close();
        self.housekeeping.end();
        (stats.snapshot(), result)
    }
}

/// Asks a running listener to read the files of names again. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Reload(Arc<std::sync::Mutex<Option<Sender<Chore>>>>);

impl Reload {
    /// Asks. Does nothing if nothing runs.
    pub fn request(&self) {
        if let Some(chores) = &*self.chores() {
            // A listener that has just ended doesn't read anything any more.
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
