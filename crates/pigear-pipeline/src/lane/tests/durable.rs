//! A lane whose alerts wait where they outlive the process.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::queue::{Batch, Settlement, Taken};
use crate::totals::Totals;

/// Ten alerts, in memory, as if that outlived the process: in batches of four.
#[derive(Default)]
struct Ten {
    taken: Mutex<u32>,
    settled: Mutex<u64>,
    refused: Mutex<Vec<(u64, u32, String)>>,
    abandoned: AtomicBool,
    /// Later ones that are never stored: how many came, and how many of them the lane wasn't told of.
    late: Mutex<(u64, u64)>,
}

impl Queue for Ten {
    fn take(&self, batch: &mut Batch, policy: BatchPolicy, until: Option<Instant>) -> Taken {
        let mut taken = self.taken.lock().unwrap();
        if until.is_some_and(|until| until <= Instant::now()) {
            return Taken::Due;
        }
        if *taken == 10 {
            return Taken::Closed;
        }
        let most = u32::try_from(policy.most).unwrap_or(4).min(4);
        let to = 10.min(*taken + most);
        batch.fill((*taken..to).map(alert));
        *taken = to;
        Taken::Alerts
    }

    fn settle(&self, settlement: &Settlement) {
        *self.settled.lock().unwrap() = settlement.settled;
        assert_eq!(settlement.totals.sum(), settlement.settled);
        let refused = settlement.refused.iter();
        let refused = refused.map(|r| (r.number, r.alert.message.event_id, r.reason.to_string()));
        self.refused.lock().unwrap().extend(refused);
    }

    fn received(&self) -> u64 {
        10 + self.late.lock().unwrap().0
    }

    fn take_lost(&self) -> Totals {
        let dropped = std::mem::take(&mut self.late.lock().unwrap().1);
        Totals { dropped, ..Totals::default() }
    }

    fn waiting(&self) -> usize {
        10 - *self.taken.lock().unwrap() as usize
    }

    fn close(&self) {}

    fn is_closed(&self) -> bool {
        false
    }

    fn outlives_process(&self) -> bool {
        true
    }

    fn abandon(&self) -> u64 {
        self.abandoned.store(true, Ordering::SeqCst);
        0
    }
}

struct Ids<F>(F);

impl<F: FnMut(&[u32]) -> Result<Progress, Failure> + Send> Handler for Ids<F> {
    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
        let ids: Vec<_> = alerts.iter().map(|alert| alert.message.event_id).collect();
        (self.0)(&ids)
    }
}

/// Has a handler work off the ten; returns it, and what was counted: handled, failed, waiting.
fn work(
    on_error: OnError,
    filters: Vec<Box<dyn Filter>>,
    handle: impl FnMut(&[u32]) -> Result<Progress, Failure> + Send + 'static,
) -> (LaneEnd, Arc<Ten>, [u64; 3]) {
    let (queue, stats) = (Arc::new(Ten::default()), Stats::default());
    let worker = open(&queue, filters, Box::new(Ids(handle)), &stats);
    let end = worker.run(on_error);
    assert!(queue.abandoned.load(Ordering::SeqCst));
    let counted = stats.snapshot().handlers["test"];
    adds_up(counted);
    (end, queue, [counted.handled, counted.failed, counted.lag.unwrap()])
}

fn open(
    queue: &Arc<Ten>,
    filters: Vec<Box<dyn Filter>>,
    handler: Box<dyn Handler>,
    stats: &Stats,
) -> Worker {
    let queue = Some(Arc::clone(queue) as Arc<dyn Queue>);
    let parts = LaneParts { settings: LaneSettings::default(), filters, queue };
    open_lane(parts, handler, |account| stats.add_lane("test", account))
}

fn settled(queue: &Ten) -> u64 {
    *queue.settled.lock().unwrap()
}

fn refused(queue: &Ten) -> Vec<(u64, u32, String)> {
    queue.refused.lock().unwrap().clone()
}

