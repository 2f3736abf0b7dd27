//! Whether a source has the connection to the servers that its alerts come from.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// A connection that is there again this soon wasn't missed.
const GRACE: Duration = Duration::from_secs(5);

/// Shows whether a source has its connection. Clones share it; once all are dropped, the source has ended.
#[derive(Clone)]
pub struct SourceConnection(Arc<Inner>);

struct Inner {
    source: String,
    lost: Mutex<Option<Lost>>,
}

struct Lost {
    problem: String,
    /// When it is no short interruption any more.
    matters: Instant,
    /// It was logged.
    is_reported: bool,
}

impl SourceConnection {
    /// There is no connection yet.
    pub(crate) fn new(source: String) -> Self {
        let problem = format!("source {source}: not connected yet");
        let lost = Lost { problem, matters: Instant::now(), is_reported: false };
        Self(Arc::new(Inner { source, lost: Mutex::new(Some(lost)) }))
    }

    /// The source, as in messages.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// Why no alerts come, in the words of the log, if that is so for some seconds, or since the start.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        let lost = self.state();
        lost.as_ref().filter(|it| it.matters <= Instant::now()).map(|it| it.problem.clone())
    }

    /// There is no connection, or it can't be used.
    pub fn fails(&self, problem: &str) {
        let text = format!("source {}: {problem}", self.0.source);
        match &mut *self.state() {
            Some(lost) => lost.problem = text,
            lost => {
                let matters = Instant::now() + GRACE;
                *lost = Some(Lost { problem: text, matters, is_reported: false });
            }
        }
    }

    /// That it fails was logged.
    pub fn reported(&self) {
        if let Some(lost) = &mut *self.state() {
            lost.is_reported = true;
        }
    }

    /// It works. Returns whether it was logged that it failed, so that its end is worth a line.
    #[must_use]
    pub fn works(&self) -> bool {
        self.state().take().is_some_and(|lost| lost.is_reported)
    }

    pub(crate) fn downgrade(&self) -> WeakConnection {
        WeakConnection(Arc::downgrade(&self.0))
    }

    fn state(&self) -> MutexGuard<'_, Option<Lost>> {
        self.0.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SourceConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceConnection").field("source", &self.0.source).finish_non_exhaustive()
    }
}

/// Doesn't keep the connection from being gone with its source.
pub(crate) struct WeakConnection(Weak<Inner>);

impl WeakConnection {
    /// The connection, unless the source has ended.
    pub(crate) fn get(&self) -> Option<SourceConnection> {
        self.0.upgrade().map(SourceConnection)
    }
}

impl fmt::Debug for WeakConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakConnection").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_was_never_connected_says_so_at_once() {
        let connection = SourceConnection::new("a".to_owned());
        assert_eq!(connection.problem().as_deref(), Some("source a: not connected yet"));
        connection.fails("refused");
        assert_eq!(connection.problem().as_deref(), Some("source a: refused"));
        assert!(!connection.works(), "it was not logged");
        assert_eq!(connection.problem(), None);
    }

    #[test]
    fn a_connection_that_is_lost_for_a_moment_is_not_missed() {
        let connection = SourceConnection::new("a".to_owned());
        let _ = connection.works();
        connection.fails("lost");
        assert_eq!(connection.problem(), None);
        connection.reported();
        connection.state().as_mut().unwrap().matters = Instant::now();
        connection.fails("still lost");
        assert_eq!(connection.problem().as_deref(), Some("source a: still lost"));
        assert!(connection.works() && !connection.works(), "its end is worth one line");
    }
}
