//! The join, with its threads' steps in every order in which they can come.

use std::sync::Arc;
use std::time::Instant;

use shuttle::sync::Mutex;
use shuttle::thread;

use super::join::{Join, Joined, Late};
use super::tests::{BARE, Made, WAIT};
use super::{Lock, Shared};

impl Lock for Mutex<Join> {
    fn with<T>(&self, step: impl FnOnce(&mut Join) -> T) -> T {
        step(&mut self.lock().unwrap())
    }
}

type Model = Arc<Shared<Mutex<Join>>>;

/// What became of alerts and events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Came {
    /// Alerts of the socket that were handed on …
    alerts: usize,
    /// … of which so many with their event.
    completed: usize,
    /// Events that were handed on as alerts that never came.
    alone: usize,
}

impl Came {
    fn and(self, other: Self) -> Self {
        Self {
            alerts: self.alerts + other.alerts,
            completed: self.completed + other.completed,
            alone: self.alone + other.alone,
        }
    }
}

fn receive(model: &Model, made: Made, now: Instant) -> Came {
    let taken = model.take(made.alert(), now);
    let completed = taken.iter().filter(|alert| alert.log().is_some()).count();
    Came { alerts: usize::from(taken.is_some()), completed, alone: 0 }
}

fn read(model: &Model, made: Made, now: Instant) -> Came {
    match model.event(made.event(), Late::Possible, now) {
        Joined::Completed(alert) => {
            Came { alerts: 1, completed: usize::from(alert.log().is_some()), alone: 0 }
        }
        Joined::Alone(_) => Came { alone: 1, ..Came::default() },
        Joined::HandedOn | Joined::Held => Came::default(),
    }
}

fn expire(model: &Model, now: Instant) -> Came {
    let expired = model.expired(now);
    Came { alerts: expired.alerts.len(), alone: expired.events.len(), completed: 0 }
}

/// Runs all in every order, then lets what is left expire.
fn in_every_order(
    steps: &'static [fn(&Model, Instant) -> Came],
    check: impl Fn(Came) + Send + Sync + 'static,
) {
    let all = move || {
        let (model, now): (Model, _) =
            (Arc::new(Shared::new(Mutex::new(Join::new(WAIT)))), Instant::now());
        // This thread takes the first steps: one less to put in order.
        let Some((mine, others)) = steps.split_first() else { return };
        let threads: Vec<_> = others
            .iter()
            .map(|step| {
                let model = Arc::clone(&model);
                thread::spawn(move || step(&model, now))
            })
            .collect();
        let came = mine(&model, now);
        let came = threads.into_iter().fold(came, |came, it| came.and(it.join().unwrap()));
        check(came.and(expire(&model, now + 4 * WAIT)));
    };
    shuttle::check_dfs(all, None);
}

#[test]
fn an_alert_that_comes_with_its_event_is_one_alert_and_never_missed() {
    in_every_order(
        &[|model, now| receive(model, BARE, now), |model, now| read(model, BARE, now)],
        |came| assert_eq!(came, Came { alerts: 1, completed: 1, alone: 0 }),
    );
}

#[test]
fn an_alert_that_has_all_is_handed_on_and_its_event_is_no_second_one() {
    const WHOLE: Made = Made { has_packet: true, ..BARE };
    in_every_order(
        &[|model, now| receive(model, WHOLE, now), |model, now| read(model, WHOLE, now)],
        |came| assert_eq!((came.alerts, came.alone), (1, 0)),
    );
}

#[test]
fn an_alert_whose_time_is_up_just_when_its_event_comes_is_handed_on_once() {
    in_every_order(
        &[
            |model, now| receive(model, BARE, now),
            |model, now| read(model, BARE, now + WAIT / 2),
            |model, now| expire(model, now + WAIT),
        ],
        |came| assert_eq!((came.alerts, came.alone), (1, 0)),
    );
}

#[test]
fn two_alerts_of_one_time_find_each_its_own_event() {
    const OTHER: Made = Made { event_id: 8, ..BARE };
    in_every_order(
        &[
            |model, now| receive(model, BARE, now).and(receive(model, OTHER, now)),
            |model, now| read(model, OTHER, now).and(read(model, BARE, now)),
        ],
        |came| assert_eq!(came, Came { alerts: 2, completed: 2, alone: 0 }),
    );
}
