//! The account, held against random handlers, faults and kills.
//!
//! `PROPTEST_CASES=10000 cargo test -p pigear-pipeline account` runs more of them.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::queue::{Batch, Settlement, Taken};
use crate::rate_limiter::RecentEvents;
use crate::test_alerts::alert_of;
use crate::totals::Totals;

/// What a handler does with a batch.
#[derive(Clone, Debug)]
enum Act {
    All,
    First(usize),
    Refuse(usize),
    RefuseSome(Vec<usize>),
    Retry(usize),
    NoRoom(usize),
    Panic,
    TimeUp(usize),
    ReaderGone(usize),
    Quit,
    /// Processes this many, and those at the positions behind them.
    OutOfOrder(usize, Vec<usize>, Then),
}

/// What becomes of the alerts that a handler did not process.
#[derive(Clone, Debug)]
enum Then {
    Refuse(Vec<usize>),
    NoRoom,
    Retry,
    TimeUp,
}

fn out_of_order(then: impl Strategy<Value = Then>) -> impl Strategy<Value = Act> {
    (0..6_usize, vec(0..8_usize, 0..5), then)
        .prop_map(|(first, ahead, then)| Act::OutOfOrder(first, ahead, then))
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        20 => Just(Act::All),
        5 => (1..6_usize).prop_map(Act::First),
        5 => (0..6_usize).prop_map(Act::Refuse),
        3 => vec(0..8_usize, 0..4).prop_map(Act::RefuseSome),
        2 => (0..6_usize).prop_map(Act::NoRoom),
        2 => Just(Act::Panic),
        1 => (0..6_usize).prop_map(Act::TimeUp),
        1 => (0..6_usize).prop_map(Act::ReaderGone),
        1 => Just(Act::Quit),
        4 => out_of_order(vec(0..8_usize, 1..4).prop_map(Then::Refuse)),
        1 => out_of_order(Just(Then::NoRoom)),
        1 => out_of_order(Just(Then::TimeUp)),
    ]
}

/// What a handler knows of alerts: how often it processed each, and how often it refused it.
type Ledger = Arc<Mutex<BTreeMap<u32, (u64, u64)>>>;

/// Acts as told, and then processes all. Checks the account at each call.
struct Actor {
    acts: std::vec::IntoIter<Act>,
    ledger: Ledger,
    stats: Arc<Stats>,
}

impl Actor {
    fn note(&self, alerts: &[Arc<Alert>], refused: &[usize]) {
        let mut ledger = self.ledger.lock().unwrap();
        for (index, alert) in alerts.iter().enumerate() {
            let entry = ledger.entry(alert.message.sig_id).or_default();
            let count = alert.count.map_or(1, std::num::NonZeroU64::get);
            if refused.contains(&index) { entry.1 += count } else { entry.0 += count }
        }
    }
}

