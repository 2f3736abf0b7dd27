//! Acknowledges the alerts of the triage's filters as they are stored.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use jiff::tz::TimeZone;
use tracing::{debug, warn};

use crate::store::{
    AccessedStore, AppliedRules, Selection, StoreAccess, StoreError, StoreIdentity, Test,
    TriageRule, TriageWriter,
};

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
    let mut filters =
        Filters { access: StoreAccess::new(store.to_owned()), said: HashSet::new(), done: None };
    while alive.strong_count() > 0 {
        match filters.apply() {
            // A flood is caught up with at once.
            Ok(applied) if applied.is_behind => continue,
            Ok(_) => {}
            // A store that can't be used is found again by itself, as a rule.
            Err(error) => debug!("no alert is acknowledged by a filter: {error}: {}", error.source),
        }
        // Nobody waits for this thread at the end: who closes the store last removes its journal.
        filters.access.close();
        thread::sleep(TICK);
    }
}

/// Applies the triage's filters.
struct Filters {
    access: StoreAccess,
    /// Those that can't be used, which was said.
    said: HashSet<i64>,
    /// What they were applied to: of this store, up to this alert, with these filters.
    done: Option<(StoreIdentity, i64, Vec<TriageRule>)>,
}

impl Filters {
    fn apply(&mut self) -> Result<AppliedRules, StoreError> {
        let Self { access, said, done } = self;
        let AccessedStore { reader, identity, .. } = access.store()?;
        let state = Some((identity, reader.last()?, reader.triage_rules()?));
        let are_none = state.as_ref().is_none_or(|(_, _, rules)| rules.is_empty());
        if are_none || *done == state {
            return Ok(AppliedRules::default());
        }
        let applied = TriageWriter::open(access.path())?.apply_rules(|rule| test_of(rule, said))?;
        *done = state.filter(|_| !applied.is_behind);
        Ok(applied)
    }
}

fn test_of(rule: &TriageRule, said: &mut HashSet<i64>) -> Option<Test> {
    let selection = Selection { filter: vec![rule.expression.clone()], ..Selection::default() };
    match selection.criteria(|| TimeZone::UTC) {
        Ok(criteria) => criteria.also,
        Err(problem) => {
            if said.insert(rule.id) {
                warn!("filter {} of the triage is left out: {problem}", rule.id);
            }
            None
        }
    }
}
