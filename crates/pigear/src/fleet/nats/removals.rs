//! Alerts that the stream removed before they were read.
//!
//! A consumer's deliveries have numbers without gaps, and so have the messages of a stream. Where those of the stream go
//! on by more than those of the deliveries, the consumer passed something over. If it is for everything in the stream,
//! that was removed before. If it is for a part only, the rest was passed over, too: then the stream's first message
//! says how much may have been removed.

use std::fmt;
use std::time::{Duration, Instant};

use pigear_alert::plural;

use super::redelivery::Delivery;

/// How long to wait before the stream is asked for its first message again.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// How often there is something to say.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// What of the stream the consumer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coverage {
    Whole,
    Part,
    /// A part, and what others acknowledge goes away: it can't be told from what was removed.
    PartOfQueue,
}

/// When stream and consumer were created, in nanoseconds since 1970: others have the same names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) stream: i64,
    pub(super) consumer: i64,
}

/// A place in the stream, and how many deliveries there were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) delivery: u64,
    pub(super) place: u64,
}

/// Where stream and consumer stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) identity: Identity,
    pub(super) coverage: Coverage,
    /// Messages that are acknowledged go away.
    pub(super) is_queue: bool,
    pub(super) position: Position,
    /// The stream's first message. Its last one, if the consumer has nothing more to deliver.
    pub(super) first: u64,
    pub(super) last: Option<u64>,
    /// How many messages between the first and the last are gone.
    pub(super) holes: u64,
}

/// What was seen of a consumer.
#[derive(Clone)]
pub(super) struct Looked {
    pub(super) standing: Standing,
    /// What there is to say about it, though it can be read.
    pub(super) notes: Vec<String>,
}

/// How many alerts were removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Removed {
    pub(super) count: u64,
    /// It may be less.
    pub(super) is_most: bool,
}

impl Removed {
    fn add(&mut self, more: Self) {
        if more.count > 0 {
            self.count += more.count;
            self.is_most |= more.is_most;
        }
    }
}

impl fmt::Display for Removed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let up_to = if self.is_most { "up to " } else { "" };
        let (were, they_were) =
            if self.count == 1 { ("was", "it was") } else { ("were", "they were") };
        let alerts = plural::count(self.count, "alert");
        write!(f, "{up_to}{alerts} {were} removed from the stream before {they_were} read")
    }
}

/// Notices what was removed.
#[derive(Debug, Default)]
pub(super) struct Removals {
    progress: Option<Progress>,
    found: Removed,
    /// What the next run is told.
    saved: Option<(Identity, Position)>,
    /// What was not said yet, and when something was said last.
    unsaid: Removed,
    said: Option<Instant>,
}

/// How far a consumer got.
#[derive(Debug)]
struct Progress {
    identity: Identity,
    coverage: Coverage,
    /// The last place of the stream that was passed: a server that was killed may know an earlier one. And how many
    /// deliveries there were, those behind that place only if they were not the first of their message.
    at: Position,
    /// What was gone before the consumer was there.
    holes: u64,
    /// The most that was passed over since the stream was last asked: the places before and behind it.
    gap: Option<(u64, u64)>,
    looked: Instant,
}

impl Removals {
    /// Compares with where stream and consumer stand.
    pub(super) fn look(&mut self, now: &Standing) {
        let Standing { identity, position, first, coverage, .. } = *now;
        let progress = self.progress.take().filter(|progress| progress.identity == identity);
        // A server that was killed may have forgotten deliveries of what was acknowledged and went away.
        let is_sure = coverage == Coverage::Whole && (progress.is_some() || !now.is_queue);
        let saved = self.saved.filter(|(saved, _)| *saved == identity).map(|(_, at)| at);
        let progress = progress.unwrap_or_else(|| Progress::new(now, saved));
        let progress = self.progress.insert(progress);
        progress.coverage = coverage;
        progress.looked = Instant::now();
        let before = progress.gap.take().map_or(0, |gap| progress.removed_in(gap, first));
        let over = progress.advance(position);
        let over = if coverage == Coverage::Whole { over } else { 0 };
        let behind = progress.removed_in((progress.at.place, u64::MAX), first);
        let passed = first.saturating_sub(1).max(now.last.unwrap_or_default());
        progress.at.place = progress.at.place.max(passed);
        self.add(before + over + behind, !is_sure);
    }

    /// Takes what an earlier run saved.
    pub(super) fn restore(&mut self, saved: (Identity, Position)) {
        self.saved = Some(saved);
    }