impl Handler for Actor {
    fn needs(&self) -> Needs {
        Needs { batch: BatchPolicy { most: 7, ..BatchPolicy::default() }, ..Needs::default() }
    }

    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
        adds_up(self.stats.snapshot().handlers["test"]);
        let cut = |n: usize| n.min(alerts.len() - 1);
        match self.acts.next().unwrap_or(Act::All) {
            Act::All => {
                self.note(alerts, &[]);
                Ok(Progress::All)
            }
            Act::First(n) => {
                let n = n.clamp(1, alerts.len());
                self.note(&alerts[..n], &[]);
                Ok(Progress::First(NonZeroUsize::new(n).unwrap()))
            }
            Act::Refuse(n) => {
                self.note(&alerts[..=cut(n)], &[cut(n)]);
                Err(Failure::refused("no").after(cut(n)))
            }
            Act::RefuseSome(which) => {
                let mut which: Vec<_> = which.into_iter().map(cut).collect();
                // To refuse nothing is to refuse the last.
                which.extend(Some(alerts.len() - 1).filter(|_| which.is_empty()));
                self.note(alerts, &which);
                let refusal =
                    |index| crate::handler::Refusal { index, reason: Arc::from("not that") };
                let refusals = which.into_iter().map(refusal).collect();
                Err(Failure::refused_among(alerts.len(), refusals))
            }
            Act::Retry(n) => {
                self.note(&alerts[..cut(n)], &[]);
                Err(Failure::retry("busy").after(cut(n)))
            }
            Act::NoRoom(n) => {
                self.note(&alerts[..cut(n)], &[]);
                Err(Failure::no_room("full").after(cut(n)))
            }
            Act::Panic => {
                self.note(&alerts[..1], &[0]);
                panic!("broken")
            }
            Act::TimeUp(n) => {
                self.note(&alerts[..cut(n)], &[]);
                Err(Failure::time_up().after(cut(n)))
            }
            Act::ReaderGone(n) => {
                self.note(&alerts[..cut(n)], &[]);
                Err(Failure::reader_gone().after(cut(n)))
            }
            Act::Quit => {
                self.note(alerts, &[]);
                Err(Failure::quit())
            }
            Act::OutOfOrder(first, ahead, then) => {
                let first = cut(first);
                let refused = match &then {
                    Then::Refuse(which) => which.iter().map(|n| cut(*n)).collect(),
                    Then::NoRoom | Then::Retry | Then::TimeUp => Vec::new(),
                };
                let ahead: Vec<_> = ahead.into_iter().filter(|n| *n < alerts.len()).collect();
                for (index, alert) in alerts.iter().enumerate() {
                    if refused.contains(&index) {
                        self.note(std::slice::from_ref(alert), &[0]);
                    } else if index < first || ahead.contains(&index) {
                        self.note(std::slice::from_ref(alert), &[]);
                    }
                }
                let refusal =
                    |index| crate::handler::Refusal { index, reason: Arc::from("not that") };
                let failure = match then {
                    Then::Refuse(_) => {
                        let refusals = refused.into_iter().map(refusal).collect();
                        Failure::refused_among(first, refusals)
                    }
                    Then::NoRoom => Failure::no_room("full").after(first),
                    Then::Retry => Failure::retry("busy").after(first),
                    Then::TimeUp => Failure::time_up().after(first),
                };
                Err(failure.with_ahead(ahead))
            }
        }
    }
}

fn settings() -> impl Strategy<Value = LaneSettings> {
    let limits = (1..40_usize, proptest::option::of(1..30_u32), proptest::option::of(1..30_u32));
    (limits, any::<bool>()).prop_map(|((max_alerts, per_minute, limit), grouped)| LaneSettings {
        max_alerts,
        group: grouped.then_some(Duration::from_secs(600)),
        per_minute: per_minute.and_then(NonZeroU32::new),
        limit: limit.and_then(NonZeroU32::new),
        ..LaneSettings::default()
    })
}

fn filters(modulus: Option<u32>) -> Vec<Box<dyn Filter>> {
    struct NotEvery(u32);

    impl Filter for NotEvery {
        fn passes(&mut self, alert: &Arc<Alert>) -> Result<bool, FilterError> {
            Ok(!alert.message.sig_id.is_multiple_of(self.0))
        }
    }

    modulus.map(|n| Box::new(NotEvery(n)) as Box<dyn Filter>).into_iter().collect()
}

fn sum(ledger: &Ledger) -> (u64, u64) {
    let ledger = ledger.lock().unwrap();
    ledger.values().fold((0, 0), |(a, b), (handled, refused)| (a + handled, b + refused))
}

/// The signatures of some alerts.
fn signatures() -> impl Strategy<Value = Vec<u32>> {
    vec(0..12_u32, 0..80)
}

