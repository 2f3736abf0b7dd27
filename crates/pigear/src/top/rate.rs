use std::collections::BTreeMap;

/// The seconds over which alerts are counted.
pub(super) const WINDOW: i64 = 60;

/// The seconds over which the rate per second is an average.
const RECENT: i64 = 10;

/// How many alerts were received in each of the last seconds.
#[derive(Debug, Default)]
pub(super) struct Rate(BTreeMap<i64, u64>);

impl Rate {
    pub(super) fn add(&mut self, received: &[(i64, u64)]) {
        for (second, alerts) in received {
            *self.0.entry(*second).or_default() += alerts;
        }
    }

    /// Alerts a second, over the last whole seconds.
    #[expect(clippy::cast_precision_loss, reason = "for display, with one digit")]
    pub(super) fn per_second(&self, now: i64) -> f64 {
        self.sum(now - RECENT, now) as f64 / RECENT as f64
    }

    /// The alerts of the last minute.
    pub(super) fn last_minute(&self, now: i64) -> u64 {
        self.sum(now - WINDOW + 1, now + 1)
    }

    fn sum(&self, from: i64, before: i64) -> u64 {
        self.0.range(from..before).map(|(_, alerts)| alerts).sum()
    }

    /// Forgets what is too old.
    pub(super) fn tidy(&mut self, now: i64) {
        self.0 = self.0.split_off(&(now - WINDOW - RECENT));
    }

    /// Whether there were no alerts lately, so that the rates don't change by themselves.
    pub(super) fn is_zero(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_of_the_last_seconds() {
        let mut rate = Rate::default();
        rate.add(&[(1_000, 5), (1_000, 5), (940, 7), (941, 1)]);
        assert_eq!(rate.last_minute(1_000), 11, "second 940 is over a minute ago");
        assert!(rate.per_second(1_000).abs() < 1e-9, "this second isn't over");
        assert!((rate.per_second(1_001) - 1.0).abs() < 1e-9);
        rate.tidy(1_100);
        assert!(rate.is_zero());
    }
}
