use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the alerts that intakes have in hand: the join was asked about them, and they are not sent yet.
///
/// There is an era that began last, and the one before it. So one can wait until nothing of the last era is
/// in hand any more, however many new alerts come meanwhile.
#[derive(Debug, Default)]
pub(super) struct InHand {
    era: AtomicUsize,
    alerts: [AtomicUsize; 2],
}

/// An alert is in hand until this is dropped.
pub(crate) struct Hand<'a>(&'a AtomicUsize);

impl InHand {
    pub(super) fn take(&self) -> Hand<'_> {
        loop {
            let era = self.era.load(Ordering::SeqCst);
            let alerts = self.of(era);
            alerts.fetch_add(1, Ordering::SeqCst);
            let hand = Hand(alerts);
            // Otherwise it may count for an era that is over already.
            if self.era.load(Ordering::SeqCst) == era {
                return hand;
            }
        }
    }

    /// Begins an era. Only once the one before the last is over.
    pub(super) fn begin_era(&self) {
        self.era.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether nothing of the era before this one is in hand any more.
    pub(super) fn is_last_era_over(&self) -> bool {
        let last = self.era.load(Ordering::SeqCst).wrapping_sub(1);
        self.of(last).load(Ordering::SeqCst) == 0
    }

    fn of(&self, era: usize) -> &AtomicUsize {
        let [even, odd] = &self.alerts;
        if era.is_multiple_of(2) { even } else { odd }
    }
}

impl Drop for Hand<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_era_is_over_once_its_alerts_are_sent_whatever_comes_later() {
        let in_hand = InHand::default();
        assert!(in_hand.is_last_era_over());
        let old = in_hand.take();
        in_hand.begin_era();
        let new = in_hand.take();
        assert!(!in_hand.is_last_era_over());
        drop(old);
        assert!(in_hand.is_last_era_over());
        in_hand.begin_era();
        assert!(!in_hand.is_last_era_over());
        drop(new);
        assert!(in_hand.is_last_era_over());
    }
}