proptest! {
    /// A lane in memory, pushed to while it works.
    #[test]
    fn of_a_lane_in_memory(
        (settings, modulus) in (settings(), proptest::option::of(2..5_u32)),
        acts in vec(act(), 0..30),
        (before, during) in (signatures(), signatures()),
        (stop, leave, announced) in (any::<bool>(), any::<bool>(), any::<bool>()),
    ) {
        let (stats, ledger) = (Arc::new(Stats::default()), Ledger::default());
        // Without an end, a lane that may not send more now waits for as long as that takes.
        let announced = announced || settings.per_minute.is_some();
        let ends_early = announced || leave || acts.iter().any(|act| match act {
            Act::All | Act::First(_) => false,
            Act::Refuse(_)
            | Act::RefuseSome(_)
            | Act::Retry(_)
            | Act::Panic
            | Act::OutOfOrder(_, _, Then::Refuse(_) | Then::Retry) => stop,
            Act::NoRoom(_)
            | Act::TimeUp(_)
            | Act::ReaderGone(_)
            | Act::Quit
            | Act::OutOfOrder(_, _, Then::NoRoom | Then::TimeUp) => true,
        });
        let actor = Actor {
            acts: acts.into_iter(), ledger: Arc::clone(&ledger), stats: Arc::clone(&stats),
        };
        let parts = LaneParts { settings, filters: filters(modulus), queue: None };
        let worker =
            open_lane(parts, Box::new(actor), |account| stats.add_lane("test", account));
        let lane = Arc::clone(worker.lane());
        let push = |signatures: &[u32]| {
            for &signature in signatures {
                lane.push(&alert_of(signature, 3), 1, SourceMode::Live);
            }
        };
        push(&before);
        if announced {
            lane.end_by(Instant::now() + Duration::from_secs(1));
        }
        std::thread::scope(|scope| {
            let on_error = if stop { OnError::Stop } else { OnError::GoOn };
            let working = scope.spawn(move || worker.run(on_error));
            push(&during);
            adds_up(stats.snapshot().handlers["test"]);
            if leave {
                lane.leave_behind();
                let at_the_end = stats.snapshot().handlers["test"];
                let _ = working.join();
                assert_eq!(at_the_end, stats.snapshot().handlers["test"]);
            } else {
                lane.close();
                let _ = working.join();
            }
        });
        let settled = lane.settled();
        prop_assert!(settled <= (before.len() + during.len()) as u64);
        if !ends_early {
            prop_assert_eq!(settled, (before.len() + during.len()) as u64);
        }
        push(&[1, 2, 3]);
        prop_assert_eq!(lane.settled(), settled);
        let lane = stats.snapshot().handlers["test"];
        adds_up(lane);
        prop_assert_eq!(lane.received, (before.len() + during.len() + 3) as u64);
        prop_assert_eq!(lane.waiting, 0);
        let (handled, refused) = sum(&ledger);
        if leave {
            // What a handler does after it was left behind counts as dropped.
            prop_assert!(lane.handled <= handled && lane.failed <= refused);
        } else {
            prop_assert_eq!((lane.handled, lane.failed), (handled, refused));
        }
    }

    /// A durable lane over several runs, each of which may be killed at any settlement.
    #[test]
    fn of_a_durable_lane_that_is_killed(
        (settings, modulus) in (settings(), proptest::option::of(2..5_u32)),
        alerts in signatures(),
        runs in vec((vec(act_of_durable(), 0..8), 0..12_usize, any::<bool>()), 0..6),
    ) {
        // What is muted depends on the minute.
        let settings = LaneSettings { limit: None, ..settings };
        let disk = Arc::new(Mutex::new(Disk::of(&alerts)));
        let ledger = Ledger::default();
        // The last run has no limit, and works off the rest.
        let last = (Vec::new(), usize::MAX, false);
        let runs_before = runs.len();
        for (n, (acts, settlements, killed)) in runs.into_iter().chain([last]).enumerate() {
            let per_minute = settings.per_minute.filter(|_| n < runs_before);
            let settings = LaneSettings { per_minute, ..settings };
            let kill_after = if killed { settlements } else { usize::MAX };
            let queue = Arc::new(Killable::new(&disk, kill_after));
            let stats = Arc::new(Stats::default());
            let actor = Actor {
                acts: acts.into_iter(), ledger: Arc::clone(&ledger), stats: Arc::clone(&stats),
            };
            let queue = Some(queue as Arc<dyn Queue>);
            let parts = LaneParts { settings, filters: filters(modulus), queue };
            let worker =
                open_lane(parts, Box::new(actor), |account| stats.add_lane("test", account));
            worker.run(OnError::Stop);
            let lane = stats.snapshot().handlers["test"];
            adds_up(lane);
            // Across all runs each alert is counted once, when it is settled, in whatever order.
            let disk = disk.lock().unwrap();
            prop_assert_eq!(disk.totals.sum(), disk.settled() as u64);
            prop_assert_eq!(lane.total.unwrap().sum() + lane.waiting, alerts.len() as u64);
        }
        let disk = disk.lock().unwrap();
        prop_assert_eq!(disk.settled(), alerts.len());
        let passes = |&&signature: &&u32| modulus.is_none_or(|n| !signature.is_multiple_of(n));
        let passed = alerts.iter().filter(passes).count() as u64;
        prop_assert_eq!(disk.totals.filtered, alerts.len() as u64 - passed);
        prop_assert_eq!(disk.totals.handled + disk.totals.failed, passed);
        prop_assert_eq!(disk.totals.dropped + disk.totals.muted, 0);
        // Each was processed or refused at least once, and what is refused is a dead letter.
        let ledger = ledger.lock().unwrap();
        for signature in alerts.iter().filter(passes) {
            let (handled, refused) = ledger.get(signature).copied().unwrap_or_default();
            let there = alerts.iter().filter(|other| *other == signature).count() as u64;
            prop_assert!(handled + refused >= there);
        }
        prop_assert!(disk.letters as u64 <= ledger.values().map(|(_, refused)| refused).sum());
        prop_assert!(disk.totals.failed == 0 || disk.letters > 0);
    }
}

