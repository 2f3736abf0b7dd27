//! The source: reads alerts from a topic, and keeps in the store how far.

mod begin;

use std::collections::BTreeSet;
use std::ops::{ControlFlow, RangeInclusive};
use std::time::{Duration, Instant};

use pigear_alert::Alert;
use pigear_pipeline::source::{Activity, SourceError};
use pigear_pipeline::{
    AlertFactory, Backoff, EventCounter, Fanout, Flow, Intake, NOTICE, Source, SourceConnection,
    Stop,
};
use tokio::time::timeout;
use tracing::{debug, info, warn};

use super::access::Access;
use super::fetched::{Fetched, numbers};
use super::messages::Message;
use super::places::{Places, WINDOW};
use super::session::{Opened, Session};
use super::source_options::{Reading, SourceOptions};
use super::trouble;
use crate::fleet::recent::Recent;
use crate::fleet::runtime::{BACKOFF, Runtime};
use crate::fleet::{Archive, Decoder};

/// How long to wait for messages before looking at what is settled.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// How often the places are saved, at least.
const SAVE_INTERVAL: Duration = Duration::from_secs(1);

/// The places are saved once this many messages are settled.
const SAVE_MESSAGES: i64 = WINDOW / 4;

/// How long to wait for alerts to be settled, before looking again.
const SETTLE_INTERVAL: Duration = Duration::from_millis(2);

/// How long the lanes have for the last alerts when the run ends.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(1500);

/// How many alerts are remembered to recognize one that was published twice.
const RECENT: usize = 100_000;

/// Reads alerts from a topic.
pub(crate) struct KafkaSource {
    access: Access,
    reading: Reading,
    archive: Option<Archive>,
    places: Places,
    /// Partitions that don't have the next message to read.
    out_of_range: BTreeSet<i32>,
    /// The topic wasn't there earlier in this run.
    was_missing: bool,
    decoder: Decoder,
    recent: Recent,
    saved: Instant,
    /// Messages that are not alerts.
    undecoded: EventCounter,
    /// Alerts that came again.
    duplicates: u64,
    /// How often messages didn't come in time.
    slow: EventCounter,
}

/// What a run of the source has.
#[derive(Clone, Copy)]
struct Run<'a> {
    runtime: &'a Runtime,
    intake: &'a Intake<'a>,
    stop: &'a Stop,
    /// Whether alerts can come.
    connected: &'a SourceConnection,
}

/// Why reading ended.
enum End {
    /// There were enough alerts, or the run ends.
    Stop(Result<(), SourceError>),
    /// The topic is opened again, for this reason.
    Again(String),
    /// The same, and nothing is wrong.
    Changed,
}

impl KafkaSource {
    /// Checks everything; nothing is connected yet.
    ///
    /// # Errors
    /// If the settings are invalid, or a file can't be read.
    pub(crate) fn new(from: &str) -> Result<Self, String> {
        let options = SourceOptions::checked(from)?;
        Ok(Self {
            reading: options.reading()?,
            access: Access::new(options.access())?,
            archive: None,
            places: Places::default(),
            out_of_range: BTreeSet::new(),
            was_missing: false,
            decoder: Decoder::default(),
            recent: Recent::new(RECENT),
            saved: Instant::now(),
            undecoded: EventCounter::default(),
            duplicates: 0,
            slow: EventCounter::default(),
        })
    }

    /// With the store that alerts go to.
    pub(crate) fn with_archive(mut self, archive: Option<Archive>) -> Self {
        self.archive = archive;
        self
    }

    /// Reads until the run ends. Whatever happens to the brokers is reported, and waited for.
    fn read(&mut self, run: Run<'_>) -> Result<(), SourceError> {
        let Run { runtime, stop, .. } = run;
        let mut backoff = Backoff::new(BACKOFF);
        while !stop.is_requested() {
            let opened = runtime.run(Opened::new(&self.access, &self.reading));
            let opened = opened.and_then(|opened| self.there(opened));
            let opened = opened.and_then(|opened| self.begin(run, &opened).map(|()| opened));
            let problem = match opened {
                Err(problem) => problem,
                Ok(opened) => {
                    if run.connected.works() {
                        info!(target: NOTICE, "source {}: works again", self.name());
                    }
                    let session = opened.read(|partition| self.places.next(partition));
                    match self.consume(run, session, &mut backoff) {
                        End::Stop(end) => return end,
                        End::Changed => continue,
                        End::Again(problem) => problem,
                    }
                }
            };
            let wait = backoff.failed();
            run.connected.fails(&problem);
            if backoff.is_worth_a_line() {
                run.connected.reported();
                warn!("source {}: {problem}; trying again in {wait:?}", self.name());
            }
            let until = Instant::now() + wait;
            while Instant::now() < until && !stop.is_requested() {
                std::thread::sleep(
                    POLL_INTERVAL.min(until.saturating_duration_since(Instant::now())),
                );
                self.settle(run);
            }
        }
        Ok(())
    }

