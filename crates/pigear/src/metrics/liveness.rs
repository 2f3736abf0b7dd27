//! Whether the threads that receive datagrams move.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use pigear_pipeline::{ReceiverState, ReceiverSteps};

/// For how long a thread may work on one datagram, which takes microseconds.
const MOST: Duration = Duration::from_secs(5);

/// What was seen of the threads that receive datagrams. It is looked at again and again.
#[derive(Debug, Default)]
pub(super) struct Liveness(BTreeMap<usize, Seen>);

#[derive(Debug)]
struct Seen {
    thread: ReceiverSteps,
    /// Since when it is as it is.
    since: Instant,
}

impl Liveness {
    /// Takes what the threads are at now. A thread that was replaced by one with the same number begins anew.
    pub(super) fn observe(&mut self, threads: Vec<ReceiverSteps>, now: Instant) {
        for (number, thread) in threads.into_iter().enumerate() {
            let same = self.0.get(&number).is_some_and(|seen| seen.thread == thread);
            if !same {
                self.0.insert(number, Seen { thread, since: now });
            }
        }
    }

    /// The threads, and what is wrong with each.
    pub(super) fn threads(&self, now: Instant) -> impl Iterator<Item = (&str, Option<String>)> {
        self.0.values().map(move |Seen { thread, since }| {
            let stuck = now.saturating_duration_since(*since);
            let problem = match thread.state {
                ReceiverState::Working if stuck >= MOST => {
                    Some(format!("{}: nothing received for {}s", thread.name, stuck.as_secs()))
                }
                ReceiverState::Ended => Some(format!("{}: no longer received from", thread.name)),
                ReceiverState::Working | ReceiverState::Waiting => None,
            };
            (&*thread.name, problem)
        })
    }

    /// All that is wrong.
    pub(super) fn problems(&self, now: Instant) -> Vec<String> {
        self.threads(now).filter_map(|(_, problem)| problem).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread(steps: u64, state: ReceiverState) -> Vec<ReceiverSteps> {
        vec![ReceiverSteps { name: "socket".to_owned(), steps, state }]
    }

    #[test]
    fn a_thread_that_works_on_one_datagram_for_too_long_is_stuck() {
        let (mut liveness, start) = (Liveness::default(), Instant::now());
        let second = |n| start + Duration::from_secs(n);
        liveness.observe(thread(1, ReceiverState::Working), start);
        liveness.observe(thread(1, ReceiverState::Working), second(4));
        assert!(liveness.problems(second(4)).is_empty());
        assert_eq!(liveness.problems(second(5)), ["socket: nothing received for 5s"]);
        liveness.observe(thread(3, ReceiverState::Working), second(6));
        assert!(liveness.problems(second(10)).is_empty());
    }

    #[test]
    fn a_thread_may_wait_for_a_datagram_for_ever_but_not_end() {
        let (mut liveness, start) = (Liveness::default(), Instant::now());
        liveness.observe(thread(2, ReceiverState::Waiting), start);
        assert!(liveness.problems(start + Duration::from_secs(86_400)).is_empty());
        liveness.observe(thread(u64::MAX, ReceiverState::Ended), start);
        assert_eq!(liveness.problems(start), ["socket: no longer received from"]);
        assert_eq!(liveness.threads(start).count(), 1);
    }
}
