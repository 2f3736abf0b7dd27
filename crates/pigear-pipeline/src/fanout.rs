//! The fan-out: sources push alerts to it, and each lane gets them.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use pigear_alert::plural;
use pigear_alert::unified2::Logged;
use pigear_alert::wire::DecodeError;
use pigear_alert::{Alert, Sender};
use tracing::warn;

use crate::alert_factory::AlertFactory;
use crate::complete::lacks_something;
use crate::connection::SourceConnection;
use crate::lane::Lane;
use crate::missed::Gaps;
use crate::policy::{OnError, SourceMode};
use crate::pulse::Pulse;
use crate::source_error::SourceError;
use crate::stats::Stats;
use crate::stop::Stop;

/// Takes alerts from sources. Everything that arrives is counted here.
pub struct Fanout {
    /// Locked only as long as it takes to count an alert and to see the lanes that get it.
    lanes: RwLock<Arc<[Arc<Lane>]>>,
    stats: Arc<Stats>,
    on_error: OnError,
    keep_datagrams: AtomicBool,
    /// How many more alerts may be received.
    left: AtomicU64,
    stop: Stop,
}

/// Whether a source should continue, or end with a result.
pub type Flow = ControlFlow<Result<(), SourceError>>;

/// What became of an alert that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The lanes have it, and there may be more.
    GoOn,
    /// The lanes have it, and it was the last.
    Last,
    /// There were enough before.
    Refused,
}

impl Sent {
    fn flow(self) -> Flow {
        match self {
            Self::GoOn => Flow::Continue(()),
            Self::Last | Self::Refused => Flow::Break(Ok(())),
        }
    }
}

impl Fanout {
    pub(crate) fn new(
        lanes: Vec<Arc<Lane>>,
        stats: Arc<Stats>,
        on_error: OnError,
        limit: Option<u64>,
        stop: Stop,
    ) -> Self {
        let keep_datagrams = lanes.iter().any(|lane| lane.wants_datagram()).into();
        let left = AtomicU64::new(limit.unwrap_or(u64::MAX));
        Self { lanes: RwLock::new(lanes.into()), stats, on_error, keep_datagrams, left, stop }
    }

    /// Replaces the lanes. `lanes` gets how many alerts were received, none of which a new lane gets.
    /// Returns the last ones, which sources may be giving an alert to as long as they share them.
    pub(crate) fn set_lanes(&self, lanes: impl FnOnce(u64) -> Vec<Arc<Lane>>) -> Arc<[Arc<Lane>]> {
        let mut current = self.lanes.write().unwrap_or_else(PoisonError::into_inner);
        let lanes = lanes(self.stats.received.get());
        let keep = lanes.iter().any(|lane| lane.wants_datagram());
        self.keep_datagrams.store(keep, Ordering::Relaxed);
        std::mem::replace(&mut *current, lanes.into())
    }

    fn lanes(&self) -> Arc<[Arc<Lane>]> {
        Arc::clone(&self.lanes.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts an alert, and returns the lanes that get it.
    fn count(&self) -> Arc<[Arc<Lane>]> {
        let lanes = self.lanes.read().unwrap_or_else(PoisonError::into_inner);
        self.stats.received.add(1);
        Arc::clone(&lanes)
    }

    /// An intake for the datagrams of one source that can't wait: alerts that find no room are dropped,
    /// unless the lane's policy is to wait.
    #[must_use]
    pub fn intake(&self, factory: AlertFactory) -> Intake<'_> {
        self.intake_of(factory, SourceMode::Live)
    }

    /// The same for a source that can wait until there is room.
    #[must_use]
    pub fn patient_intake(&self, factory: AlertFactory) -> Intake<'_> {
        self.intake_of(factory, SourceMode::CanWait)
    }

