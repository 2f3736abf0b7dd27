//! What became of the alerts of a batch.

use std::num::NonZeroUsize;

use pigear_pipeline::{Failure, Progress, Refusal};

/// What became of an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Acknowledged,
    Refused(String),
    /// Time was up.
    Open,
}

/// What became of a batch. What was acknowledged or refused behind one that wasn't is settled all the same.
pub(super) fn verdict(outcomes: Vec<Outcome>) -> Result<Progress, Failure> {
    let all = outcomes.len();
    let settled = outcomes.iter().position(|outcome| *outcome == Outcome::Open).unwrap_or(all);
    let (mut ahead, mut refused) = (Vec::new(), Vec::new());
    for (index, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Outcome::Acknowledged if index > settled => ahead.push(index),
            Outcome::Refused(reason) => refused.push(Refusal { index, reason: reason.into() }),
            Outcome::Acknowledged | Outcome::Open => {}
        }
    }
    if !refused.is_empty() {
        return Err(Failure::refused_among(settled, refused).with_ahead(ahead));
    }
    match NonZeroUsize::new(settled).filter(|_| settled == all) {
        Some(settled) => Ok(Progress::First(settled)),
        None => Err(Failure::time_up().after(settled).with_ahead(ahead)),
    }
}

/// How many are open.
pub(super) fn count_open(outcomes: &[Outcome]) -> usize {
    outcomes.iter().filter(|outcome| **outcome == Outcome::Open).count()
}

/// How many were acknowledged.
#[cfg(feature = "nats")]
pub(super) fn count_acknowledged(outcomes: &[Outcome]) -> usize {
    outcomes.iter().filter(|outcome| **outcome == Outcome::Acknowledged).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pigear_pipeline::Verdict;

    #[test]
    fn what_is_acknowledged_behind_one_that_is_not_is_settled() {
        use Outcome::{Acknowledged as Taken, Open};
        let failure = verdict(vec![Taken, Open, Taken, Open]).unwrap_err();
        assert!(matches!(failure.verdict, Verdict::TimeUp));
        assert_eq!((failure.settled, failure.ahead), (1, vec![2]));
        let progress = verdict(vec![Taken, Taken]).unwrap();
        assert_eq!(progress, Progress::First(NonZeroUsize::new(2).unwrap()));
        let failure = verdict(vec![Outcome::Refused("too long".into()), Taken]).unwrap_err();
        assert!(matches!(&failure.verdict, Verdict::Refused(refused) if refused.len() == 1));
        assert_eq!((failure.settled, failure.ahead), (2, vec![]));
    }
}
