//! A lane that makes messages of groups.

use std::num::NonZeroU32;

use super::*;
use crate::test_alerts::alert_of;

/// Collects what it gets: signature and count of each message.
struct Collect<F>(Arc<Mutex<Vec<(u32, u64)>>>, F);

impl<F: FnMut(&[Arc<Alert>]) -> Result<Progress, Failure> + Send> Handler for Collect<F> {
    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
        let result = (self.1)(alerts)?;
        let message = |alert: &Arc<Alert>| (alert.message.sig_id, alert.count.unwrap().get());
        self.0.lock().unwrap().extend(alerts.iter().map(message));
        Ok(result)
    }
}

fn work(
    settings: LaneSettings,
    alerts: impl IntoIterator<Item = Arc<Alert>>,
    handle: impl FnMut(&[Arc<Alert>]) -> Result<Progress, Failure> + Send + 'static,
) -> (Vec<(u32, u64)>, LaneSnapshot) {
    let (stats, sent) = (Stats::default(), Arc::new(Mutex::new(Vec::new())));
    let parts = LaneParts { settings, filters: Vec::new(), queue: None };
    let handler = Box::new(Collect(Arc::clone(&sent), handle));
    let worker = open_lane(parts, handler, |account| stats.add_lane("test", account));
    let lane = Arc::clone(worker.lane());
    alerts.into_iter().for_each(|alert| lane.push(&alert, 1, SourceMode::Live));
    lane.end_by(Instant::now() + Duration::from_secs(20));
    lane.close();
    worker.run(OnError::GoOn);
    let snapshot = stats.snapshot().handlers["test"];
    adds_up(snapshot);
    let sent = sent.lock().unwrap().clone();
    (sent, snapshot)
}

fn grouped() -> LaneSettings {
    LaneSettings { group: Some(Duration::from_secs(600)), ..LaneSettings::default() }
}

#[test]
fn alike_alerts_are_one_message_and_all_of_them_handled() {
    let alerts = [1, 2, 1, 1].map(|signature| alert_of(signature, 3));
    let (mut sent, counted) = work(grouped(), alerts, |_| Ok(Progress::All));
    sent.sort_unstable();
    assert_eq!(sent, [(1, 3), (2, 1)]);
    assert_eq!((counted.handled, counted.waiting), (4, 0));
}

#[test]
fn more_groups_than_may_wait_are_sent_nevertheless() {
    let alerts = (0..5_000).map(|signature| alert_of(signature, 3));
    let (sent, counted) = work(grouped(), alerts, |_| Ok(Progress::All));
    assert_eq!((sent.len(), counted.handled, counted.dropped), (5_000, 5_000, 0));
}

#[test]
fn what_is_refused_has_failed_with_all_that_it_stands_for() {
    let alerts = [1, 2, 1, 1, 3].map(|signature| alert_of(signature, 3));
    let (sent, counted) = work(grouped(), alerts, |alerts| {
        let bad = alerts.iter().position(|alert| alert.message.sig_id == 1);
        bad.map_or(Ok(Progress::All), |index| Err(Failure::refused("no").after(index)))
    });
    assert_eq!((counted.handled, counted.failed), (2, 3));
    // What came before the refused one was processed without being collected here.
    assert!(sent.len() <= 2);
}

#[test]
fn what_may_not_be_sent_before_the_end_is_dropped_and_not_handled() {
    let settings = LaneSettings { per_minute: NonZeroU32::new(2), ..LaneSettings::default() };
    let alerts = (1..=4).map(|priority| alert_of(7, priority));
    let (sent, counted) = work(settings, alerts, |_| Ok(Progress::All));
    assert_eq!((sent.len(), counted.handled, counted.dropped), (2, 2, 2));
}

#[test]
fn a_limit_mutes_what_is_above_it() {
    let settings = LaneSettings { limit: NonZeroU32::new(3), ..LaneSettings::default() };
    let parts = LaneParts { settings, filters: Vec::new(), queue: None };
    let (stats, told) = (Stats::default(), Told::default());
    let handler = Script { told: told.clone(), handle: |_: &[u32]| Ok(Progress::All) };
    let worker = open_lane(parts, Box::new(handler), |account| stats.add_lane("test", account));
    let lane = Arc::clone(worker.lane());
    (1..=10).for_each(|id| lane.push(&alert(id), 1, SourceMode::Live));
    lane.close();
    worker.run(OnError::Stop);
    let counted = stats.snapshot().handlers["test"];
    adds_up(counted);
    assert_eq!((counted.handled, counted.muted), (3, Some(7)));
    assert_eq!(*told.ids.lock().unwrap(), [1, 2, 3]);
    assert_eq!(lane.settled(), 10);
}
