use std::collections::VecDeque;
use std::sync::Arc;

use pigear_alert::Alert;
use pigear_alert::format::Colour;
use pigear_pipeline::Backlog;

use super::show;

/// The most alerts that are remembered, including waiting ones.
const MAX: usize = 1_000;

/// The most bytes of alerts that were seen.
const MAX_BYTES: usize = 16 << 20;

/// How many of them are listed.
const LISTED: usize = 40;

/// The alerts that were received so far.
#[derive(Default)]
pub(super) struct Alerts {
    seen: VecDeque<Arc<Alert>>,
    /// The memory that these take.
    bytes: usize,
    /// How many there were, including forgotten ones.
    count: usize,
    backlog: Option<Backlog>,
}

impl Alerts {
    pub(super) fn new(backlog: Option<Backlog>) -> Self {
        Self { backlog, ..Self::default() }
    }

    /// Adds one, and returns its number.
    pub(super) fn add(&mut self, alert: &Arc<Alert>) -> usize {
        self.bytes += alert.memory();
        self.seen.push_back(Arc::clone(alert));
        while self.seen.len() > MAX || (self.bytes > MAX_BYTES && self.seen.len() > 1) {
            let forgotten = self.seen.pop_front();
            self.bytes -= forgotten.map_or(0, |alert| alert.memory());
        }
        self.count += 1;
        self.count
    }

    /// How many wait, as a text; empty if none do.
    pub(super) fn waiting(&self) -> String {
        let waiting = self.backlog.as_ref().map_or(0, Backlog::waiting);
        let filtered = self.backlog.as_ref().is_some_and(Backlog::is_filtered);
        match (waiting, filtered) {
            (0, _) => String::new(),
            (n, false) => format!("{n} wait"),
            (n, true) => format!("up to {n} wait"),
        }
    }

    /// Whether the user may have to wait for the next alert. The filter may reject all waiting ones.
    pub(super) fn may_be_long(&self) -> bool {
        self.backlog.as_ref().is_some_and(|backlog| {
            !backlog.is_closed() && (backlog.waiting() == 0 || backlog.is_filtered())
        })
    }

    /// Seen and waiting alerts, newest last. With a filter, it is unknown which waiting alerts will be seen.
    pub(super) fn all(&self) -> Vec<Arc<Alert>> {
        let (waiting, _) = self.newest_waiting();
        let all: Vec<_> = self.seen.iter().cloned().chain(waiting).collect();
        let forgotten = all.len().saturating_sub(MAX);
        all.into_iter().skip(forgotten).collect()
    }

    /// The newest as a list, with their indexes in `alerts` and the current one marked.
    pub(super) fn list(&self, colour: Colour) -> String {
        let (waiting, count) = self.newest_waiting();
        let all: Vec<_> = self.seen.iter().chain(&waiting).collect();
        let listed = all.len().min(LISTED);
        let first = all.len().min(MAX) - listed;
        let before = all.len() - listed;
        let line = |(n, alert): (usize, &&Arc<Alert>)| {
            let mark = if before + n + 1 == self.seen.len() { '>' } else { ' ' };
            let name = format!("alerts[{}]", first + n);
            format!("{mark} {name:<11}  {}\n", show::line(alert, colour))
        };
        let older = self.count + count - listed;
        let head = if older == 0 { String::new() } else { format!("  … {older} older\n") };
        let newest = all.get(before..).unwrap_or_default();
        std::iter::once(head).chain(newest.iter().enumerate().map(line)).collect()
    }

    /// How many wait, before filters.
    pub(super) fn number_waiting(&self) -> usize {
        self.backlog.as_ref().map_or(0, Backlog::waiting)
    }

    /// The newest of the waiting alerts, and how many of these there are.
    fn newest_waiting(&self) -> (Vec<Arc<Alert>>, usize) {
        let Some(backlog) = self.backlog.as_ref().filter(|backlog| !backlog.is_filtered()) else {
            return (Vec::new(), 0);
        };
        let newest = backlog.newest(MAX);
        // More may have arrived since.
        let count = if newest.len() < MAX { newest.len() } else { backlog.waiting() };
        (newest, count)
    }
}

#[cfg(test)]
mod tests {
    use pigear_alert::AlertMessage;
    use pigear_alert::wire::{Decoder, Dialect, encode};

    use super::*;

    fn alert(packet: usize) -> Arc<Alert> {
        let mut message = AlertMessage::default();
        message.pkt = vec![1; packet].into();
        message.caplen = packet.try_into().unwrap();
        let decoded = Decoder::default().decode(&encode(&message, Dialect::Snort3)).unwrap();
        Arc::new(Alert::new(decoded, Arc::default(), Arc::default()))
    }

    #[test]
    fn only_the_newest_are_remembered() {
        let mut alerts = Alerts::default();
        for n in 1..=MAX + 10 {
            assert_eq!(alerts.add(&alert(0)), n);
        }
        assert_eq!(alerts.all().len(), MAX);
        for _ in 0..1_000 {
            alerts.add(&alert(60_000));
        }
        let bytes: usize = alerts.all().iter().map(|alert| alert.memory()).sum();
        assert!((MAX_BYTES - 100_000..=MAX_BYTES).contains(&bytes), "{bytes}");
        let list = alerts.list(Colour::Never);
        let first = alerts.all().len() - LISTED;
        assert!(list.starts_with(&format!("  … 1970 older\n  alerts[{first}] ")), "{list}");
        assert!(list.ends_with(&format!(
            "> alerts[{}]  1970-01-01T00:00:00.000000Z [**] [0:0:0] [**] [Priority: 0] {{?}}\n",
            first + LISTED - 1
        )));
    }
}
