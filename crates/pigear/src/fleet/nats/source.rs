//! The source: reads alerts from a stream, and acknowledges them once they are settled.

mod ending;

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_nats::Client;
use async_nats::connection::State;
use async_nats::datetime::DateTime;
use async_nats::jetstream::Message;
use pigear_pipeline::source::{Activity, SourceError};
use pigear_pipeline::{AlertFactory, Backoff, EventCounter, Fanout, Flow, NOTICE, Source, Stop};
use tokio::task::JoinHandle;
use tracing::{debug, info, warn};

use super::access::Access;
use super::connection::Connection;
use super::consumer::{ConsumerSettings, Open};
use super::consumer_watch::{ConsumerWatch, lacks_body};
use super::known_alerts::KnownAlerts;
use super::other_readers::OtherReaders;
use super::outgoing::RETRY_HEADER;
use super::presence::Presence;
use super::redelivery::{Deliveries, Delivery, Held, Readers};
use super::run::{End, REQUEST_TIMEOUT, Run};
use super::runtime::{BACKOFF, Runtime};
use super::source_options::SourceOptions;
use super::unacknowledged::Unacknowledged;
use super::watcher::Watcher;
use super::{stream, termination};
use crate::fleet::subject::key;
use crate::fleet::{Archive, Decoder};
use crate::sensors::{Roll, SharedSensors};
use crate::visible::visible;

/// How long to wait for messages before looking at what is settled.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// How often the sensors are looked at.
const SENSORS_INTERVAL: Duration = Duration::from_millis(500);

/// Reads alerts from a stream.
pub(crate) struct NatsSource {
    access: Access,
    settings: ConsumerSettings,
    bucket: String,
    roll: Arc<Mutex<Roll>>,
    /// When the sensors were last looked at.
    looked: Instant,
    known: KnownAlerts,
    decoder: Decoder,
    unacknowledged: Unacknowledged,
    /// Tells the server what is in progress. It ends with the runtime.
    keeping: Option<JoinHandle<()>>,
    held: Held,
    /// Gives back what still comes to a request for alerts when reading has ended.
    leaving: Option<JoinHandle<()>>,
    /// When the stream was created.
    created: Option<DateTime>,
    others: OtherReaders,
    watch: ConsumerWatch,
    /// Messages that are not alerts.
    undecoded: EventCounter,
}

const DELIVERIES_LEFT_OUT: &str = "deliveries are left out";

impl NatsSource {
    /// Checks everything; nothing is connected yet.
    ///
    /// # Errors
    /// If the settings are invalid, or a file can't be read.
    pub(crate) fn new(from: &str, sensors: &SharedSensors) -> Result<Self, String> {
        let options = SourceOptions::checked(from)?;
        let settings = options.settings()?;
        let (bucket, silent) = (options.bucket()?, options.silent());
        Ok(Self {
            access: Access::new(options.access())?.with_request_timeout(REQUEST_TIMEOUT),
            settings,
            bucket,
            roll: sensors.new_roll(silent),
            looked: Instant::now(),
            known: KnownAlerts::new(),
            decoder: Decoder::default(),
            unacknowledged: Unacknowledged::default(),
            keeping: None,
            held: Held::default(),
            leaving: None,
            created: None,
            others: OtherReaders::default(),
            watch: ConsumerWatch::new(),
            undecoded: EventCounter::default(),
        })
    }

    /// With the store that alerts go to.
    pub(crate) fn with_archive(mut self, archive: Option<Archive>) -> Self {
        self.known.archive = archive;
        self
    }