    /// What the next run has to be told, if that is new.
    pub(super) fn unsaved(&self) -> Option<(Identity, Position)> {
        let unsaved = self.progress.as_ref().map(|progress| (progress.identity, progress.at));
        unsaved.filter(|_| unsaved != self.saved)
    }

    /// Notes a delivery.
    pub(super) fn note(&mut self, delivery: &Delivery) {
        let (Some(progress), Some(number)) = (&mut self.progress, delivery.number) else { return };
        if delivery.is_again {
            // Where the consumer stands may have been looked at since.
            progress.at.delivery += u64::from(number > progress.at.delivery);
            return;
        }
        let (from, to) = (progress.at.place, delivery.place);
        let over = progress.advance(Position { delivery: number, place: to });
        match progress.coverage {
            Coverage::Whole => self.add(over, false),
            Coverage::Part if over > 0 => {
                let is_wider = progress.gap.is_none_or(|(a, b)| to - from > b - a);
                if is_wider {
                    progress.gap = Some((from, to));
                }
            }
            Coverage::Part | Coverage::PartOfQueue => {}
        }
    }

    /// Whether only the stream can say if something was removed.
    pub(super) fn wants_look(&self) -> bool {
        let Some(progress) = &self.progress else { return false };
        progress.gap.is_some() && progress.looked.elapsed() >= LOOK_INTERVAL
    }

    /// Notes alerts that were delivered, and removed before they came again.
    pub(super) fn note_unreturned(&mut self, count: u64) {
        self.add(count, false);
    }

    /// How many were found since the last call.
    pub(super) fn take(&mut self) -> u64 {
        let found = std::mem::take(&mut self.found);
        self.unsaid.add(found);
        found.count
    }

    /// What there is to say about them: not too often, unless it is the last time.
    pub(super) fn report(&mut self, is_last: bool) -> Option<String> {
        let is_early = self.said.is_some_and(|said| said.elapsed() < REPORT_INTERVAL) && !is_last;
        if self.unsaid.count == 0 || is_early {
            return None;
        }
        self.said = Some(Instant::now());
        Some(std::mem::take(&mut self.unsaid).to_string())
    }

    fn add(&mut self, count: u64, is_most: bool) {
        self.found.add(Removed { count, is_most });
    }
}

impl Progress {
    /// That of an earlier run; otherwise everything up to where the consumer stands was read.
    fn new(now: &Standing, saved: Option<Position>) -> Self {
        let Standing { identity, coverage, position, first, holes, .. } = *now;
        let is_new = position.delivery == 0 && saved.is_none();
        // One that was made just now may not know its place.
        let place = position.place.max(if is_new { first.saturating_sub(1) } else { 0 });
        Self {
            identity,
            coverage,
            at: saved.unwrap_or(Position { place, ..position }),
            holes: if is_new { holes } else { 0 },
            gap: None,
            looked: Instant::now(),
        }
    }

    /// Goes on to a delivery, and returns how many messages were passed over, without those that others got.
    fn advance(&mut self, to: Position) -> u64 {
        let Position { delivery, place } = self.at;
        self.at = Position { place: to.place.max(place), ..to };
        let Some(deliveries) = to.delivery.checked_sub(delivery) else { return 0 };
        let over = to.place.saturating_sub(place).saturating_sub(deliveries);
        let holes = over.min(self.holes);
        self.holes -= holes;
        over - holes
    }

