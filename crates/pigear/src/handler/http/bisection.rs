//! Finds the alerts that a receiver refuses, by bisecting their batch.
//!
//! A refused part is halved until it is a single alert, and only a single alert is refused for good. The
//! parts are sent in order, so alerts arrive in order. One refused alert costs about 2·log2(n)
//! requests, a whole batch never more than 2n.
//!
//! A receiver may also refuse everything, because the request itself is wrong. So when [`IN_ORDER`]
//! single alerts were refused and none was accepted, [`PROBES`] others are sent alone, evenly chosen from
//! the rest. If the receiver accepts one of them, bisection continues. If not, everything is refused,
//! after some 20 requests for a batch of 500. An accepted probe arrives before earlier alerts; nothing
//! else arrives out of order.

/// After this many single alerts were refused, in order, the request itself may be wrong.
const IN_ORDER: usize = 4;

/// This many probes are then sent.
const PROBES: usize = 4;

/// Chooses the alerts of a batch to send next.
#[derive(Debug)]
pub(super) struct Bisection {
    /// The parts to send, each in its own request; the last one is next.
    parts: Vec<Vec<usize>>,
    /// Whether the receiver has accepted any alert of this batch.
    taken: bool,
    refused_alone: usize,
    /// How many probes are at the end of the parts, once they were chosen.
    probes: Option<usize>,
}

/// The meaning of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// One of several alerts is refused, and must be found.
    Halved,
    /// This alert is refused.
    Alone,
    /// The request itself is refused, and so are all remaining alerts.
    Everything,
}

impl Bisection {
    pub(super) fn new(alerts: usize) -> Self {
        let all = (0..alerts).collect();
        Self { parts: vec![all], taken: false, refused_alone: 0, probes: None }
    }

    /// The next alerts to send, in order. `None` if none are left.
    pub(super) fn next(&mut self) -> Option<Vec<usize>> {
        let next = self.parts.pop()?;
        self.probes = self.probes.map(|probes| probes.saturating_sub(1));
        if next.is_empty() { self.next() } else { Some(next) }
    }

    /// The receiver has accepted alerts, so the request itself is valid.
    pub(super) fn taken(&mut self) {
        self.taken = true;
        if self.probes.is_some_and(|left| left > 0) {
            self.parts = vec![self.rest()];
        }
        self.probes = None;
    }

    /// A part was refused. The receiver may have named one of its alerts, counted from 0; this is only a
    /// hint, because no alert is refused for good unless it was sent alone.
    pub(super) fn refused(&mut self, mut part: Vec<usize>, culprit: Option<usize>) -> Refusal {
        if part.len() > 1 {
            let (middle, end) = match culprit.filter(|&culprit| culprit < part.len()) {
                Some(culprit) => (culprit, culprit + 1),
                None => (part.len() / 2, part.len()),
            };
            let after = part.split_off(end);
            let last = part.split_off(middle);
            self.parts.extend([after, last, part]);
            return Refusal::Halved;
        }
        self.refused_alone += 1;
        if !self.taken && self.refused_alone == IN_ORDER {
            self.choose_probes();
        }
        if self.probes == Some(0) && !self.taken {
            self.parts.clear();
            return Refusal::Everything;
        }
        Refusal::Alone
    }

    /// Puts probes from the rest, including its last alert, before the rest.
    fn choose_probes(&mut self) {
        let rest = self.rest();
        let is_probe = |n: usize| (n + 1) * PROBES / rest.len() > n * PROBES / rest.len();
        let (probes, rest): (Vec<_>, Vec<_>) =
            rest.iter().copied().enumerate().partition(|(n, _)| is_probe(*n));
        let indexes = |part: Vec<(usize, usize)>| part.into_iter().map(|(_, index)| index);
        self.probes = Some(probes.len()).filter(|&probes| probes > 0);
        self.parts = vec![indexes(rest).collect()];
        self.parts.extend(indexes(probes).rev().map(|probe| vec![probe]));
    }