    /// The topic, which may be missing.
    fn there(&mut self, opened: Option<Opened>) -> Result<Opened, String> {
        self.was_missing |= opened.is_none();
        let missing = || trouble::no_topic(&self.reading.topic);
        opened.ok_or_else(missing)
    }

    /// Takes messages, and saves what is settled.
    fn consume(&mut self, run: Run<'_>, mut session: Session, backoff: &mut Backoff) -> End {
        let Run { runtime, stop, .. } = run;
        while !stop.is_requested() {
            let fetched =
                runtime.run(async { timeout(POLL_INTERVAL, session.fetched.recv()).await });
            self.settle(run);
            let (partition, messages) = match fetched {
                Err(_) => continue,
                Ok(None) => return End::Again("reading ended".to_owned()),
                Ok(Some(Fetched::Trouble(problem))) => return End::Again(problem),
                Ok(Some(Fetched::OutOfRange(partition, next))) => {
                    self.out_of_range.insert(partition);
                    return End::Again(format!(
                        "partition {partition}: the broker doesn't have message {next}, the next to read"
                    ));
                }
                Ok(Some(Fetched::Changed(count))) => {
                    info!("source {}: the topic has {count} partitions now", self.name());
                    return End::Changed;
                }
                Ok(Some(Fetched::Slow(problem))) => {
                    if self.slow.add(1).is_some() {
                        warn!("source {}: {problem}", self.name());
                    }
                    continue;
                }
                Ok(Some(Fetched::Unending(partition, messages, reason))) => {
                    warn!(
                        "source {}: partition {partition}: {} can't be read: {reason}; left out once a message \
                        behind can be read",
                        self.name(),
                        numbers(&messages)
                    );
                    continue;
                }
                Ok(Some(Fetched::Unreadable(partition, messages, reason))) => {
                    match self.leave_out(run, partition, &messages, &reason) {
                        ControlFlow::Continue(()) => continue,
                        ControlFlow::Break(end) => return end,
                    }
                }
                Ok(Some(Fetched::Messages(partition, messages))) => (partition, messages),
            };
            backoff.succeeded();
            for message in messages.iter() {
                match self.take(run, partition, message) {
                    ControlFlow::Continue(()) => {}
                    ControlFlow::Break(end) => return end,
                }
            }
        }
        End::Stop(Ok(()))
    }

    /// Takes one message.
    fn take(
        &mut self,
        run: Run<'_>,
        partition: i32,
        Message { offset, payload, is_retry }: Message<'_>,
    ) -> ControlFlow<End> {
        self.make_room(run, partition, offset);
        if run.stop.is_requested() {
            return ControlFlow::Break(End::Stop(Ok(())));
        }
        let alert = match self.decoder.decode(payload) {
            Ok(alert) => alert,
            Err(problem) => {
                let place = format!("message {offset} of partition {partition}");
                let reason = format!("{place} of topic {}: {problem}", self.reading.topic);
                return self.set_aside(run, payload, &reason, (partition, offset));
            }
        };
        let id = self.recent.id(&alert);
        if self.recent.has(id) || self.is_stored(&alert, is_retry, (partition, offset)) {
            self.duplicates += 1;
            debug!("source {}: an alert came again; {} so far", self.name(), self.duplicates);
            // The first may still be on its way.
            self.places.take(partition, offset, run.intake.alerts());
            return ControlFlow::Continue(());
        }
        let Some(flow) = run.intake.forwarded(&alert.into()) else {
            return ControlFlow::Break(End::Stop(Ok(())));
        };
        self.recent.add(id);
        self.places.take(partition, offset, run.intake.alerts());
        match flow {
            Flow::Continue(()) => ControlFlow::Continue(()),
            Flow::Break(end) => ControlFlow::Break(End::Stop(end)),
        }
    }

    /// Whether the alert was taken in an earlier run. The store is asked only where that may be.
    fn is_stored(
        &mut self,
        alert: &Alert,
        is_retry: bool,
        (partition, offset): (i32, i64),
    ) -> bool {
        let is_unsure = self.places.is_unsure(partition, offset);
        let Some(archive) = self.archive.as_mut().filter(|_| is_unsure || is_retry) else {
            return false;
        };
        let is_stored = archive.has(alert);
        if is_unsure {
            self.places.looked(partition, is_stored);
        }
        is_stored
    }

    /// Waits until the saved place is near enough to take a message: after a crash what is further behind isn't
    /// looked for.
    fn make_room(&mut self, run: Run<'_>, partition: i32, offset: i64) {
        while self.archive.is_some()
            && self.places.is_far(partition, offset)
            && !run.stop.is_requested()
            && !run.intake.has_stopped_settling()
        {
            self.places.settle(run.intake.settled());
            self.places.skip_to(partition, offset);
            if self.places.unsaved().is_empty() || !self.save() {
                std::thread::sleep(SETTLE_INTERVAL);
            }
        }
    }