    /// How many messages between two places are gone from the stream that begins with `first`.
    fn removed_in(&self, (from, to): (u64, u64), first: u64) -> u64 {
        if self.coverage == Coverage::PartOfQueue {
            return 0;
        }
        first.min(to).saturating_sub(from + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(delivery: u64, place: u64, first: u64) -> Standing {
        let position = Position { delivery, place };
        Standing {
            identity: Identity::default(),
            coverage: Coverage::Whole,
            is_queue: false,
            position,
            first,
            last: None,
            holes: 0,
        }
    }

    fn delivery(number: u64, place: u64, is_again: bool) -> Delivery {
        Delivery { number: Some(number), place, is_again }
    }

    #[test]
    fn what_is_gone_when_reading_begins_was_removed_unless_the_consumer_is_new() {
        for (at, count) in
            [(standing(10, 10, 51), 40), (standing(10, 10, 11), 0), (standing(0, 0, 51), 0)]
        {
            let mut removals = Removals::default();
            removals.look(&at);
            assert_eq!(removals.take(), count);
            removals.look(&at);
            assert_eq!(removals.take(), 0, "twice");
        }
    }

    #[test]
    fn numbers_that_the_stream_leaves_out_were_removed_and_those_of_deliveries_went_to_others() {
        let mut removals = Removals::default();
        removals.look(&standing(10, 10, 1));
        removals.note(&delivery(11, 11, false));
        // One comes again, and three go to others.
        removals.note(&delivery(12, 9, true));
        removals.note(&delivery(16, 15, false));
        assert_eq!(removals.take(), 0);
        removals.note(&delivery(17, 26, false));
        assert_eq!(removals.take(), 10);
        assert_eq!(
            removals.report(false).as_deref(),
            Some("10 alerts were removed from the stream before they were read")
        );
        removals.look(&standing(17, 26, 28));
        assert_eq!((removals.take(), removals.report(false)), (1, None));
        assert_eq!(
            removals.report(true).as_deref(),
            Some("1 alert was removed from the stream before it was read")
        );
    }

    #[test]
    fn an_alert_that_comes_again_is_counted_as_a_delivery_once() {
        let mut removals = Removals::default();
        removals.look(&standing(10, 10, 1));
        // The server has delivered one of before again: it is on its way.
        removals.look(&standing(11, 10, 1));
        removals.note(&delivery(11, 9, true));
        removals.note(&delivery(12, 11, false));
        assert_eq!(removals.take(), 0);
        // It is known behind a restart, too.
        removals.note(&delivery(13, 9, true));
        let mut next = Removals::default();
        next.restore(removals.unsaved().unwrap());
        next.look(&standing(14, 13, 1));
        assert_eq!(next.take(), 1);
    }

    #[test]
    fn what_a_killed_server_forgot_was_not_removed() {
        let mut removals = Removals::default();
        removals.look(&standing(10, 10, 1));
        for number in 11..=20 {
            removals.note(&delivery(number, number, false));
        }
        let queue = Standing { is_queue: true, ..standing(12, 12, 21) };
        removals.look(&queue);
        removals.note(&delivery(13, 21, false));
        assert_eq!(removals.take(), 0);
    }

    #[test]
    fn what_a_consumer_of_a_part_passes_over_may_have_been_removed_if_the_stream_does_not_have_it()
    {
        let part = |delivery, place, first| Standing {
            coverage: Coverage::Part,
            ..standing(delivery, place, first)
        };
        let mut removals = Removals::default();
        removals.look(&part(10, 10, 1));
        removals.note(&delivery(11, 30, false));
        removals.look(&part(11, 30, 5));
        assert_eq!(removals.take(), 0);
        removals.note(&delivery(12, 90, false));
        removals.look(&part(12, 90, 80));
        assert_eq!(removals.take(), 49);
        assert!(removals.report(false).unwrap().starts_with("up to 49 alerts were removed"));
        let queue = Standing { coverage: Coverage::PartOfQueue, ..part(12, 90, 200) };
        removals.look(&queue);
        assert_eq!(removals.take(), 0);
    }

    #[test]
    fn what_was_gone_before_a_consumer_was_there_was_not_removed_from_it() {
        let mut removals = Removals::default();
        removals.look(&Standing { holes: 3, ..standing(0, 0, 5) });
        removals.note(&delivery(1, 5, false));
        removals.note(&delivery(2, 9, false));
        assert_eq!(removals.take(), 0);
        removals.note(&delivery(3, 11, false));
        assert_eq!(removals.take(), 1);
    }

    #[test]
    fn what_was_purged_between_two_runs_was_removed() {
        let mut removals = Removals::default();
        removals.look(&standing(10, 10, 1));
        removals.note(&delivery(11, 11, false));
        let saved = removals.unsaved().unwrap();
        removals.restore(saved);
        assert_eq!(removals.unsaved(), None);
        let mut next = Removals::default();
        next.restore(saved);
        // The server has set the consumer behind it, and delivered two of the next to someone else.
        next.look(&standing(13, 50, 40));
        assert_eq!(next.take(), 37);
        let mut next = Removals::default();
        next.restore(saved);
        next.look(&standing(11, 50, 51));
        assert_eq!(next.take(), 39);
        let other = Identity { consumer: 1, ..Identity::default() };
        let mut next = Removals::default();
        next.restore((other, saved.1));
        next.look(&standing(13, 50, 40));
        assert_eq!(next.take(), 0);
    }
}
