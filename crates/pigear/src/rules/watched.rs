use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use std::{io, thread};

use pigear_alert::plural;
use tracing::{info, warn};

use super::problem::Problem;
use super::reading::{Reading, RulesError};
use super::rule_set::RuleSet;
use super::seen::Seen;

/// How often to check files for changes.
const TICK: Duration = Duration::from_secs(1);

/// How many problems of a file are logged at once: in a file of another kind all lines are problems.
const MAX_OF_FILE: usize = 5;

/// How many problems are logged at once.
const MAX_LOGGED: usize = 50;

/// The rules of some files, read again when these change.
///
/// [`current`](Self::current) never waits for a file.
#[derive(Debug)]
pub struct Rules {
    paths: Vec<PathBuf>,
    current: RwLock<Arc<RuleSet>>,
    seen: Mutex<Vec<Seen>>,
}

/// Keeps [`Rules`] up to date until it is dropped.
#[derive(Debug)]
pub struct RulesWatch {
    _end: Sender<()>,
}

impl Rules {
    /// Reads files of rules, and directories with such files; see the [module](super).
    ///
    /// What can't be used is logged, and is in [`RuleSet::problems`].
    ///
    /// # Errors
    /// If one of these paths can't be read.
    pub fn open(paths: &[PathBuf]) -> Result<Self, RulesError> {
        let Reading { set, seen, .. } = Reading::of(paths)?;
        log_problems(&set, &RuleSet::default());
        info!("read {} from {}", plural::count(set.len(), "rule"), files(&set));
        if set.is_empty() {
            let paths = paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
            warn!("found no rules in {}", paths.join(", "));
        }
        Ok(Self {
            paths: paths.to_owned(),
            current: RwLock::new(Arc::new(set)),
            seen: Mutex::new(seen),
        })
    }

    /// The rules that were read last.
    #[must_use]
    pub fn current(&self) -> Arc<RuleSet> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads all files again if one changed since, or if `asked`. Returns whether there are other rules now.
    ///
    /// If one of the named paths can't be read any more, that is logged once, and the rules stay as they
    /// were.
    pub fn reload(&self, asked: bool) -> bool {
        let mut seen = self.seen();
        if !asked && !seen.iter().any(Seen::has_changed) {
            return false;
        }
        match Reading::of(&self.paths) {
            Ok(reading) => {
                *seen = reading.seen;
                self.replace(reading.set)
            }
            Err(error) => {
                seen.iter_mut().for_each(Seen::accept);
                warn!("{error}: {}; keeping the previous rules", error.source);
                false
            }
        }
    }

    /// Reloads on a thread of its own, once a second. What is dropped ends it.
    ///
    /// # Errors
    /// If there can't be another thread.
    pub fn watch(self: &Arc<Self>) -> io::Result<RulesWatch> {
        let (end, ended) = channel();
        let rules = Arc::clone(self);
        let work = move || {
            while ended.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                rules.reload(false);
            }
        };
        thread::Builder::new().name("rules".to_owned()).spawn(work)?;
        Ok(RulesWatch { _end: end })
    }

    fn replace(&self, set: RuleSet) -> bool {
        let before = self.current();
        if *before == set {
            return false;
        }
        log_problems(&set, &before);
        info!("read the rules again: {} from {}", plural::count(set.len(), "rule"), files(&set));
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(set);
        true
    }

    fn seen(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn files(set: &RuleSet) -> String {
    plural::count(set.files(), "file")
}

/// Logs the problems that were not there before: some of each file.
fn log_problems(set: &RuleSet, before: &RuleSet) {
    let is_new = |problem: &&Problem| !before.problems().contains(problem);
    let (mut of_files, mut logged, mut more) = (HashMap::new(), 0, set.more_problems());
    for problem in set.problems().iter().filter(is_new) {
        let of_file = of_files.entry(&problem.place.file).or_insert(0);
        if *of_file < MAX_OF_FILE && logged < MAX_LOGGED {
            warn!("{problem}; it is skipped");
            logged += 1;
        } else {
            more += 1;
        }
        *of_file += 1;
    }
    if more > 0 {
        warn!("{} more in the rules", plural::count(more, "problem"));
    }
}