    /// All remaining alerts, in order.
    fn rest(&self) -> Vec<usize> {
        let mut rest = self.parts.concat();
        rest.sort_unstable();
        rest
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a receiver has taken, in order, and refused, and how many requests that took.
    #[derive(Debug, Default)]
    struct Sent {
        taken: Vec<usize>,
        refused: Vec<usize>,
        requests: usize,
    }

    /// Sends so many alerts to a receiver that refuses whatever has one of these in it.
    fn sent(alerts: usize, is_bad: impl Fn(usize) -> bool, hints: bool) -> Sent {
        let (mut bisection, mut sent) = (Bisection::new(alerts), Sent::default());
        while let Some(part) = bisection.next() {
            sent.requests += 1;
            let Some(culprit) = part.iter().position(|&alert| is_bad(alert)) else {
                sent.taken.extend(part);
                bisection.taken();
                continue;
            };
            match bisection.refused(part.clone(), hints.then_some(culprit)) {
                Refusal::Halved => {}
                Refusal::Alone => sent.refused.extend(part),
                Refusal::Everything => {
                    let is_open = |alert: &usize| {
                        !sent.taken.contains(alert) && !sent.refused.contains(alert)
                    };
                    let open: Vec<_> = (0..alerts).filter(is_open).collect();
                    sent.refused.extend(open);
                }
            }
        }
        sent
    }

    fn is_in_order(alerts: &[usize]) -> bool {
        alerts.is_sorted()
    }

    #[test]
    fn one_culprit_is_found_wherever_it_is_and_the_rest_is_taken_in_order() {
        for culprit in 0..500 {
            let sent = sent(500, |alert| alert == culprit, false);
            assert_eq!(sent.refused, [culprit]);
            assert_eq!(sent.taken.len(), 499);
            assert!(is_in_order(&sent.taken), "{culprit}");
            assert!(sent.requests <= 19, "{culprit}: {} requests", sent.requests);
        }
    }

    #[test]
    fn a_hint_finds_a_culprit_with_fewer_requests() {
        for culprit in 0..500 {
            let sent = sent(500, |alert| alert == culprit, true);
            assert_eq!((sent.refused, sent.taken.len()), (vec![culprit], 499));
            assert!(sent.requests <= 4);
        }
    }

    #[test]
    fn a_wrong_hint_costs_requests_but_no_alert() {
        let mut bisection = Bisection::new(4);
        let part = bisection.next().unwrap();
        assert_eq!(bisection.refused(part, Some(1)), Refusal::Halved);
        let parts: Vec<_> = std::iter::from_fn(|| bisection.next()).collect();
        assert_eq!(parts, [vec![0], vec![1], vec![2, 3]]);
        let mut bisection = Bisection::new(4);
        let part = bisection.next().unwrap();
        assert_eq!(bisection.refused(part, Some(4)), Refusal::Halved);
        assert_eq!(bisection.next().unwrap(), [0, 1]);
    }

    #[test]
    fn a_receiver_that_refuses_everything_is_soon_left_alone() {
        for (alerts, most) in [(1, 1), (2, 3), (8, 15), (500, 21), (10_000, 25)] {
            for hints in [false, true] {
                let sent = sent(alerts, |_| true, hints);
                assert_eq!((sent.refused.len(), sent.taken.len()), (alerts, 0));
                assert!(sent.requests <= most, "{alerts}: {} requests", sent.requests);
            }
        }
    }

    #[test]
    fn old_alerts_at_the_start_take_no_others_along() {
        for old in [3, 4, 5, 8, 100, 374, 499] {
            let sent = sent(500, |alert| alert < old, false);
            assert_eq!(sent.refused.len(), old);
            assert_eq!(sent.taken.len(), 500 - old);
        }
    }

    proptest! {
        #[test]
        fn a_receiver_that_takes_most_alerts_gets_each_good_one(
            bad in prop::collection::vec(prop::bool::weighted(0.2), 1..600),
            hints in any::<bool>(),
        ) {
            let sent = sent(bad.len(), |alert| bad[alert], hints);
            let mut all = [&sent.taken[..], &sent.refused].concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..bad.len()).collect::<Vec<_>>());
            prop_assert!(sent.requests <= 2 * bad.len() + PROBES + 1);
            if sent.refused.iter().any(|&alert| !bad[alert]) {
                // Only if the first and all probes are bad, which is as good as never.
                prop_assert!(sent.taken.is_empty());
            }
            let overtaken = sent.taken.windows(2).filter(|pair| pair[0] > pair[1]).count();
            prop_assert!(overtaken <= 1);
        }
    }
}
