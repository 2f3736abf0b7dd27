//! Periodic tasks: writing the counters, and reloading the name maps and the rules.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use pigear_pipeline::{NamesCell, Stats};
use tracing::{debug, error, warn};

use crate::names::Watched;
use crate::rules::Rules;
use crate::stats_file::StatsFile;

/// How often to check files for changes.
const TICK: Duration = Duration::from_secs(1);

/// How often the counters are written.
const STATS_INTERVAL: Duration = Duration::from_secs(10);

/// How long the end waits for a file that is slow to be read or written.
const END_TIMEOUT: Duration = Duration::from_secs(1);

/// A request to the housekeeper.
#[derive(Debug)]
pub(super) enum Chore {
    /// Reads names and rules again. What is dropped then says that it is done.
    Reload(Option<Sender<()>>),
    /// Other files of names.
    Names(Box<Watched>),
    /// Other rules.
    Rules(Option<Arc<Rules>>),
    End,
}

pub(super) struct Housekeeper {
    pub(super) names: Arc<NamesCell>,
    pub(super) watched: Watched,
    pub(super) rules: Option<Arc<Rules>>,
    pub(super) stats: Arc<Stats>,
    pub(super) stats_file: Option<StatsFile>,
}

/// A running housekeeper, until this is dropped.
pub(super) struct Housekeeping {
    chores: Sender<Chore>,
    thread: JoinHandle<()>,
    /// Closed when the thread ends.
    ended: Receiver<()>,
}

impl Housekeeping {
    /// Where requests go.
    pub(super) fn chores(&self) -> Sender<Chore> {
        self.chores.clone()
    }

    /// Writes the counters a last time.
    pub(super) fn end(self) {
        // The housekeeper only ends after this.
        let _ = self.chores.send(Chore::End);
        match self.ended.recv_timeout(END_TIMEOUT) {
            // Its thread ends now; a panic of its was already reported.
            Ok(()) | Err(RecvTimeoutError::Disconnected) => drop(self.thread.join()),
            Err(RecvTimeoutError::Timeout) => {
                warn!(
                    "names or rules are still being read; the counters may not be written a last time"
                );
            }
        }
    }
}

impl Housekeeper {
    /// The work of its thread.
    pub(super) fn start(mut self) -> io::Result<Housekeeping> {
        let (chores, inbox) = channel();
        let (end, ended) = channel::<()>();
        let work = move || {
            let _end = end;
            self.run(&inbox);
        };
        let thread = thread::Builder::new().name("housekeeping".to_owned()).spawn(work)?;
        Ok(Housekeeping { chores, thread, ended })
    }

    /// Works until asked to end.
    fn run(&mut self, inbox: &Receiver<Chore>) {
        let mut written = Instant::now();
        loop {
            match inbox.recv_timeout(TICK) {
                Ok(Chore::Reload(done)) => {
                    self.reload(true);
                    drop(done);
                }
                Ok(Chore::Names(watched)) => {
                    self.watched = *watched;
                    self.names.set(self.watched.names().clone());
                }
                Ok(Chore::Rules(rules)) => self.rules = rules,
                Err(RecvTimeoutError::Timeout) => self.reload(false),
                Ok(Chore::End) => break,
                // The listener was prepared, but never ran.
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
        if let Some(names) = self.watched.reload(asked) {
            debug!("reloaded the name maps");
            self.names.set(names.clone());
        }
        if let Some(rules) = &self.rules {
            rules.reload(asked);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_does_not_wait_for_ever_for_a_file() {
        let ((chores, _inbox), (end, ended)) = (channel(), channel::<()>());
        let (let_go, held) = channel::<()>();
        let thread = thread::spawn(move || {
            let _end = end;
            let _ = held.recv();
        });
        Housekeeping { chores, thread, ended }.end();
        // The thread is still there.
        let_go.send(()).unwrap();
    }
}
