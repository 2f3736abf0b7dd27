//! What became of the alerts of a request.

/// What became of some alerts, one behind the other.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) alerts: usize,
    pub(super) result: Result<(), Undelivered>,
}

/// Why an alert was not delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Undelivered {
    /// It never will be.
    Refused(String),
    /// It was time to end.
    TimeUp,
}

/// What became of each alert of a request, as far as it is known.
pub(super) struct Outcomes(Vec<Option<Result<(), Undelivered>>>);

impl Outcomes {
    pub(super) fn new(alerts: usize) -> Self {
        Self(vec![None; alerts])
    }

    /// Which alerts are still to be sent.
    pub(super) fn open(&self) -> Vec<usize> {
        let all = self.0.iter().enumerate();
        all.filter_map(|(index, outcome)| outcome.is_none().then_some(index)).collect()
    }

    /// Settles all that are open.
    pub(super) fn settle(&mut self, result: &Result<(), Undelivered>) {
        for outcome in self.0.iter_mut().filter(|outcome| outcome.is_none()) {
            *outcome = Some(result.clone());
        }
    }

    /// Settles those that are open one by one; `None` stays open.
    pub(super) fn settle_each(
        &mut self,
        results: impl IntoIterator<Item = Option<Result<(), Undelivered>>>,
    ) {
        let open = self.0.iter_mut().filter(|outcome| outcome.is_none());
        open.zip(results).for_each(|(outcome, result)| *outcome = result);
    }

    /// Neighbours with the same end together. What is still open counts as late.
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
        let mut outcomes = Outcomes::new(5);
        outcomes.settle_each([Some(Ok(())), None, Some(refused("no")), Some(refused("no")), None]);
        assert_eq!(outcomes.open(), [1, 4]);
        outcomes.settle_each([None, Some(Ok(()))]);
        assert_eq!(outcomes.open(), [1]);
        outcomes.settle(&Ok(()));
        assert!(outcomes.open().is_empty());
        let run = |alerts, result| Run { alerts, result };
        assert_eq!(outcomes.runs(), [run(2, Ok(())), run(2, refused("no")), run(1, Ok(()))]);
    }
}
