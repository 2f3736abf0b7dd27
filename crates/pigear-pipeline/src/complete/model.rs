//! A model check of the join: all orders of its threads' steps.

use std::sync::Arc;
use std::time::Instant;

use shuttle::sync::Mutex;
use shuttle::thread;

use super::join::{Join, Joined, LateAlert};
use super::tests::{AlertSpec, BARE, WAIT};
use super::{Completed, Lock, Shared};

impl Lock for Mutex<Join> {
    fn with<T>(&self, step: impl FnOnce(&mut Join) -> T) -> T {
        step(&mut self.lock().unwrap())
    }
}

type Model = Arc<Shared<Mutex<Join>>>;

/// The results for alerts and events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Delivered {
    /// Alerts of the socket that were delivered …
    alerts: usize,
    /// … and how many of these with their event.
    completed: usize,
    /// Events that were delivered as alerts that never arrived.
    alone: usize,
}

impl Delivered {
    fn and(self, other: Self) -> Self {
        Self {
            alerts: self.alerts + other.alerts,
            completed: self.completed + other.completed,
            alone: self.alone + other.alone,
        }
    }
}

fn receive(model: &Model, spec: AlertSpec, now: Instant) -> Delivered {
    let taken = model.take(spec.alert(), now);
    let completed = taken.iter().filter(|alert| alert.log().is_some()).count();
    Delivered { alerts: usize::from(taken.is_some()), completed, alone: 0 }
}

fn read(model: &Model, spec: AlertSpec, now: Instant) -> Delivered {
    match model.event(spec.event(), LateAlert::Possible, now) {
        Joined::Completed(alert) => {
            Delivered { alerts: 1, completed: usize::from(alert.log().is_some()), alone: 0 }
        }
        Joined::Unmatched(_) => Delivered { alone: 1, ..Delivered::default() },
        Joined::Delivered | Joined::Waiting => Delivered::default(),
    }
}

fn expire(model: &Model, now: Instant) -> Delivered {
    let expired = model.expired(now);
    Delivered { alerts: expired.alerts.len(), alone: expired.events.len(), completed: 0 }
}

/// Runs all steps in every order, then lets the remaining entries expire.
fn in_every_order(
    steps: &'static [fn(&Model, Instant) -> Delivered],
    check: impl Fn(Delivered) + Send + Sync + 'static,
) {
    let all = move || {
        let (model, now): (Model, _) = (
            Arc::new(Shared::new(Mutex::new(Join::new(WAIT, Completed::Lacking)))),
            Instant::now(),
        );
        // This thread takes the first steps, which leaves one thread less to interleave.
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
        |came| assert_eq!(came, Delivered { alerts: 1, completed: 1, alone: 0 }),
    );
}

#[test]
fn an_alert_that_has_all_is_handed_on_and_its_event_is_no_second_one() {
    const WHOLE: AlertSpec = AlertSpec { has_packet: true, ..BARE };
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
    const OTHER: AlertSpec = AlertSpec { event_id: 8, ..BARE };
    in_every_order(
        &[
            |model, now| receive(model, BARE, now).and(receive(model, OTHER, now)),
            |model, now| read(model, OTHER, now).and(read(model, BARE, now)),
        ],
        |came| assert_eq!(came, Delivered { alerts: 2, completed: 2, alone: 0 }),
    );
}