    fn intake_of(&self, factory: AlertFactory, mode: SourceMode) -> Intake<'_> {
        if let Some(completing) = &factory.completing {
            completing.intake_opened();
        }
        Intake { fanout: self, factory, mode, gaps: Gaps::default(), malformed: 0 }
    }

    /// Gives an alert to every lane.
    fn send(&self, alert: &Arc<Alert>, mode: SourceMode) -> Flow {
        self.try_send(alert, mode).flow()
    }

    fn try_send(&self, alert: &Arc<Alert>, mode: SourceMode) -> Sent {
        let left = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        let Ok(left) = left else { return Sent::Refused };
        let lanes = self.count();
        if mode == SourceMode::Live {
            self.stats.receive_delay.observe_micros(receive_delay(alert));
        }
        let bytes = alert.memory();
        for lane in &*lanes {
            if lane.makes_sources_wait() {
                self.stats.while_waiting(|| lane.push(alert, bytes, mode));
            } else {
                lane.push(alert, bytes, mode);
            }
        }
        if left == 1 {
            self.stop.end();
            return Sent::Last;
        }
        Sent::GoOn
    }

    /// The connection of a source that reads from servers: it has none yet.
    #[must_use]
    pub fn connection(&self, source: String) -> SourceConnection {
        self.stats.add_connection(source)
    }

    fn malformed(&self, error: DecodeError) -> Flow {
        let logged = self.stats.malformed.add_and_log();
        if self.on_error == OnError::Stop {
            return Flow::Break(Err(SourceError::Malformed(error)));
        }
        if let Some(count) = logged {
            warn!("{error}; {count} malformed so far");
        }
        Flow::Continue(())
    }

    fn refused(&self, sender: Option<Sender>) {
        let sender = sender.filter(|sender| *sender != Sender::UNKNOWN);
        if let Some(sender) = sender {
            self.stats.note_refused(sender.uid);
        }
        let Some(count) = self.stats.refused.add_and_log() else { return };
        let whom = match sender {
            Some(Sender { uid, pid, .. }) => format!(
                "uid {uid} (process {pid}), which is not allowed to send (--allow-uid {uid} allows it)"
            ),
            None => "an unknown sender: it was sent before Pigear could ask who sends, as when a socket unit of \
                systemd lacks PassCredentials=yes"
                .to_owned(),
        };
        warn!("refused a datagram from {whom}; {count} refused so far");
    }
}

/// From the time that Snort gave an alert until it was received, in microseconds.
fn receive_delay(alert: &Alert) -> i64 {
    let seen = i64::from(alert.message.ts_sec) * 1_000_000 + i64::from(alert.message.ts_usec);
    alert.received.as_microsecond() - seen
}

/// Where one source hands in its datagrams.
pub struct Intake<'a> {
    fanout: &'a Fanout,
    factory: AlertFactory,
    mode: SourceMode,
    gaps: Gaps,
    /// How many of the last datagrams were not alerts.
    malformed: u64,
}