    /// Reads until the run ends. Whatever happens to the server is reported, and waited for.
    fn read(
        &mut self,
        run: Run<'_>,
        connection: &mut Option<Connection>,
    ) -> Result<(), SourceError> {
        let Run { runtime, stop, .. } = run;
        let mut backoff = Backoff::new(BACKOFF);
        while !stop.is_requested() {
            let opened = runtime.run(self.open(run, connection));
            let problem = match (opened, &*connection) {
                (Ok(open), Some(connection)) => {
                    match self.read_by(run, open, connection, &mut backoff) {
                        End::Stop(end) => return end,
                        End::Again(problem) => problem,
                        End::AtOnce(why) => {
                            debug!("source {}: {why}; opening the consumer again", self.name());
                            // What is stored and not acknowledged could come to others.
                            self.drain(run);
                            continue;
                        }
                    }
                }
                (Ok(_), None) => continue,
                (Err(problem), _) => problem,
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
                self.acknowledge(run);
                if let ControlFlow::Break(end) = self.look_at_sensors(run) {
                    return end;
                }
            }
        }
        Ok(())
    }

    /// Alerts about sensors: each event once, also if the program was started again meanwhile.
    fn look_at_sensors(&mut self, run: Run<'_>) -> Flow {
        if self.looked.elapsed() < SENSORS_INTERVAL {
            return Flow::Continue(());
        }
        self.looked = Instant::now();
        let notices = self.roll.lock().unwrap_or_else(PoisonError::into_inner).take_notices();
        for notice in notices {
            let alert = notice.alert();
            warn!("source {}: {}", self.name(), visible(&alert.msg()));
            if self.known.is_stored(&alert) {
                continue;
            }
            if let Some(Flow::Break(end)) = run.intake.forwarded(&alert.into()) {
                return Flow::Break(end);
            }
        }
        Flow::Continue(())
    }

    async fn open(
        &self,
        run: Run<'_>,
        connection: &mut Option<Connection>,
    ) -> Result<Open, String> {
        let Connection { client, presence } = if let Some(connection) = connection {
            connection
        } else {
            let new = Connection::new(&self.access, &self.settings, run.connected);
            connection.insert(new.await?)
        };
        self.settings
            .open(
                (client, &stream::jetstream(client, REQUEST_TIMEOUT)),
                self.others.readers(),
                presence,
            )
            .await
    }

    /// If the stream was created anew, its messages have the numbers of others that the one before had: these would be
    /// acknowledged in their place.
    fn leave_older_stream(&mut self, created: DateTime) {
        if self.created.replace(created).is_some_and(|before| before != created) {
            warn!(
                "source {}: the stream {} was created anew; what it had before and was not read here is gone",
                self.name(),
                self.settings.stream
            );
            self.unacknowledged.clear();
            self.held.clear();
            self.known.leave_stream();
        }
    }

    /// Keeps what is delivered from going to others, from now on at the pace of this consumer.
    fn keep(&mut self, ack_wait: Duration) {
        let is_other = self.unacknowledged.set_ack_wait(ack_wait) || self.keeping.is_none();
        if is_other
            && let Some(before) = self.keeping.replace(tokio::spawn(self.unacknowledged.keep()))
        {
            before.abort();
        }
    }

    /// Reads by a consumer. What is delivered and no longer taken here is given back.
    fn read_by(
        &mut self,
        run: Run<'_>,
        mut open: Open,
        connection: &Connection,
        backoff: &mut Backoff,
    ) -> End {
        self.known.begin();
        self.leave_older_stream(open.created);
        let name = self.name();
        if let Some(archive) = &self.known.archive {
            self.watch.restore(archive, &self.settings);
        }
        self.watch.see(open.looked.clone(), &name);
        self.keep(open.ack_wait);
        self.others.remember(open.readers);
        match open.readers {
            Readers::Others => run.runtime.run(self.held.give_back()),
            // That was done, in order with those before them.
            Readers::Alone => self.held.clear(),
        }
        let end = self.consume(run, &mut open, connection, backoff);
        self.held.add(open.returning.rest().into_iter().map(|(_, message)| message));
        if self.others.readers() == Readers::Others {
            self.leaving = Some(tokio::spawn(async move {
                Held::from(open.pull.close().await).give_back().await;
            }));
        } else if let End::AtOnce(DELIVERIES_LEFT_OUT) = end {
            self.held.add(run.runtime.run(open.pull.close()));
        }
        end
    }

