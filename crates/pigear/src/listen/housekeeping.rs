//! What is done beside handling alerts: counters are written, names read again.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
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

/// A housekeeper at work, until this is dropped.
pub(super) struct Housekeeping {
    chores: Sender<Chore>,
    thread: JoinHandle<()>,
}

impl Housekeeping {
    /// Where chores go.
    pub(super) fn chores(&self) -> Sender<Chore> {
        self.chores.clone()
    }

    /// Has the counters written a last time.
    pub(super) fn end(self) {
        // The housekeeper only ends after this; a panic of its was already reported.
        let _ = self.chores.send(Chore::End);
        let _ = self.thread.join();
    }
}

impl Housekeeper {
    /// Works on a thread of its own.
    pub(super) fn start(mut self) -> io::Result<Housekeeping> {
        let (chores, inbox) = channel();
        let work = move || self.run(&inbox);
        let thread = thread::Builder::new().name("housekeeping".to_owned()).spawn(work)?;
        Ok(Housekeeping { chores, thread })
    }

    /// Works until asked to end.
    fn run(&mut self, inbox: &Receiver<Chore>) {
        let mut written = Instant::now();
        loop {
            match inbox.recv_timeout(TICK) {
                Ok(Chore::Reload) => self.reload(true),
                Err(RecvTimeoutError::Timeout) => self.reload(false),
                Ok(Chore::End) => break,
                // What was prepared never ran.
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if written.elapsed() >= STATS_INTERVAL {
                self.write_stats();
                written = Instant::now();
            }
        }
        self.write_stats();
    }

    fn reload(&mut self, asked: bool) {
        if let Some(names) = self.watched.reload(asked, &self.names.get()) {
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