impl Intake<'_> {
    /// Takes a datagram received now, and returns whether to continue receiving.
    pub fn datagram(&mut self, datagram: &[u8], sender: Option<Sender>) -> Flow {
        match self.factory.take(
            datagram,
            sender,
            self.fanout.keep_datagrams.load(Ordering::Relaxed),
        ) {
            Ok(alert) => {
                self.malformed = 0;
                self.take(alert)
            }
            Err(error) => {
                self.malformed += 1;
                self.fanout.malformed(error)
            }
        }
    }

    /// The pulse of the thread that receives from this socket.
    pub(crate) fn pulse(&self, socket: &Path) -> Pulse {
        self.fanout.stats.add_receiver(socket.display().to_string())
    }

    /// How many of the last datagrams were not alerts.
    pub(crate) fn malformed_in_a_row(&self) -> u64 {
        self.malformed
    }

    fn take(&mut self, alert: Arc<Alert>) -> Flow {
        if let Some(completing) = &self.factory.completing {
            let _hand = completing.hand();
            return match completing.take(alert) {
                Some(alert) if alert.log().is_some() => self.completed(&alert),
                Some(alert) if lacks_something(&alert) => self.incomplete(&alert),
                Some(alert) => self.fanout.send(&alert, self.mode),
                None => Flow::Continue(()),
            };
        }
        // A recording has what it has.
        if self.mode == SourceMode::Live {
            let missed = self.gaps.before(&alert);
            self.missed(missed);
        }
        self.fanout.send(&alert, self.mode)
    }

    /// Takes an alert that was completed from Snort's log.
    pub(crate) fn completed(&self, alert: &Arc<Alert>) -> Flow {
        self.fanout.stats.completed.add(1);
        self.fanout.send(alert, self.mode)
    }

    /// Takes an alert that was not completed in time.
    pub(crate) fn incomplete(&self, alert: &Arc<Alert>) -> Flow {
        self.fanout.stats.incomplete.add(1);
        self.fanout.send(alert, self.mode)
    }

    /// Counts alerts that were never received.
    pub fn missed(&self, alerts: u64) {
        if alerts > 0 {
            self.fanout.stats.missed.add(alerts);
        }
    }

    /// Takes an alert that another Pigear received, and returns whether to continue; `None` if it wasn't taken,
    /// because there were enough before.
    #[must_use]
    pub fn forwarded(&self, alert: &Arc<Alert>) -> Option<Flow> {
        match self.fanout.try_send(alert, self.mode) {
            Sent::Refused => None,
            sent => Some(sent.flow()),
        }
    }

    /// Takes an event of Snort's log read now, and returns whether to continue reading.
    pub fn logged(&self, logged: Logged) -> Flow {
        self.try_logged(logged).flow()
    }

    /// The same, but returns whether the event was taken: another source may have reached the limit
    /// before.
    pub(crate) fn try_logged(&self, logged: Logged) -> Sent {
        self.fanout.try_send(&self.alert_of(logged), self.mode)
    }

    /// The same for an event that can wait until there is room, whatever the mode of the source.
    pub(crate) fn logged_can_wait(&self, logged: Logged) -> Flow {
        self.fanout.send(&self.alert_of(logged), SourceMode::CanWait)
    }

    fn alert_of(&self, logged: Logged) -> Arc<Alert> {
        let AlertFactory { origin, names, .. } = &self.factory;
        let alert = Alert::from_log(logged, Arc::clone(origin), names.get());
        names.check_message(&alert);
        Arc::new(alert)
    }

    /// Counts positions in a log without a record, or messages without an alert.
    pub fn damaged(&self, places: u64) {
        self.fanout.stats.malformed.add(places);
    }

    /// Counts packets and other records of a log that belong to no event.
    pub(crate) fn stray_packets(&self, records: u64) {
        self.fanout.stats.stray_packets.add(records);
    }

    /// How many alerts were received so far, from all sources.
    #[must_use]
    pub fn alerts(&self) -> u64 {
        self.fanout.stats.received.get()
    }

    /// How many alerts all lanes have settled, from the first: handled, dropped for want of room, or
    /// failed without ending the lane. Once this is the former value of [`alerts`](Self::alerts), all
    /// alerts up to then are settled. Lanes whose output was closed by its reader are ignored, unless
    /// there are no others.
    #[must_use]
    pub fn settled(&self) -> u64 {
        let lanes = self.fanout.lanes();
        let wanted =
            lanes.iter().filter(|lane| !lane.is_reader_gone()).map(|lane| lane.settled()).min();
        wanted.or_else(|| lanes.iter().map(|lane| lane.settled()).min()).unwrap_or(u64::MAX)
    }

    /// Makes lanes send what they have collected. A source calls this before it waits until all alerts
    /// are settled.
    pub fn flush(&self) {
        self.fanout.lanes().iter().for_each(|lane| lane.flush());
    }

    /// Whether [`settled`](Self::settled) can't increase any more: an alert found no room, or ended
    /// the program.
    #[must_use]
    pub fn has_stopped_settling(&self) -> bool {
        self.fanout.lanes().iter().any(|lane| !lane.is_reader_gone() && !lane.settles())
    }

    /// Counts a datagram of this size, larger than any alert, and returns whether to continue.
    pub fn too_long(&mut self, actual: usize) -> Flow {
        self.fanout.malformed(DecodeError::UnknownLength { actual })
    }

    /// Counts a datagram that could not be received.
    pub(crate) fn receive_failed(&self, error: &io::Error) {
        if let Some(count) = self.fanout.stats.receive_errors.add_and_log() {
            warn!("receiving failed: {error}; {} so far", plural::count(count, "time"));
        }
    }

    /// Counts a datagram whose sender is not allowed to send.
    pub fn refused(&mut self, sender: Option<Sender>) {
        self.fanout.refused(sender);
    }
}

impl Drop for Intake<'_> {
    fn drop(&mut self) {
        if let Some(completing) = &self.factory.completing {
            completing.intake_closed();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_alerts::{alert, datagram};

    #[test]
    fn who_sends_knows_whether_the_alert_was_taken() {
        let stats = Arc::default();
        let fanout = Fanout::new(Vec::new(), stats, OnError::Stop, Some(3), Stop::default());
        let send = || fanout.try_send(&alert(1), SourceMode::CanWait);
        assert_eq!(send(), Sent::GoOn);
        // Another source.
        let mut other = fanout.intake(AlertFactory::default());
        assert!(other.datagram(&datagram(2), None).is_continue());
        assert_eq!([send(), send()], [Sent::Last, Sent::Refused]);
        assert_eq!(other.alerts(), 3);
    }
}