    /// A message that isn't an alert: counted, and kept if there is a store.
    fn set_aside(
        &mut self,
        run: Run<'_>,
        payload: &[u8],
        reason: &str,
        (partition, offset): (i32, i64),
    ) -> ControlFlow<End> {
        if self.archive.as_mut().is_some_and(|archive| !archive.keep("kafka", payload, reason)) {
            return ControlFlow::Break(End::Again(format!("cannot keep {reason}")));
        }
        run.intake.damaged(1);
        if let Some(count) = self.undecoded.add(1) {
            warn!("source {}: {reason}; {count} undecoded so far", self.name());
        }
        self.places.take(partition, offset, 0);
        ControlFlow::Continue(())
    }

    /// Messages that can't even be read: counted, and noted if there is a store.
    fn leave_out(
        &mut self,
        run: Run<'_>,
        partition: i32,
        messages: &RangeInclusive<i64>,
        reason: &str,
    ) -> ControlFlow<End> {
        self.make_room(run, partition, *messages.start());
        if run.stop.is_requested() {
            return ControlFlow::Break(End::Stop(Ok(())));
        }
        let which = numbers(messages);
        let problem =
            format!("{which} of partition {partition} of topic {}: {reason}", self.reading.topic);
        if self
            .archive
            .as_mut()
            .is_some_and(|archive| !archive.keep("kafka", problem.as_bytes(), &problem))
        {
            return ControlFlow::Break(End::Again(format!("cannot keep {problem}")));
        }
        let count = messages.end().abs_diff(*messages.start()) + 1;
        run.intake.damaged(count);
        if let Some(count) = self.undecoded.add(count) {
            warn!(
                "source {}: partition {partition}: {which} can't be read: {reason}; left out; {count} undecoded so \
                far",
                self.name()
            );
        }
        self.places.take(partition, *messages.end(), 0);
        ControlFlow::Continue(())
    }

    /// Looks at what is settled, and saves that now and then.
    fn settle(&mut self, run: Run<'_>) {
        self.places.settle(run.intake.settled());
        if self.saved.elapsed() >= SAVE_INTERVAL || self.places.most_unsaved() >= SAVE_MESSAGES {
            self.save();
        }
    }

    /// Saves what is settled, and returns whether that was possible.
    fn save(&mut self) -> bool {
        self.saved = Instant::now();
        let unsaved = self.places.unsaved();
        let is_saved = self.save_all(&unsaved);
        if is_saved {
            self.places.saved(&unsaved);
        }
        is_saved
    }

    fn save_all(&mut self, places: &[(i32, i64)]) -> bool {
        let name = &self.reading.name;
        let named = places.iter().map(|(partition, next)| (place_name(name, *partition), *next));
        match &mut self.archive {
            Some(archive) if !places.is_empty() => archive.save(&named.collect::<Vec<_>>()),
            _ => true,
        }
    }

    /// Waits for the lanes, and saves what they have settled.
    fn end(&mut self, run: Run<'_>) {
        let intake = run.intake;
        intake.flush();
        let deadline = Instant::now() + DRAIN_TIMEOUT;
        self.places.settle(intake.settled());
        while !self.places.is_settled()
            && Instant::now() < deadline
            && !intake.has_stopped_settling()
        {
            std::thread::sleep(SETTLE_INTERVAL);
            self.places.settle(intake.settled());
        }
        self.save();
    }
}

impl Source for KafkaSource {
    fn name(&self) -> String {
        format!("{}/{}", self.access.shown(), self.reading.topic)
    }

    fn activity(&self) -> Activity {
        Activity::Connecting
    }

    fn resumes_from(&self) -> Option<&'static str> {
        self.archive.as_ref().map(|_| "the topic")
    }

    fn run(mut self: Box<Self>, fanout: &Fanout, stop: &Stop) -> Result<(), SourceError> {
        let runtime = Runtime::new("kafka").map_err(SourceError::Receive)?;
        let intake = fanout.patient_intake(AlertFactory::default());
        // Tasks are started on this thread.
        let _entered = runtime.enter();
        let connected = fanout.connection(self.name());
        let run = Run { runtime: &runtime, intake: &intake, stop, connected: &connected };
        if self.access.shows_password() {
            warn!(
                "source {}: mechanism=plain without TLS shows the password on the network; use tls=yes",
                self.name()
            );
        }
        let result = self.read(run);
        self.end(run);
        result
    }
}

/// The name of a partition's place in the store.
fn place_name(name: &str, partition: i32) -> String {
    format!("kafka {name} {partition}")
}
