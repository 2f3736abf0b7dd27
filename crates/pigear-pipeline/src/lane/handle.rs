//! The lane as seen by other threads: they push alerts to it, and end it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use pigear_alert::Alert;
use pigear_alert::plural;
use tracing::{error, warn};

use super::pending::Pending;
use crate::account::{Account, LeftAlerts};
use crate::deadline::{Deadline, EndCause};
use crate::filter::Filter;
use crate::handler::{Failure, Handler, Needs};
use crate::policy::{LaneSettings, OnError, SourceMode, WhenFull};
use crate::queue::{MemoryQueue, Pushed, Queue};
use crate::totals::{Fate, Totals};

/// How long a handler that is replaced may still wait for its receiver. An answer that comes in this time settles its
/// alerts; otherwise they come again, from the next handler, which may put them into other requests.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// A handler's queue, and its account.
pub(crate) struct Lane {
    pub(super) name: String,
    pub(super) queue: Arc<dyn Queue>,
    /// The queue in memory, if sources push to it.
    pub(super) memory: Option<Arc<MemoryQueue>>,
    pub(super) account: Arc<Account>,
    pub(super) settings: LaneSettings,
    pub(super) needs: Needs,
    /// How many alerts sources had sent before the lane was there.
    pub(super) before: u64,
    /// The reader of the handler's output has closed it.
    pub(super) reader_gone: Arc<AtomicBool>,
    /// Something found no room, or ended the program: nothing from there on is settled.
    pub(super) stopped_settling: Arc<AtomicBool>,
    /// Where all its sources read alerts again that it doesn't settle, if they do.
    pub(super) sources_resume: Arc<OnceLock<&'static str>>,
    pub(super) deadline: Deadline,
    /// What the worker is to go on with.
    pub(super) renewal: Pending<Renewal>,
}

/// What the worker of a lane goes on with. The queue, the account and what waits stay.
pub(super) struct Renewal {
    pub(super) lane: Arc<Lane>,
    /// `None` if its handler stays.
    pub(super) handler: Option<Box<dyn Handler>>,
    pub(super) filters: Vec<Box<dyn Filter>>,
}

/// How a lane ended.
#[derive(Debug)]
pub(crate) enum LaneEnd {
    /// Everything was processed, or the deadline came.
    Done,
    /// The deadline came, and this many alerts are read again in the next run from where they were.
    LeftInLog(u64),
    /// The reader of the handler's output has closed it.
    ReaderGone,
    /// The handler's user wants the program to end.
    Quit,
    /// The handler failed, and errors end the program.
    Failed(Failure),
    /// It couldn't be recorded which alerts are settled, however errors of the handler are treated.
    Unrecorded(String),
}

impl Lane {
    /// Has the worker go on with another handler, if one is given, and with these filters and this limit. What is
    /// returned takes the place of this lane for other threads.
    pub(crate) fn renew(
        &self,
        handler: Option<Box<dyn Handler>>,
        filters: Vec<Box<dyn Filter>>,
        settings: LaneSettings,
    ) -> Arc<Self> {
        let needs = handler.as_ref().map_or_else(|| self.needs.clone(), |it| it.needs());
        let per_minute = self.settings.per_minute;
        let lane = Arc::new(Self {
            name: self.name.clone(),
            queue: Arc::clone(&self.queue),
            memory: self.memory.clone(),
            account: Arc::clone(&self.account),
            settings: LaneSettings { per_minute, ..settings },
            needs,
            before: self.before,
            reader_gone: Arc::clone(&self.reader_gone),
            stopped_settling: Arc::clone(&self.stopped_settling),
            sources_resume: Arc::clone(&self.sources_resume),
            deadline: if handler.is_some() { Deadline::default() } else { self.deadline.clone() },
            renewal: Pending::default(),
        });
        let ends = handler.is_some();
        self.account.add_kinds(!filters.is_empty(), settings.limit.is_some());
        self.renewal.put(Renewal { lane: Arc::clone(&lane), handler, filters });
        self.queue.interrupt();
        if ends {
            // One that waits for its receiver soon waits no more, and the next one begins what is left.
            let by = Instant::now() + ANSWER_TIMEOUT;
            self.deadline.announce_handover(by, EndCause::Changed);
        }
        lane
    }

