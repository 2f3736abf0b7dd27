//! Receivers who are people: alerts in groups, and only so many messages a minute.

use std::ops::AddAssign;
use std::sync::Arc;
use std::time::Instant;

use pigear_alert::Alert;
use pigear_pipeline::HandlerError;

use super::dispatcher::Dispatcher;
use super::groups::{Group, Groups};
use super::options::Options;
use super::outcomes::Undelivered;

/// Gathers alerts, and sends a message for each group of them.
pub(super) struct People {
    groups: Groups,
    /// What could not be sent before the end.
    late: Vec<Group>,
}

/// Messages that nobody gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Unsent {
    pub(super) messages: usize,
    /// How many alerts they are about.
    pub(super) alerts: u64,
}

impl Unsent {
    pub(super) fn of<'a>(groups: impl IntoIterator<Item = &'a Group>) -> Self {
        groups.into_iter().fold(Self::default(), |untold, group| Self {
            messages: untold.messages + 1,
            alerts: untold.alerts + group.count(),
        })
    }
}

impl AddAssign for Unsent {
    fn add_assign(&mut self, other: Self) {
        self.messages += other.messages;
        self.alerts += other.alerts;
    }
}

impl People {
    /// `None` if neither groups nor a limit are asked for.
    pub(super) fn new(options: &Options) -> Result<Option<Self>, String> {
        if options.per_minute() == Some(0) {
            return Err("per_minute=0: expected at least 1".to_owned());
        }
        let groups = Groups::new(options.group().unwrap_or_default(), options.per_minute());
        Ok(options.is_for_people().then(|| Self { groups, late: Vec::new() }))
    }

    pub(super) fn add(&mut self, alerts: &[Arc<Alert>]) {
        let now = Instant::now();
        for alert in alerts {
            self.groups.add(alert, now);
        }
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.groups.next_due()
    }

    /// The oldest alert that nobody was told of yet.
    pub(super) fn oldest(&self) -> Option<Arc<Alert>> {
        let oldest = self.groups.oldest().into_iter().chain(&self.late);
        oldest.min_by_key(|group| group.number).map(|group| Arc::clone(&group.alert))
    }

    /// Sends the messages that are due.
    ///
    /// # Errors
    /// If the receiver refuses some; the others are sent nevertheless.
    pub(super) fn send_due(&mut self, dispatcher: &Dispatcher) -> Result<(), HandlerError> {
        self.tell(dispatcher, false)
    }

    /// Sends all messages, as far as there may be so many.
    ///
    /// # Errors
    /// If the receiver refuses some, or if some are left.
    pub(super) fn flush(&mut self, dispatcher: &Dispatcher) -> Result<(), HandlerError> {
        self.tell(dispatcher, true)?;
        let mut late = Unsent::of(&self.late);
        late += self.groups.left();
        let Unsent { messages, alerts } = late;
        if messages == 0 {
            return Ok(());
        }
        let left = format!("{messages} messages about {alerts} alerts were not sent in time");
        Err(HandlerError::new(left))
    }

    fn tell(&mut self, dispatcher: &Dispatcher, everything: bool) -> Result<(), HandlerError> {
        let mut refusals = Refusals::default();
        while !dispatcher.gave_up() {
            let due = self.groups.take_due(Instant::now(), everything, dispatcher.batch());
            if due.is_empty() {
                break;
            }
            self.send(dispatcher, due, &mut refusals);
        }
        refusals.into_result()
    }

    fn send(&mut self, dispatcher: &Dispatcher, mut groups: Vec<Group>, refusals: &mut Refusals) {
        while !groups.is_empty() {
            let runs = dispatcher.send(&groups.iter().map(Group::message).collect::<Vec<_>>());
            for run in runs {
                let these: Vec<_> = groups.drain(..run.alerts.min(groups.len())).collect();
                match run.result {
                    Ok(()) => {}
                    Err(Undelivered::Refused(reason)) => refusals.add(&reason, &these),
                    Err(Undelivered::TimeUp) => self.late.extend(these),
                }
            }
        }
    }
}

/// Messages that a receiver refused.
#[derive(Default)]
struct Refusals {
    /// What is said of the last.
    said: String,
    /// The alerts that were to be told of, with the reasons.
    alerts: Vec<(Arc<Alert>, String)>,
}

impl Refusals {
    fn add(&mut self, reason: &str, groups: &[Group]) {
        self.said = about(reason, Unsent::of(groups).alerts);
        let of_group = |group: &Group| (Arc::clone(&group.alert), about(reason, group.count()));
        self.alerts.extend(groups.iter().map(of_group));
    }

    fn into_result(self) -> Result<(), HandlerError> {
        let Self { said, alerts } = self;
        if alerts.is_empty() { Ok(()) } else { Err(HandlerError::new(said).about(alerts)) }
    }
}

/// The alerts were counted as handled when they were put into groups, so this is where it is said how
/// many of them nobody is told of.
fn about(reason: &str, alerts: u64) -> String {
    match alerts {
        1 => reason.to_owned(),
        alerts => format!("{reason} (about {alerts} alerts)"),
    }
}