/// What a handler of a durable lane does: waiting for a passing fault takes a while, so it is rare.
fn act_of_durable() -> impl Strategy<Value = Act> {
    prop_oneof![
        200 => act(),
        1 => (0..6_usize).prop_map(Act::Retry),
        1 => out_of_order(Just(Then::Retry)),
    ]
    .prop_filter("waits for long", |act| {
        !matches!(act, Act::NoRoom(_) | Act::OutOfOrder(_, _, Then::NoRoom))
    })
}

/// What outlives a kill.
#[derive(Default)]
struct Disk {
    alerts: Vec<u32>,
    is_settled: Vec<bool>,
    totals: Totals,
    letters: usize,
    sent: Vec<RecentEvents>,
}

impl Disk {
    fn of(alerts: &[u32]) -> Self {
        let is_settled = vec![false; alerts.len()];
        Self { alerts: alerts.to_vec(), is_settled, ..Self::default() }
    }

    fn settled(&self) -> usize {
        self.is_settled.iter().filter(|is_settled| **is_settled).count()
    }
}

/// A queue on a disk, whose process is killed after a number of settlements.
struct Killable {
    disk: Arc<Mutex<Disk>>,
    /// The alerts of this run: those that no run before has settled.
    unsettled: Vec<usize>,
    earlier: Totals,
    taken: Mutex<usize>,
    left: Mutex<usize>,
}

impl Killable {
    fn new(disk: &Arc<Mutex<Disk>>, left: usize) -> Self {
        let (unsettled, earlier) = {
            let disk = disk.lock().unwrap();
            let unsettled = (0..disk.alerts.len()).filter(|index| !disk.is_settled[*index]);
            (unsettled.collect(), disk.totals)
        };
        let (taken, left) = (Mutex::default(), Mutex::new(left));
        Self { disk: Arc::clone(disk), unsettled, earlier, taken, left }
    }
}

impl Queue for Killable {
    fn take(&self, batch: &mut Batch, policy: BatchPolicy, _: Option<Instant>) -> Taken {
        let mut taken = self.taken.lock().unwrap();
        let disk = self.disk.lock().unwrap();
        let rest = &self.unsettled[*taken..];
        if rest.is_empty() || *self.left.lock().unwrap() == 0 {
            return Taken::Closed;
        }
        let n = rest.len().min(policy.most).min(9);
        batch.fill(rest[..n].iter().map(|&index| alert_of(disk.alerts[index], 3)));
        *taken += n;
        Taken::Alerts
    }

    fn settle(&self, settlement: &Settlement) {
        let mut left = self.left.lock().unwrap();
        if *left > 0 {
            *left -= 1;
            let mut disk = self.disk.lock().unwrap();
            for range in std::iter::once(0..settlement.settled).chain(settlement.ahead.clone()) {
                for number in range {
                    disk.is_settled[self.unsettled[usize::try_from(number).unwrap()]] = true;
                }
            }
            disk.totals = self.earlier + settlement.totals;
            disk.letters += settlement.refused.len();
        }
    }

    fn received(&self) -> u64 {
        self.unsettled.len() as u64
    }

    fn waiting(&self) -> usize {
        self.unsettled.len() - *self.taken.lock().unwrap()
    }

    fn close(&self) {}

    fn is_closed(&self) -> bool {
        true
    }

    fn outlives_process(&self) -> bool {
        true
    }

    fn abandon(&self) -> u64 {
        0
    }

    fn earlier(&self) -> Option<Totals> {
        Some(self.earlier)
    }

    /// A minute is over between two runs, more or less.
    fn sent_recently(&self) -> Vec<RecentEvents> {
        let mut sent = self.disk.lock().unwrap().sent.clone();
        sent.retain(|sends| sends.events % 2 == 0);
        sent
    }

    fn sending(&self, recent: &[RecentEvents]) {
        self.disk.lock().unwrap().sent = recent.to_vec();
    }
}
