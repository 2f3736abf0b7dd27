//! What the user wants to see, and how the threads that read the store learn of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::period::Period;
use crate::store::{Criteria, Marks, Reader, Selection, SelectionProblem, StoreError};

/// Which alerts are shown, and over which period they are counted.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// Without its last filter.
    pub(super) selection: Selection,
    /// The last filter, which can be edited.
    pub(super) filter: Option<String>,
    /// Whether acknowledged alerts are left out.
    pub(super) hides_acknowledged: bool,
    pub(super) period: Period,
    pub(super) zone: TimeZone,
    /// Which alerts are shown was changed this many times.
    pub(super) generation: u64,
    /// Anything was changed this many times.
    change: u64,
}

impl Wanted {
    /// # Errors
    /// If the criteria make no sense.
    pub(super) fn new(mut selection: Selection, zone: TimeZone) -> Result<Self, SelectionProblem> {
        let filter = selection.filter.pop();
        let period = Period::default();
        let wanted = Self {
            selection,
            filter,
            hides_acknowledged: false,
            period,
            zone,
            generation: 0,
            change: 0,
        };
        wanted.criteria()?;
        Ok(wanted)
    }

    /// Counts everything if a store has no alerts of late: its last hour would be empty.
    ///
    /// # Errors
    /// If the store can't be read.
    pub(super) fn with_period_of(mut self, reader: &Reader) -> Result<Self, StoreError> {
        let newest = reader.contents()?.map(|contents| contents.last);
        let age = newest.map(|newest| Timestamp::now().as_second() - newest.as_second());
        if age > self.period.seconds() {
            self.period = Period::Everything;
        }
        Ok(self)
    }

    /// The same over another period.
    pub(super) fn over(&self, period: Period) -> Self {
        Self { period, change: self.change + 1, ..self.clone() }
    }

    /// The same with another filter.
    pub(super) fn filtered(&self, filter: Option<String>) -> Self {
        let (generation, change) = (self.generation + 1, self.change + 1);
        Self { filter, generation, change, ..self.clone() }
    }

    /// The same with or without acknowledged alerts.
    pub(super) fn hiding(&self, hides_acknowledged: bool) -> Self {
        Self { hides_acknowledged, ..self.filtered(self.filter.clone()) }
    }

    /// Whether an alert is wanted about which this was said.
    pub(super) fn accepts(&self, marks: Marks) -> bool {
        let is = |wanted: Option<bool>, is| wanted.is_none_or(|wanted| wanted == is);
        is(self.acknowledged(), marks.is_acknowledged)
            && is(self.selection.starred, marks.is_starred)
    }

    /// Whether it depends on what people say which alerts are shown.
    pub(super) fn is_about_triage(&self) -> bool {
        let Selection { starred, comment, .. } = &self.selection;
        self.acknowledged().is_some() || starred.is_some() || comment.is_some()
    }

    fn acknowledged(&self) -> Option<bool> {
        if self.hides_acknowledged { Some(false) } else { self.selection.acknowledged }
    }

    /// The criteria.
    ///
    /// # Errors
    /// If they make no sense.
    pub(super) fn criteria(&self) -> Result<Criteria, SelectionProblem> {
        let mut selection = self.selection.clone();
        selection.filter.extend(self.filter.clone());
        let mut criteria = selection.criteria(|| self.zone.clone())?;
        criteria.acknowledged = self.acknowledged();
        Ok(criteria)
    }

    /// Whether all alerts are shown.
    pub(super) fn is_everything(&self) -> bool {
        self.filter.is_none() && !self.hides_acknowledged && self.options().is_empty()
    }