    /// Takes messages, and acknowledges what is settled.
    fn consume(
        &mut self,
        run: Run<'_>,
        open: &mut Open,
        Connection { client, presence }: &Connection,
        backoff: &mut Backoff,
    ) -> End {
        let connections = || client.statistics().connects.load(Ordering::Relaxed);
        let connected = connections();
        while !run.stop.is_requested() {
            let next = run.runtime.run(open.pull.next(POLL_INTERVAL));
            self.acknowledge(run);
            if let ControlFlow::Break(end) = self.look_at_sensors(run) {
                self.held.add(next.unwrap_or_default());
                return End::Stop(end);
            }
            if presence.was_asked() {
                self.others.remember(Readers::Others);
            }
            // The request for alerts was lost with the connection. Only if no other reads, all that comes now comes
            // again at once.
            let is_alone = self.others.readers() == Readers::Alone;
            if connections() != connected && (is_alone || next.as_ref().is_ok_and(Vec::is_empty)) {
                self.held.add(next.unwrap_or_default());
                return End::AtOnce("the connection was lost");
            }
            if next.is_ok()
                && client.connection_state() == State::Connected
                && run.connected.works()
            {
                info!(target: NOTICE, "source {}: works again", self.name());
            }
            let mut messages: Vec<_> = match next {
                Err(problem) => return End::Again(problem),
                Ok(messages) => messages.into_iter().map(|it| (Delivery::of(&it), it)).collect(),
            };
            let behind = self.cut_at_loss(run, presence, &mut open.deliveries, &mut messages);
            if let Some(problem) = self.look_at_consumer(run, open, client, &messages) {
                self.held.add(messages.into_iter().chain(behind).map(|(_, message)| message));
                return End::Again(problem);
            }
            let messages = open.returning.in_order(messages, |(delivery, _)| delivery.place);
            let mut messages = messages.into_iter();
            while let Some((delivery, message)) = messages.next() {
                backoff.succeeded();
                if open.filters_here && !self.settings.wants(&message.subject) {
                    self.unacknowledged.add(0, message.split().1);
                    continue;
                }
                if let ControlFlow::Break(end) = self.take(run, client, message, delivery) {
                    self.held.add(messages.chain(behind).map(|(_, message)| message));
                    return End::Stop(end);
                }
            }
            if !behind.is_empty() {
                self.held.add(behind.into_iter().map(|(_, message)| message));
                return End::AtOnce(DELIVERIES_LEFT_OUT);
            }
        }
        End::Stop(Ok(()))
    }

    /// Notes what was delivered, and looks at the consumer now and then. Returns why it can't be read any more.
    fn look_at_consumer(
        &mut self,
        run: Run<'_>,
        open: &mut Open,
        client: &Client,
        messages: &[(Delivery, Message)],
    ) -> Option<String> {
        if messages.iter().any(|(_, message)| lacks_body(message)) {
            return Some(format!(
                "consumer {} delivers headers only (headers_only=true)",
                self.settings.name
            ));
        }
        let name = self.name();
        self.watch.note(messages);
        self.watch.note_unreturned(open.returning.take_removed());
        let looking = self.watch.look(&self.settings, client, &name);
        let problem = run.runtime.run(looking).err();
        self.report_removed(run, false);
        problem
    }

    /// Counts and says what was removed, and saves how far was read.
    fn report_removed(&mut self, run: Run<'_>, is_last: bool) {
        let name = self.name();
        self.watch.report(run.intake, &name, is_last);
        if let Some(archive) = &mut self.known.archive {
            self.watch.save(archive, &self.settings, is_last);
        }
    }

    /// Cuts off what is behind deliveries that were lost.
    fn cut_at_loss(
        &mut self,
        run: Run<'_>,
        presence: &Presence,
        deliveries: &mut Deliveries,
        messages: &mut Vec<(Delivery, Message)>,
    ) -> Vec<(Delivery, Message)> {
        let mut is_behind_loss = |(delivery, _): &(Delivery, Message)| {
            deliveries.is_behind_gap(delivery.number) && self.is_loss(run, presence)
        };
        let cut = messages.iter().position(&mut is_behind_loss);
        cut.map(|at| messages.split_off(at)).unwrap_or_default()
    }

