//! The results of a request's alerts.

/// The result of consecutive alerts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) alerts: usize,
    pub(super) result: Result<(), Undelivered>,
}

/// Why an alert was not delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Undelivered {
    /// It was refused for good.
    Refused(String),
    /// The deadline came first.
    TimeUp,
}

/// The result of each alert of a request, once it is known.
pub(super) struct Outcomes(Vec<Option<Result<(), Undelivered>>>);

impl Outcomes {
    pub(super) fn new(alerts: usize) -> Self {
        Self(vec![None; alerts])
    }

    /// Settles these alerts with one result.
    pub(super) fn settle(&mut self, which: &[usize], result: &Result<(), Undelivered>) {
        for &index in which {
            self.settle_one(index, result.clone());
        }
    }

    /// Settles these alerts individually, and returns those that stay open (`None`).
    pub(super) fn settle_each(
        &mut self,
        which: &[usize],
        results: impl IntoIterator<Item = Option<Result<(), Undelivered>>>,
    ) -> Vec<usize> {
        let mut open = Vec::new();
        for (&index, result) in which.iter().zip(results) {
            match result {
                Some(result) => self.settle_one(index, result),
                None => open.push(index),
            }
        }
        open
    }

    /// Settles all open alerts.
    pub(super) fn settle_open(&mut self, result: &Result<(), Undelivered>) {
        for outcome in self.0.iter_mut().filter(|outcome| outcome.is_none()) {
            *outcome = Some(result.clone());
        }
    }

    fn settle_one(&mut self, index: usize, result: Result<(), Undelivered>) {
        if let Some(outcome) = self.0.get_mut(index) {
            *outcome = Some(result);
        }
    }

    /// Merges neighbours with the same result. Open alerts count as late.
    pub(super) fn runs(self) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for outcome in self.0 {
            let result = outcome.unwrap_or(Err(Undelivered::TimeUp));
            match runs.last_mut() {
                Some(run) if run.result == result => run.alerts += 1,
                _ => runs.push(Run { alerts: 1, result }),
            }
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(reason: &str) -> Result<(), Undelivered> {
        Err(Undelivered::Refused(reason.to_owned()))
    }

    #[test]
    fn alerts_are_settled_one_by_one_and_the_rest_together() {
        let mut outcomes = Outcomes::new(6);
        let results = [Some(Ok(())), None, Some(refused("no")), Some(refused("no")), None];
        assert_eq!(outcomes.settle_each(&[0, 1, 2, 3, 4], results), [1, 4]);
        assert_eq!(outcomes.settle_each(&[1, 4], [None, Some(Ok(()))]), [1]);
        outcomes.settle(&[1], &Ok(()));
        outcomes.settle_open(&refused("no"));
        let run = |alerts, result| Run { alerts, result };
        let no = || refused("no");
        let expected = [run(2, Ok(())), run(2, no()), run(1, Ok(())), run(1, no())];
        assert_eq!(outcomes.runs(), expected);
    }
}
