//! The criteria of a selection: its texts read, and its filters compiled.

#[cfg(feature = "script")]
use std::cell::RefCell;
use std::rc::Rc;
#[cfg(feature = "script")]
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
#[cfg(feature = "script")]
use pigear_alert::Alert;

use super::Selection;
use crate::store::criteria::Criteria;
#[cfg(feature = "script")]
use crate::store::criteria::Test;
#[cfg(feature = "script")]
use crate::store::filter_failures::FilterFailures;
use crate::store::moment::moment;
#[cfg(feature = "script")]
use crate::store::narrowing::NativeCondition;

/// A selection makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SelectionProblem {
    /// A time can't be read.
    #[error("{0}")]
    Time(String),
    /// The span of time is empty.
    #[error("--since is {since:.0}, and --until is {until:.0}: --since must be the earlier one")]
    Reversed {
        /// Its begin.
        since: Timestamp,
        /// Its end.
        until: Timestamp,
    },
    /// The filter is invalid.
    #[cfg(feature = "script")]
    #[error("--filter: {0}")]
    Filter(crate::script::ScriptProblem),
}

impl Selection {
    /// The criteria. Times without an offset are in the zone, which is asked for only if there are times.
    ///
    /// # Errors
    /// If the span of time is empty, or the filter is invalid.
    pub fn criteria(&self, zone: impl Fn() -> TimeZone) -> Result<Criteria, SelectionProblem> {
        let time = |text: &Option<String>| {
            let time = text.as_deref().map(|text| moment(text, &zone())).transpose();
            time.map_err(SelectionProblem::Time)
        };
        let (since, until) = (time(&self.since)?, time(&self.until)?);
        if let Some((since, until)) = since.zip(until)
            && since > until
        {
            return Err(SelectionProblem::Reversed { since, until });
        }
        let criteria = Criteria {
            since,
            until,
            received: None,
            gid: self.gid.clone(),
            sid: self.sid.iter().filter(|id| id.gid.is_none()).map(|id| id.sid).collect(),
            rule: self.sid.iter().filter_map(|id| Some((id.gid?, id.sid))).collect(),
            priority: self.priority.clone(),
            class: self.class.clone(),
            src: self.src,
            dst: self.dst,
            host: self.host,
            port: self.port,
            proto: self.proto,
            sensor: self.sensor.clone(),
            text: self.text.clone(),
            acknowledged: self.acknowledged,
            starred: self.starred,
            comment: self.comment.clone(),
            also: None,
            failures: Rc::default(),
            named_classes: Vec::new(),
            native: None,
        };
        #[cfg(feature = "script")]
        let criteria = self.with_filters(criteria)?;
        Ok(criteria)
    }

    #[cfg(feature = "script")]
    fn with_filters(&self, mut criteria: Criteria) -> Result<Criteria, SelectionProblem> {
        for script in &self.filter {
            let (test, native, classes) = passes(script, &criteria.failures)?;
            criteria.also_meets(test, native);
            criteria.named_classes.extend(classes);
        }
        Ok(criteria)
    }
}

#[cfg(feature = "script")]
type Passes = (Test, Option<NativeCondition>, Vec<String>);

/// A filter's condition, the same if it needs no engine, and the classes that it names. An alert on which it fails
/// doesn't meet it: what is found is counted, acknowledged and exported as what was asked for.
#[cfg(feature = "script")]
fn passes(script: &str, failures: &Rc<FilterFailures>) -> Result<Passes, SelectionProblem> {
    let filter = crate::script::Filter::compile(script).map_err(SelectionProblem::Filter)?;
    let (native, classes) = (filter.native_condition(), filter.classes().to_vec());
    let (filter, failures) = (RefCell::new(filter), Rc::clone(failures));
    let test = move |alert: &Alert| {
        if let Some(passes) = filter.borrow().passes_natively(alert) {
            return passes;
        }
        let passes = filter.borrow_mut().passes(&Arc::new(alert.clone()));
        passes.unwrap_or_else(|error| {
            failures.add(&error);
            false
        })
    };
    Ok((Box::new(test), native, classes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reversed_span_is_refused() {
        let mut selection = Selection::default();
        selection.set("since", "2026-11-02").unwrap();
        selection.set("until", "2026-11-01").unwrap();
        let problem = selection.criteria(|| TimeZone::UTC).err().unwrap();
        assert!(matches!(problem, SelectionProblem::Reversed { .. }));
    }
}