#[test]
fn everything_is_handled_in_order() {
    let told = Arc::new(Mutex::new(Vec::<u32>::new()));
    let seen = Arc::clone(&told);
    let (end, queue, counted) = work(OnError::Stop, Vec::new(), move |ids| {
        seen.lock().unwrap().extend(ids);
        Ok(Progress::All)
    });
    assert!(matches!(end, LaneEnd::Done), "{end:?}");
    assert_eq!((counted, settled(&queue)), ([10, 0, 0], 10));
    assert_eq!(*told.lock().unwrap(), (0..10).collect::<Vec<_>>());
}

#[test]
fn what_comes_after_the_lane_has_ended_and_is_never_stored_is_dropped() {
    let (queue, stats) = (Arc::new(Ten::default()), Stats::default());
    let handler = Ids(|_: &[u32]| Err(Failure::reader_gone().after(2)));
    let worker = open(&queue, Vec::new(), Box::new(handler), &stats);
    assert!(matches!(worker.run(OnError::GoOn), LaneEnd::ReaderGone));
    for came in [3, 5] {
        let mut late = queue.late.lock().unwrap();
        let not_told = came - late.0;
        *late = (came, not_told);
        drop(late);
        let counted = stats.snapshot().handlers["test"];
        adds_up(counted);
        let counts = [counted.received, counted.handled, counted.dropped, counted.waiting];
        assert_eq!(counts, [10 + came, 2, came, 8]);
    }
}

#[test]
fn what_is_refused_is_kept_with_the_reason_and_the_rest_is_handled() {
    for on_error in [OnError::Stop, OnError::GoOn] {
        let (end, queue, counted) = work(on_error, Vec::new(), |ids| match *ids {
            [4, ..] => Err(Failure::refused_first(2, "no").after(1)),
            [8, ..] => Err(Failure::refused("not that").after(1)),
            _ => Ok(Progress::All),
        });
        assert!(matches!(end, LaneEnd::Done), "{end:?}");
        assert_eq!(counted, [7, 3, 0]);
        let expected = [(5, 5, "no".into()), (6, 6, "no".into()), (9, 9, "not that".into())];
        assert_eq!(refused(&queue), expected);
    }
}

#[test]
fn some_of_a_batch_may_be_refused_and_the_others_handled() {
    let refusal = |index| crate::handler::Refusal { index, reason: "no".into() };
    let (_, queue, counted) = work(OnError::Stop, Vec::new(), move |ids| match *ids {
        [4, ..] => Err(Failure::refused_among(4, vec![refusal(2), refusal(0), refusal(0)])),
        _ => Ok(Progress::All),
    });
    assert_eq!((counted, settled(&queue)), ([8, 2, 0], 10));
    assert_eq!(refused(&queue), [(4, 4, "no".into()), (6, 6, "no".into())]);
}

#[test]
fn a_panic_is_a_refusal() {
    let (_, queue, counted) = work(OnError::Stop, Vec::new(), |ids| match *ids {
        [0, ..] => panic!("oh"),
        _ => Ok(Progress::All),
    });
    assert_eq!(counted, [9, 1, 0]);
    assert_eq!(refused(&queue), [(0, 0, "panicked: oh".into())]);
}

#[test]
fn a_passing_fault_is_tried_again_and_makes_no_dead_letter() {
    for failure in [|| Failure::retry("busy"), || Failure::no_room("full")] {
        let mut attempts = 0;
        let (end, queue, counted) = work(OnError::Stop, Vec::new(), move |ids| match *ids {
            [4, ..] if attempts < 2 => {
                attempts += 1;
                Err(failure())
            }
            [4, ..] => Ok(Progress::First(NonZeroUsize::MIN)),
            _ => Ok(Progress::All),
        });
        assert!(matches!(end, LaneEnd::Done), "{end:?}");
        assert_eq!((counted, refused(&queue).len()), ([10, 0, 0], 0));
    }
}

#[test]
fn what_is_not_handled_when_time_is_up_stays() {
    let (end, queue, counted) = work(OnError::Stop, Vec::new(), |ids| match *ids {
        [4, ..] => Err(Failure::time_up().after(2)),
        _ => Ok(Progress::All),
    });
    assert!(matches!(end, LaneEnd::Done), "{end:?}");
    assert_eq!((counted, settled(&queue)), ([6, 0, 4], 6));
    assert_eq!(refused(&queue), []);
}

