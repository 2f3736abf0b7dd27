//! What is done beside handling alerts: counters are written, names read again.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use pigear_pipeline::{NamesCell, Stats};
use tracing::{debug, error};

use crate::names::Watched;
use crate::stats_file::StatsFile;

/// How often files are looked at.
const TICK: Duration = Duration::from_secs(1);

/// How often the counters are written.
const STATS_INTERVAL: Duration = Duration::from_secs(10);

/// What the housekeeper is asked to do.
#[derive(Debug)]
pub(super) enum Chore {
    Reload,
    End,
}

pub(super) struct Housekeeper {
    pub(super) names: Arc<NamesCell>,
    pub(super) watched: Watched,
    pub(super) stats: Arc<Stats>,
    pub(super) stats_file: Option<StatsFile>,
}

impl Housekeeper {
    /// Works until asked to end.
    pub(super) fn run(&mut self, inbox: &Receiver<Chore>) {
        let mut written = Instant::now();
        loop {
            match inbox.recv_timeout(TICK) {
                Ok(Chore::Reload) => self.reload(true),
                Err(RecvTimeoutError::Timeout) => self.reload(false),
                Ok(Chore::End) | Err(RecvTimeoutError::Disconnected) => break,
            }
            if written.elapsed() >= STATS_INTERVAL {
                self.write_stats();
                written = Instant::now();
            }
        }
        self.write_stats();
    }

    fn reload(&mut self, asked: bool) {
        if let Some(names) = self.watched.reload(asked) {
            debug!("read the files of names again");
            self.names.set(names);
        }
    }

    fn write_stats(&mut self) {
        if let Some(file) = &mut self.stats_file
            && let Err(error) = file.write(&self.stats.snapshot())
        {
            error!("cannot write {}: {error}", file.path().display());
        }
    }
}