    /// Whether deliveries that are left out were lost: otherwise they went to others.
    fn is_loss(&mut self, run: Run<'_>, presence: &Presence) -> bool {
        if self.others.readers() == Readers::Alone && run.runtime.run(presence.has_others()) {
            self.others.remember(Readers::Others);
        }
        let is_loss = self.others.readers() == Readers::Alone;
        if is_loss {
            self.others.add_gap();
        }
        is_loss
    }

    /// Takes one message.
    fn take(
        &mut self,
        run: Run<'_>,
        client: &Client,
        message: Message,
        delivery: Delivery,
    ) -> ControlFlow<Result<(), SourceError>> {
        let alert = match self.decoder.decode(&message.payload) {
            Ok(alert) => alert,
            Err(problem) => {
                self.set_aside(run, client, &message, &problem.to_string());
                return ControlFlow::Continue(());
            }
        };
        let is_retry = message.headers.as_ref().is_some_and(|all| all.get(RETRY_HEADER).is_some());
        let id = self.known.id(&alert);
        let acker = message.split().1;
        if self.known.has(&alert, id, is_retry || delivery.is_again) {
            debug!("source {}: an alert came again", self.name());
            // The first may still be on its way.
            self.unacknowledged.add(run.intake.alerts(), acker);
            return ControlFlow::Continue(());
        }
        match run.intake.forwarded(&alert.into()) {
            None => ControlFlow::Break(Ok(())),
            Some(flow) => {
                self.known.add(id);
                self.unacknowledged.add(run.intake.alerts(), acker);
                flow
            }
        }
    }

    /// A message that isn't an alert: counted, kept if there is a store, and not delivered again.
    fn set_aside(&mut self, run: Run<'_>, client: &Client, message: &Message, reason: &str) {
        let place = message.info().map(|info| info.stream_sequence).unwrap_or_default();
        let (stream, subject) = (&self.settings.stream, message.subject.clone());
        let reason = format!("message {place} of stream {stream}, on {subject}: {reason}");
        // The server may not have learned that it was.
        if !self.known.was_set_aside(place) {
            // What couldn't be kept comes again.
            if let Some(archive) = &mut self.known.archive
                && !archive.keep("nats", &message.payload, &reason)
            {
                return;
            }
            self.known.set_aside(place);
            run.intake.damaged(1);
            if let Some(count) = self.undecoded.add(1) {
                warn!("source {}: {reason}; {count} undecoded so far", self.name());
            }
        }
        if let Some(reply) = message.reply.clone() {
            let sent = run.runtime.run(termination::terminate(client, reply, &reason));
            if let Err(error) = sent {
                debug!("source {}: {error}", self.name());
            }
        }
    }

    /// Acknowledges what is settled.
    fn acknowledge(&mut self, Run { runtime, intake, .. }: Run<'_>) {
        runtime.run(self.unacknowledged.acknowledge(intake.settled()));
    }
}

impl Source for NatsSource {
    fn name(&self) -> String {
        format!("{} stream {}", self.access.shown(), self.settings.stream)
    }

    fn activity(&self) -> Activity {
        Activity::Connecting
    }

    fn resumes_from(&self) -> Option<&'static str> {
        Some("the stream")
    }

    fn run(mut self: Box<Self>, fanout: &Fanout, stop: &Stop) -> Result<(), SourceError> {
        let runtime = Runtime::new("nats").map_err(SourceError::Receive)?;
        let intake = fanout.patient_intake(AlertFactory::default());
        // Parts of a connection end in the background when they are dropped.
        let _entered = runtime.enter();
        let connected = fanout.connection(self.name());
        let run = Run { runtime: &runtime, intake: &intake, stop, connected: &connected };
        let watcher = Watcher {
            access: self.access.clone(),
            bucket: self.bucket.clone(),
            wanted: self.settings.sensors.iter().map(|sensor| key(sensor)).collect(),
            roll: Arc::clone(&self.roll),
        };
        // It ends with the runtime.
        drop(tokio::spawn(watcher.run()));
        let mut connection = None;
        let result = self.read(run, &mut connection);
        self.end(run, connection.as_ref());
        result
    }
}