    /// Whether the worker is to go on with something else.
    pub(super) fn is_renewed(&self) -> bool {
        self.renewal.is_there()
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn wants_datagram(&self) -> bool {
        self.needs.datagram
    }

    pub(crate) fn is_interactive(&self) -> bool {
        self.needs.interactive
    }

    /// Whether what waits in it is there for the next run.
    pub(crate) fn outlives_process(&self) -> bool {
        self.queue.outlives_process()
    }

    /// Whether sources push to it.
    pub(crate) fn is_pushed_to(&self) -> bool {
        self.memory.is_some()
    }

    /// How many alerts it has settled, from the first that sources sent; those before it was there count as
    /// settled.
    pub(crate) fn settled(&self) -> u64 {
        self.memory.as_ref().map_or(u64::MAX, |memory| self.before + memory.settled())
    }

    pub(super) fn set_before(&mut self, alerts: u64) {
        self.before = alerts;
    }

    /// Whether the reader of the handler's output has closed it.
    pub(crate) fn is_reader_gone(&self) -> bool {
        self.reader_gone.load(Ordering::Relaxed)
    }

    /// All its sources read alerts again from this place that it doesn't settle.
    pub(crate) fn set_sources_resume(&self, place: &'static str) {
        self.sources_resume.get_or_init(|| place);
    }

    /// What happens to alerts in its queue if it ends now.
    pub(super) fn left_alerts(&self) -> LeftAlerts {
        // A source doesn't wait for a lane whose output was closed.
        let read_again = self.is_pushed_to() && !self.is_reader_gone();
        match self.sources_resume.get() {
            Some(place) if read_again => LeftAlerts::ReadAgain(place),
            _ => LeftAlerts::Dropped,
        }
    }

    /// Settles no alerts from here on for sources and queues that can deliver an alert again: it found
    /// no room, or ended the program.
    pub(super) fn stop_settling(&self) {
        self.stopped_settling.store(true, Ordering::Relaxed);
    }

    /// Whether it may settle more alerts.
    pub(crate) fn settles(&self) -> bool {
        !self.stopped_settling.load(Ordering::Relaxed)
    }

    pub(crate) fn push(&self, alert: &Arc<Alert>, bytes: usize, mode: SourceMode) {
        let Some(memory) = &self.memory else { return };
        match memory.push(Arc::clone(alert), bytes, mode) {
            Pushed::Queued => {}
            // Its source has it still.
            Pushed::Closed if matches!(self.left_alerts(), LeftAlerts::ReadAgain(_)) => {}
            Pushed::Closed => self.turn_away("it has ended"),
            Pushed::Full => self.turn_away("its queue is full"),
        }
    }

    fn turn_away(&self, why: &str) {
        if let Some(count) = self.account.settle(Fate::Dropped, 1) {
            let alerts = plural::count(count, "alert");
            warn!("handler {}: {why}; {alerts} dropped so far", self.name);
        }
    }

    /// Has the handler get what the lane has collected, without waiting for the time of groups.
    pub(crate) fn flush(&self) {
        if let Some(memory) = &self.memory {
            memory.flush();
        }
    }

    /// Closes the queue for new alerts.
    pub(crate) fn close(&self) {
        self.queue.close();
    }

    /// Sets the deadline of handler and queue.
    pub(crate) fn end_by(&self, time: Instant) {
        self.deadline.announce(time);
        self.queue.end_by(time);
    }

    /// It was removed. What waits in a store stays there: the handler only finishes what it has begun, until this time;
    /// otherwise it processes what it has.
    pub(crate) fn remove_by(&self, time: Instant) {
        self.close();
        if self.outlives_process() {
            self.deadline.announce_handover(time, EndCause::Removed);
            self.queue.end_by(Instant::now());
        } else {
            self.deadline.announce_removal(time);
            self.queue.end_by(time);
        }
    }

    /// Abandons a handler that is still busy: its alerts and its queue count as dropped, unless they are
    /// delivered again in the next run. Returns how many are.
    pub(crate) fn leave_behind(&self) -> u64 {
        self.stop_settling();
        let left = self.abandon();
        if self.queue.outlives_process() {
            let name = &self.name;
            warn!(
                "handler {name}: still busy at the shutdown deadline; its alerts stay in the store"
            );
            return 0;
        }
        let (name, fate) = (&self.name, self.fate_of_left(left));
        warn!("handler {name}: still busy at the shutdown deadline; {fate}");
        if matches!(self.left_alerts(), LeftAlerts::ReadAgain(_)) { left } else { 0 }
    }

    /// For messages: what happens to this many alerts that it leaves in memory.
    pub(super) fn fate_of_left(&self, alerts: u64) -> String {
        match (self.left_alerts(), alerts) {
            (LeftAlerts::Dropped, _) => format!("{} dropped", plural::count(alerts, "alert")),
            (LeftAlerts::ReadAgain(place), 1) => {
                format!("1 alert is left in {place}, and is read again in the next run")
            }
            (LeftAlerts::ReadAgain(place), _) => {
                format!("{alerts} alerts are left in {place}, and are read again in the next run")
            }
        }
    }

    /// Its thread panicked: no alerts are processed any more.
    pub(crate) fn broke(&self) -> LaneEnd {
        self.stop_settling();
        let left = self.abandon();
        if left > 0 {
            error!("handler {}: broke; {}", self.name, self.fate_of_left(left));
        }
        LaneEnd::Failed(Failure::refused("panicked"))
    }

    /// Closes queue and account, and returns how many alerts in memory this leaves unprocessed.
    pub(super) fn abandon(&self) -> u64 {
        let lost = self.queue.abandon();
        if self.queue.outlives_process() {
            self.count_lost(Totals { dropped: lost, ..Totals::default() });
        }
        self.account.close(self.left_alerts())
    }

    /// Counts alerts that a queue that outlives the process could not store.
    pub(super) fn count_lost(&self, lost: Totals) {
        self.account.count_as_lost(&self.name, lost);
    }

    /// Whether a temporary fault is waited for instead of being an error: if alerts can wait without
    /// blocking anything.
    pub(super) fn can_wait(&self, on_error: OnError) -> bool {
        self.queue.outlives_process() || (on_error == OnError::GoOn && self.makes_sources_wait())
    }

    /// Whether a source waits while its queue is full, also one that Snort waits for.
    pub(crate) fn makes_sources_wait(&self) -> bool {
        self.settings.when_full == WhenFull::Wait
    }
}