#[test]
fn a_reader_that_has_gone_away_ends_the_lane() {
    let (end, _, counted) = work(OnError::Stop, Vec::new(), |_| Err(Failure::reader_gone()));
    assert!(matches!(end, LaneEnd::ReaderGone), "{end:?}");
    assert_eq!(counted, [0, 0, 10]);
}

#[test]
fn a_lane_whose_time_is_up_does_not_begin_another_batch() {
    let (queue, stats) = (Arc::new(Ten::default()), Stats::default());
    let worker = open(&queue, Vec::new(), Box::new(Ids(|_: &[u32]| Ok(Progress::All))), &stats);
    worker.lane().end_by(Instant::now().checked_sub(Duration::from_millis(1)).unwrap());
    worker.run(OnError::Stop);
    assert_eq!(settled(&queue), 4);
}

#[test]
fn a_lane_that_is_removed_begins_nothing_more_and_has_time_to_finish() {
    let (queue, stats) = (Arc::new(Ten::default()), Stats::default());
    let worker = open(&queue, Vec::new(), Box::new(Ids(|_: &[u32]| Ok(Progress::All))), &stats);
    let lane = Arc::clone(worker.lane());
    lane.remove_by(Instant::now() + Duration::from_secs(3_600));
    assert!(matches!(worker.run(OnError::Stop), LaneEnd::Done));
    assert_eq!(settled(&queue), 0);
    assert!(!lane.deadline.is_up());
}

/// A handler that can't be started.
struct NeverStarts;

impl Handler for NeverStarts {
    fn start(&mut self, _: Context) -> Result<(), Failure> {
        Err(Failure::refused("it can't be started"))
    }

    fn handle(&mut self, _: &[Arc<Alert>]) -> Result<Progress, Failure> {
        panic!("it was not started");
    }
}

#[test]
fn a_lane_that_is_removed_before_its_handler_could_start_has_not_failed() {
    let (queue, stats) = (Arc::new(Ten::default()), Stats::default());
    let worker = open(&queue, Vec::new(), Box::new(NeverStarts), &stats);
    worker.lane().remove_by(Instant::now() + Duration::from_secs(3_600));
    let end = worker.run(OnError::GoOn);
    assert!(matches!(end, LaneEnd::Done), "{end:?}");
    assert_eq!(settled(&queue), 0);
}

#[test]
fn what_does_not_pass_the_filters_is_settled_with_what_is_before_it() {
    let odd = || -> Vec<Box<dyn Filter>> { vec![Box::new(Pass(|id| Ok(id % 2 == 1)))] };
    let (_, queue, counted) = work(OnError::Stop, odd(), |ids| {
        assert!(ids.iter().all(|id| id % 2 == 1));
        match *ids {
            [5, ..] => Err(Failure::refused("no").after(1)),
            _ => Ok(Progress::All),
        }
    });
    assert_eq!((counted, settled(&queue)), ([4, 1, 0], 10));
    assert_eq!(refused(&queue), [(7, 7, "no".into())]);
    let (end, queue, counted) = work(OnError::Stop, odd(), |ids| {
        if ids.contains(&7) { Err(Failure::time_up().after(1)) } else { Ok(Progress::All) }
    });
    assert!(matches!(end, LaneEnd::Done), "{end:?}");
    // Of 0 to 7, number 6 didn't pass and comes again with 7.
    assert_eq!((counted[0], settled(&queue)), (3, 6));
}

#[test]
fn a_handler_that_panics_at_the_start_loses_nothing() {
    let (queue, stats) = (Arc::new(Ten::default()), Stats::default());
    let handler = Panics { at: "start", told: Told::default() };
    let worker = open(&queue, Vec::new(), Box::new(handler), &stats);
    // It is tried again until then.
    worker.lane().end_by(Instant::now() + Duration::from_millis(150));
    let end = worker.run(OnError::GoOn);
    let expected = "panicked: broken at start";
    assert!(matches!(end, LaneEnd::Failed(error) if error.to_string() == expected));
    assert_eq!(stats.snapshot().handlers["test"].lag, Some(10));
}
