//! Watches the consumer while it is read: what the stream removed, and whether someone changed or paused it.

use std::time::{Duration, Instant};

use async_nats::Client;
use async_nats::jetstream::Message;
use pigear_pipeline::Intake;
use tracing::{debug, warn};

use super::consumer::ConsumerSettings;
use super::redelivery::Delivery;
use super::removals::{Identity, Looked, Position, Removals};
use super::run::REQUEST_TIMEOUT;
use super::standing::LookError;
use super::stream;
use crate::fleet::Archive;

/// After how long without an alert the consumer is looked at first.
const QUIET: Duration = Duration::from_secs(5);

/// How often while none comes.
const LOOK_INTERVAL: Duration = Duration::from_secs(30);

/// How often how far was read is saved.
const SAVE_INTERVAL: Duration = Duration::from_secs(10);

/// What was seen of the consumer.
pub(super) struct ConsumerWatch {
    removals: Removals,
    /// What was said about it.
    said: Vec<String>,
    /// When something was delivered last.
    delivered: Instant,
    looked: Instant,
    saved: Instant,
    was_restored: bool,
}

impl ConsumerWatch {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            removals: Removals::default(),
            said: Vec::new(),
            delivered: now,
            looked: now,
            saved: now,
            was_restored: false,
        }
    }

    /// Takes from the store how far the run before has read, unless that was done.
    pub(super) fn restore(&mut self, archive: &Archive, settings: &ConsumerSettings) {
        if std::mem::replace(&mut self.was_restored, true) {
            return;
        }
        let places = place_names(settings).map(|name| archive.place(&name));
        let [Ok(Some(stream)), Ok(Some(consumer)), Ok(Some(delivery)), Ok(Some(place))] = places
        else {
            return;
        };
        let number = |number: i64| u64::try_from(number).unwrap_or_default();
        let position = Position { delivery: number(delivery), place: number(place) };
        self.removals.restore((Identity { stream, consumer }, position));
    }

    /// Saves in the store how far was read: not too often, unless it is the last time.
    pub(super) fn save(
        &mut self,
        archive: &mut Archive,
        settings: &ConsumerSettings,
        is_last: bool,
    ) {
        if self.saved.elapsed() < SAVE_INTERVAL && !is_last {
            return;
        }
        self.saved = Instant::now();
        let Some((identity, position)) = self.removals.unsaved() else { return };
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let values =
            [identity.stream, identity.consumer, number(position.delivery), number(position.place)];
        let places: Vec<_> = place_names(settings).into_iter().zip(values).collect();
        if archive.save(&places) {
            self.removals.restore((identity, position));
        }
    }

    /// Takes what was seen of the consumer, and says what is new, in the name of a source.
    pub(super) fn see(&mut self, looked: Looked, name: &str) {
        self.looked = Instant::now();
        self.removals.look(&looked.standing);
        for note in looked.notes.iter().filter(|note| !self.said.contains(note)) {
            warn!("source {name}: {note}");
        }
        self.said = looked.notes;
    }

    /// Notes deliveries, in their order.
    pub(super) fn note(&mut self, messages: &[(Delivery, Message)]) {
        if !messages.is_empty() {
            self.delivered = Instant::now();
        }
        for (delivery, _) in messages {
            self.removals.note(delivery);
        }
    }

    /// Notes alerts that were delivered before, and that the stream doesn't have any more.
    pub(super) fn note_unreturned(&mut self, count: u64) {
        self.removals.note_unreturned(count);
    }

    /// Looks at the consumer if nothing comes, or if the stream has to say whether something was removed.
    ///
    /// # Errors
    /// If the consumer can't be read as it is now, in words for a user.
    pub(super) async fn look(
        &mut self,
        settings: &ConsumerSettings,
        client: &Client,
        name: &str,
    ) -> Result<(), String> {
        if !self.is_due() && !self.removals.wants_look() {
            return Ok(());
        }
        match settings.look(&stream::jetstream(client, REQUEST_TIMEOUT)).await {
            Ok(looked) => self.see(looked, name),
            Err(LookError::Unusable(problem)) => return Err(problem),
            Err(LookError::Unanswered(problem)) => {
                self.looked = Instant::now();
                debug!("source {name}: {problem}");
            }
        }
        Ok(())
    }

    fn is_due(&self) -> bool {
        let is_quiet = self.delivered.elapsed() >= QUIET;
        let is_first = self.looked < self.delivered + QUIET;
        is_quiet && (is_first || self.looked.elapsed() >= LOOK_INTERVAL)
    }

    /// Counts what was removed, and says so.
    pub(super) fn report(&mut self, intake: &Intake<'_>, name: &str, is_last: bool) {
        intake.missed(self.removals.take());
        if let Some(text) = self.removals.report(is_last) {
            warn!("source {name}: {text}");
        }
    }
}

/// The names of what is saved in the store.
fn place_names(settings: &ConsumerSettings) -> [String; 4] {
    let ConsumerSettings { stream, name, .. } = settings;
    ["stream", "consumer", "deliveries", "place"].map(|what| format!("nats {stream} {name} {what}"))
}

/// Whether a message says that its body was left out: someone set `headers_only` while the consumer is read.
pub(super) fn lacks_body(message: &Message) -> bool {
    let headers = message.headers.as_ref();
    message.payload.is_empty() && headers.is_some_and(|all| all.get("Nats-Msg-Size").is_some())
}
