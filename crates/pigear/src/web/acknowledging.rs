//! Acknowledges the alerts of the triage's filters as they are stored.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use jiff::tz::TimeZone;
use tracing::{debug, warn};

use crate::store::{AppliedRules, Reader, Selection, StoreError, TriageWriter};

/// How often to look for new alerts.
const TICK: Duration = Duration::from_secs(1);

/// Acknowledges alerts on a thread of its own, until this is dropped.
pub(super) struct Acknowledging(#[expect(dead_code, reason = "ends the thread")] Arc<()>);

impl Acknowledging {
    pub(super) fn start(store: &Path) -> io::Result<Self> {
        let alive = Arc::new(());
        let (watched, store) = (Arc::downgrade(&alive), store.to_owned());
        thread::Builder::new()
            .name("web-triage".to_owned())
            .spawn(move || work(&watched, &store))?;
        Ok(Self(alive))
    }
}

fn work(alive: &Weak<()>, store: &Path) {
    let mut said = HashSet::new();
    while alive.strong_count() > 0 {
        match step(store, &mut said) {
            // A flood is caught up with at once.
            Ok(applied) if applied.is_behind => continue,
            Ok(_) => {}
            // A store that can't be used is found again by itself, as a rule.
            Err(error) => {
                debug!("no alert is acknowledged by a filter: {error}: {}", error.source);
            }
        }
        thread::sleep(TICK);
    }
}

fn step(store: &Path, said: &mut HashSet<i64>) -> Result<AppliedRules, StoreError> {
    let reader = Reader::open(store)?;
    if reader.triage_rules()?.is_empty() {
        return Ok(AppliedRules::default());
    }
    TriageWriter::open(store)?.apply_rules(|rule| {
        let mut selection = Selection::default();
        let _ = selection.set("filter", &rule.expression);
        match selection.criteria_for_change(|| TimeZone::UTC) {
            Ok(criteria) => criteria.also,
            Err(problem) => {
                if said.insert(rule.id) {
                    warn!("filter {} of the triage is left out: {problem}", rule.id);
                }
                None
            }
        }
    })
}
