//! A pipeline with `http` at its end, fed by the test.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use pigear::config::HandlerConfig;
use pigear::keys::Keys;
use pigear::registry::Registry;
use pigear_alert::AlertMessage;
use pigear_alert::wire::{Dialect, encode};
use pigear_pipeline::{
    AlertFactory, ChangedLane, Fanout, Flow, LaneChange, LaneChanger, LaneSnapshot, OnError,
    Pipeline, PipelineError, Source, SourceError, Stats, Stop, WhenFull,
};

/// Nothing that a test waits for takes longer.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// A running pipeline.
pub(crate) struct Pigear {
    alerts: Sender<Vec<u8>>,
    stop: Stop,
    stats: Arc<Stats>,
    changer: LaneChanger,
    thread: JoinHandle<Result<(), PipelineError>>,
}

struct Feed(Mutex<Receiver<Vec<u8>>>);

impl Source for Feed {
    fn name(&self) -> String {
        "test".to_owned()
    }

    fn run(self: Box<Self>, fanout: &Fanout, stop: &Stop) -> Result<(), SourceError> {
        let mut intake = fanout.intake(AlertFactory::default());
        let inbox = self.0.lock().unwrap();
        while !stop.is_requested() {
            match inbox.recv_timeout(Duration::from_millis(2)) {
                Ok(datagram) => {
                    if let Flow::Break(result) = intake.datagram(&datagram, None) {
                        return result;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        Ok(())
    }
}

impl Pigear {
    /// Starts with these keys, and goes on after errors.
    pub(crate) fn start(keys: &[(&str, &str)]) -> Self {
        Self::start_patient(keys, Pipeline::default().drain)
    }

    /// The same, with this much time at the end.
    pub(crate) fn start_patient(keys: &[(&str, &str)], drain: Duration) -> Self {
        let mut pipeline = Pipeline::default();
        pipeline.drain = drain;
        pipeline.on_error = OnError::GoOn;
        let config = config_of(keys);
        let handler = Registry::builtin().build("http", config.keys.clone()).unwrap();
        pipeline.add("http", handler, config.lane(WhenFull::DropNewest));
        let (alerts, inbox) = channel();
        let (stop, stats, changer) = (Stop::default(), pipeline.stats(), pipeline.changer());
        let source = Box::new(Feed(Mutex::new(inbox)));
        let thread = thread::spawn({
            let stop = stop.clone();
            move || pipeline.run(vec![source], &stop)
        });
        Self { alerts, stop, stats, changer, thread }
    }

    /// Goes on with a handler with these keys, as after a reload.
    pub(crate) fn change(&self, keys: &[(&str, &str)]) {
        let config = config_of(keys);
        let handler = Registry::builtin().build("http", config.keys.clone()).unwrap();
        let changed = ChangedLane {
            name: "http".to_owned(),
            handler: Some(handler),
            filters: Vec::new(),
            settings: config.lane(WhenFull::DropNewest),
        };
        let change = LaneChange { changed: vec![changed], ..LaneChange::default() };
        self.changer.change(change).unwrap();
    }

    pub(crate) fn send(&self, datagram: Vec<u8>) {
        self.alerts.send(datagram).unwrap();
    }

    /// Sends alerts of these numbers.
    pub(crate) fn send_numbered(&self, numbers: std::ops::Range<u32>) {
        numbers.for_each(|n| self.send(numbered(n)));
    }

    pub(crate) fn counters(&self) -> LaneSnapshot {
        self.stats.snapshot().handlers["http"]
    }

    /// Waits until so many alerts were dealt with, one way or the other.
    pub(crate) fn deals_with(&self, alerts: u64) {
        until("the alerts are dealt with", || {
            let counters = self.counters();
            counters.handled + counters.failed + counters.dropped >= alerts
        });
    }

    /// Waits until so many alerts were received.
    pub(crate) fn receives(&self, alerts: u64) {
        until("the alerts are received", || self.stats.snapshot().received >= alerts);
    }

    /// Stops, and gives handled, failed and dropped.
    pub(crate) fn end(self) -> (u64, u64, u64) {
        self.stop.request();
        self.thread.join().unwrap().unwrap();
        let counters = self.stats.snapshot().handlers["http"];
        (counters.handled, counters.failed, counters.dropped)
    }
}

/// What is configured: `group` and `per_minute` are the lane's.
fn config_of(pairs: &[(&str, &str)]) -> HandlerConfig {
    let mut config = HandlerConfig::new("http");
    for (key, value) in pairs {
        match *key {
            "group" => config.group = Some(value.parse().unwrap()),
            "per_minute" => config.per_minute = Some(value.parse().unwrap()),
            key => config.keys.set(key, value),
        }
    }
    config
}

pub(crate) fn keys_of(pairs: &[(&str, &str)]) -> Keys {
    let mut keys = Keys::default();
    for (key, value) in pairs {
        keys.set(key, value);
    }
    keys
}

/// What a handler with these keys complains about.
pub(crate) fn complaint(pairs: &[(&str, &str)]) -> String {
    Registry::builtin().build("http", keys_of(pairs)).err().unwrap().to_string()
}

/// A datagram with this message.
pub(crate) fn datagram(msg: &[u8], priority: u32) -> Vec<u8> {
    let mut message = AlertMessage::default();
    message.msg = msg.into();
    (message.sig_generator, message.sig_id, message.sig_rev) = (1, 384, 8);
    (message.ts_sec, message.ts_usec) = (1_750_010_800, 999_998);
    message.priority = priority;
    encode(&message, Dialect::Snort29)
}

/// A datagram whose event has this number.
pub(crate) fn numbered(n: u32) -> Vec<u8> {
    let mut message = AlertMessage::default();
    message.msg = format!("alert {n}").into_bytes().into();
    (message.sig_generator, message.sig_id, message.sig_rev) = (1, 384, 8);
    (message.priority, message.event_id) = (3, n);
    encode(&message, Dialect::Snort29)
}

/// Waits for a condition.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "timed out waiting until {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Programs that `make peers` installs for tests.
pub(crate) fn peers() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/peers")
}
