//! Receivers who are people: alerts in groups, and only so many messages a minute.

use std::ops::AddAssign;
use std::sync::Arc;
use std::time::Instant;

use pigear_alert::Alert;

use super::courier::Courier;
use super::groups::{Group, Groups};
use super::options::Options;
use super::outcomes::Undelivered;

/// Gathers alerts, and sends a message for each group of them.
pub(super) struct People {
    groups: Groups,
    /// What could not be sent before the end.
    late: Untold,
}

/// Messages that nobody gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Untold {
    pub(super) messages: usize,
    /// How many alerts they are about.
    pub(super) alerts: u64,
}

impl Untold {
    pub(super) fn of<'a>(groups: impl IntoIterator<Item = &'a Group>) -> Self {
        groups.into_iter().fold(Self::default(), |untold, group| Self {
            messages: untold.messages + 1,
            alerts: untold.alerts + group.count(),
        })
    }
}

impl AddAssign for Untold {
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
        Ok(options.is_for_people().then(|| Self { groups, late: Untold::default() }))
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

    /// Sends the messages that are due.
    ///
    /// # Errors
    /// If the receiver refuses one; the others are sent nevertheless.
    pub(super) fn tell_what_is_due(&mut self, courier: &Courier) -> Result<(), String> {
        self.tell(courier, false)
    }

    /// Sends all messages, as far as there may be so many.
    ///
    /// # Errors
    /// If the receiver refuses one, or if some are left.
    pub(super) fn tell_everything(&mut self, courier: &Courier) -> Result<(), String> {
        self.tell(courier, true)?;
        self.late += self.groups.left();
        let Untold { messages, alerts } = self.late;
        if messages == 0 {
            return Ok(());
        }
        Err(format!("{messages} messages about {alerts} alerts were not sent in time"))
    }

    fn tell(&mut self, courier: &Courier, everything: bool) -> Result<(), String> {
        let mut result = Ok(());
        while !courier.gave_up() {
            let due = self.groups.take_due(Instant::now(), everything, courier.batch());
            if due.is_empty() {
                break;
            }
            self.send(courier, &due).unwrap_or_else(|refusal| result = Err(refusal));
        }
        result
    }

    fn send(&mut self, courier: &Courier, groups: &[Group]) -> Result<(), String> {
        let mut result = Ok(());
        let messages: Vec<_> = groups.iter().map(Group::message).collect();
        let mut sent = 0;
        while let Some(rest) = messages.get(sent..)
            && !rest.is_empty()
        {
            for run in courier.send(rest) {
                let these = groups.get(sent..sent + run.alerts).unwrap_or_default();
                sent += run.alerts;
                match run.result {
                    Ok(()) => {}
                    Err(Undelivered::Refused(reason)) => result = Err(refusal(&reason, these)),
                    Err(Undelivered::TimeUp) => self.late += Untold::of(these),
                }
            }
        }
        result
    }
}

/// The alerts were counted as handled when they were put into groups, so this is where it is said how
/// many of them nobody is told of.
fn refusal(reason: &str, groups: &[Group]) -> String {
    match Untold::of(groups).alerts {
        1 => reason.to_owned(),
        alerts => format!("{reason} (about {alerts} alerts)"),
    }
}