    /// The criteria other than the last filter, as options of the command line.
    pub(super) fn options(&self) -> String {
        fn list<T: ToString>(name: &'static str, values: &[T]) -> Option<(&'static str, String)> {
            let values: Vec<_> = values.iter().map(ToString::to_string).collect();
            (!values.is_empty()).then(|| (name, values.join(",")))
        }
        fn one<T: ToString>(
            name: &'static str,
            value: Option<&T>,
        ) -> Option<(&'static str, String)> {
            value.map(|value| (name, value.to_string()))
        }
        let yes_or_no = |value: Option<bool>| value.map(|is| if is { "yes" } else { "no" });
        let Selection {
            since,
            until,
            gid,
            sid,
            priority,
            class,
            src,
            dst,
            host,
            port,
            proto,
            sensor,
            text,
            acknowledged,
            starred,
            comment,
            filter,
        } = &self.selection;
        let options = [
            one("since", since.as_ref()),
            one("until", until.as_ref()),
            list("gid", gid),
            list("sid", sid),
            list("priority", priority),
            list("class", class),
            one("src", src.as_ref()),
            one("dst", dst.as_ref()),
            one("host", host.as_ref()),
            one("port", port.as_ref()),
            one("proto", proto.as_ref()),
            one("sensor", sensor.as_ref()),
            one("text", text.as_ref()),
            one("acknowledged", yes_or_no(*acknowledged).as_ref()),
            one("starred", yes_or_no(*starred).as_ref()),
            one("comment", comment.as_ref()),
        ];
        let options =
            options.into_iter().flatten().map(|(name, value)| format!("--{name} {value}"));
        let options = options.chain(filter.iter().map(|filter| format!("--filter {filter}")));
        options.collect::<Vec<_>>().join(" ")
    }
}

/// What the threads that read the store are to look for. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Order(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    wanted: Mutex<Wanted>,
    changed: Condvar,
    generation: AtomicU64,
    change: AtomicU64,
    /// The alerts on the screen.
    shown: Mutex<Vec<i64>>,
    /// The search that is to go on, and before which alert.
    further: Mutex<Option<(u64, i64)>>,
}

impl Order {
    pub(super) fn new(wanted: Wanted) -> Self {
        let (generation, change) = (wanted.generation.into(), wanted.change.into());
        let (wanted, changed) = (Mutex::new(wanted), Condvar::new());
        let (shown, further) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Inner { wanted, changed, generation, change, shown, further }))
    }

    /// Wants something else from now on.
    pub(super) fn change(&self, wanted: Wanted) {
        let Inner { generation, change, changed, .. } = &*self.0;
        let mut current = self.current();
        generation.store(wanted.generation, Ordering::SeqCst);
        change.store(wanted.change, Ordering::SeqCst);
        *current = wanted;
        changed.notify_all();
    }

    /// What is wanted.
    pub(super) fn wanted(&self) -> Wanted {
        self.current().clone()
    }

    /// Waits for a change, but not longer than this.
    pub(super) fn wait(&self, known: &Wanted, timeout: Duration) {
        let waiting = |wanted: &mut Wanted| {
            wanted.change == known.change && locked(&self.0.further).is_none()
        };
        // A panic of another thread leaves what is wanted whole.
        drop(self.0.changed.wait_timeout_while(self.current(), timeout, waiting));
    }

    /// Older alerts than this one are to be looked for, by the search of this number.
    pub(super) fn go_on(&self, search: u64, before: i64) {
        let _current = self.current();
        *locked(&self.0.further) = Some((search, before));
        self.0.changed.notify_all();
    }

    /// The search that is to go on, and before which alert.
    pub(super) fn take_further(&self) -> Option<(u64, i64)> {
        locked(&self.0.further).take()
    }

    /// These alerts are on the screen.
    pub(super) fn show(&self, alerts: Vec<i64>) {
        *locked(&self.0.shown) = alerts;
    }

    /// The alerts on the screen.
    pub(super) fn shown(&self) -> Vec<i64> {
        locked(&self.0.shown).clone()
    }

    /// Whether other alerts are wanted than these: for a reader that reads them.
    pub(super) fn wants_other_alerts(&self, than: &Wanted) -> impl FnMut() -> bool + Send + use<> {
        let (inner, generation) = (Arc::clone(&self.0), than.generation);
        move || inner.generation.load(Ordering::SeqCst) != generation
    }

    /// Whether anything else is wanted: for a reader that counts.
    pub(super) fn wants_else(&self, than: &Wanted) -> impl FnMut() -> bool + Send + use<> {
        let (inner, change) = (Arc::clone(&self.0), than.change);
        move || inner.change.load(Ordering::SeqCst) != change
    }

    fn current(&self) -> MutexGuard<'_, Wanted> {
        locked(&self.0.wanted)
    }
}

fn locked<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}
