//! The consumer: what of the stream a source gets, shared by all that use its name.

use std::time::Duration;

use async_nats::Client;
use async_nats::datetime::DateTime;
use async_nats::jetstream::consumer::pull::Config;
use async_nats::jetstream::consumer::{
    AckPolicy, Config as ConsumerConfig, Consumer, DeliverPolicy,
};
use async_nats::jetstream::stream::{ConsumerErrorKind, Info as StreamInfo, RetentionPolicy};
use async_nats::jetstream::{Context, ErrorCode, Message};

use super::presence::Presence;
use super::pull::Pull;
use super::redelivery::{self, Deliveries, Delivery, Readers};
use super::removals::Looked;
use super::returning::Returning;
use super::stream::{self, Unavailable};
use crate::fleet::SubjectTemplate;
use crate::fleet::subject::{covers, overlaps};

/// How long an alert may take to be stored before another Pigear gets it. Those that take longer are reported to be in
/// progress.
pub(super) const ACK_WAIT: Duration = Duration::from_secs(30);

/// The most alerts that are delivered and not acknowledged: enough for several transactions of the store.
const MAX_ACK_PENDING: i64 = 16_384;

/// Which alerts are wanted, and by whom.
#[derive(Clone, Debug)]
pub(super) struct ConsumerSettings {
    pub(super) stream: String,
    pub(super) name: String,
    pub(super) subject: SubjectTemplate,
    pub(super) sensors: Vec<String>,
    pub(super) priorities: Vec<u32>,
}

/// An open consumer.
pub(super) struct Open {
    pub(super) pull: Pull,
    /// The server delivers more than is wanted, because it knows only one filter.
    pub(super) filters_here: bool,
    pub(super) readers: Readers,
    pub(super) deliveries: Deliveries,
    pub(super) returning: Returning<(Delivery, Message)>,
    /// When a message that isn't acknowledged goes to another reader.
    pub(super) ack_wait: Duration,
    /// When the stream was created.
    pub(super) created: DateTime,
    pub(super) looked: Looked,
}

impl ConsumerSettings {
    /// The subjects that are wanted: each sensor with each priority.
    pub(super) fn filters(&self) -> Vec<String> {
        let sensors: Vec<_> = match &*self.sensors {
            [] => vec![None],
            sensors => sensors.iter().map(|sensor| Some(&**sensor)).collect(),
        };
        let priorities: Vec<_> = match &*self.priorities {
            [] => vec![None],
            priorities => priorities.iter().copied().map(Some).collect(),
        };
        let each = sensors.iter().flat_map(|sensor| {
            priorities.iter().map(|priority| self.subject.filter(*sensor, *priority))
        });
        let mut filters: Vec<_> = each.collect();
        filters.sort();
        filters.dedup();
        filters
    }

    /// Whether a subject is wanted.
    pub(super) fn wants(&self, subject: &str) -> bool {
        self.filters().iter().any(|filter| covers(filter, subject))
    }

    /// What can't come, because the stream has no such subjects; a sentence.
    pub(super) fn unmatched(&self, stream: &StreamInfo) -> Option<String> {
        let subjects = &stream.config.subjects;
        // What a stream gets from others it stores under their subjects.
        if stream.config.mirror.is_some() || stream.config.sources.is_some() {
            return None;
        }
        let filters = self.filters();
        let is_there = |filter: &&String| subjects.iter().any(|subject| overlaps(filter, subject));
        let missing: Vec<_> = filters.iter().filter(|it| !is_there(it)).cloned().collect();
        (!missing.is_empty()).then(|| {
            format!(
                "stream {} has the subjects {}, and not {}, so no alerts of these come; give the sensors' subject \
                with subject=, and another consumer with consumer=NAME",
                self.stream,
                if subjects.is_empty() { "(none)".to_owned() } else { subjects.join(", ") },
                missing.join(", ")
            )
        })
    }

    /// Opens the consumer, which is created if it is missing. What a source that was alone got and didn't
    /// acknowledge comes first.
    ///
    /// # Errors
    /// Why that isn't possible now, in words for a user.
    pub(super) async fn open(
        &self,
        (client, jetstream): (&Client, &Context),
        readers: Readers,
        presence: &Presence,
    ) -> Result<Open, String> {
        let name = &self.stream;
        let stream = stream::info(jetstream, name).await.map_err(|problem| match problem {
            Unavailable::Missing => {
                format!("there is no stream {name} yet; a sensor with create=yes creates it")
            }
            problem => format!("stream {name}: {problem}"),
        })?;
        let is_queue = stream.config.retention == RetentionPolicy::WorkQueue;
        let consumer = self.consumer(jetstream, is_queue).await;
        // Old servers refuse a consumer for subjects that the stream doesn't have.
        let consumer = consumer.map_err(|problem| match self.unmatched(&stream) {
            Some(why) => format!("{problem}: {why}"),
            None => problem,
        })?;
        let filters_here = self.check(&stream, &consumer.cached_info().config)?;
        let (info, pause) = self.consumer_info(jetstream).await?;
        let looked = self.looked(&stream, &info, pause);
        let given = match readers {
            Readers::Alone => redelivery::give_back(client, &consumer, presence).await?,
            Readers::Others => None,
        };
        let readers = if given.is_some() { Readers::Alone } else { Readers::Others };
        let ack_wait = consumer.cached_info().config.ack_wait;
        let pull = Pull::new((client, jetstream), consumer).await?;
        let (deliveries, created) = (Deliveries::from(given.map(|it| it.next)), stream.created);
        let returning = given.map_or(Returning::new(0, 0), |it| {
            let removed = stream.state.first_sequence.saturating_sub(it.floor + 1);
            Returning::new(it.count, it.last).without(removed)
        });
        Ok(Open { pull, filters_here, readers, deliveries, returning, ack_wait, created, looked })
    }

    /// Checks that a consumer gives what is wanted, and returns whether it gives more than that.
    ///
    /// # Errors
    /// What is wrong, in words for a user.
    pub(super) fn check(
        &self,
        stream: &StreamInfo,
        config: &ConsumerConfig,
    ) -> Result<bool, String> {
        let name = &self.stream;
        let is_queue = stream.config.retention == RetentionPolicy::WorkQueue;
        let (found, wanted) = (filters_of(config), self.filters());
        let filters_here = found.is_empty() && wanted.len() > 1;
        if filters_here && is_queue {
            return Err(format!(
                "stream {name} has retention=workqueue, and this server gives a consumer one selection \
                only: what is left out here would be gone for everybody; choose one sensor or priority, \
                or upgrade the server"
            ));
        }
        if found != wanted && !filters_here {
            return Err(format!(
                "consumer {} of stream {name} is for {}, and not for {}; choose another name for this \
                selection with consumer=NAME",
                self.name,
                if found.is_empty() { "all subjects".to_owned() } else { found.join(", ") },
                wanted.join(", ")
            ));
        }
        if config.ack_policy != AckPolicy::Explicit {
            return Err(format!(
                "consumer {} doesn't expect each alert's acknowledgement",
                self.name
            ));
        }
        if config.headers_only {
            return Err(format!(
                "consumer {0} has headers_only=true, and delivers no alert, only its headers; delete it with `nats \
                consumer rm {name} {0}`, and Pigear creates it again, or choose another name with consumer=NAME",
                self.name
            ));
        }
        Ok(filters_here)
    }

    async fn consumer(
        &self,
        jetstream: &Context,
        is_queue: bool,
    ) -> Result<Consumer<Config>, String> {
        let name = &self.name;
        let stream = jetstream.get_stream_no_info(&self.stream).await;
        let stream = stream.map_err(|error| format!("stream {}: {error}", self.stream))?;
        if let Ok(consumer) = stream.get_consumer::<Config>(name).await {
            return Ok(consumer);
        }
        let mut filters = self.filters();
        let are_several = filters.len() > 1;
        let config = Config {
            durable_name: Some(name.clone()),
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            max_ack_pending: MAX_ACK_PENDING,
            filter_subject: if filters.len() == 1 { filters.remove(0) } else { String::new() },
            filter_subjects: filters,
            ..Config::default()
        };
        let created = stream.create_consumer(config).await.map_err(|error| match error.kind() {
            ConsumerErrorKind::JetStream(answer) if answer.error_code() == UNIQUE_CONSUMER => format!(
                "cannot create consumer {name}: the stream {} is a work queue, and another consumer gets these \
                alerts",
                self.stream
            ),
            _ => format!("cannot create consumer {name}: {error}"),
        })?;
        // A work queue has no other consumer besides one for everything.
        if is_queue && are_several && filters_of(&created.cached_info().config).is_empty() {
            let deleted = stream.delete_consumer(name).await;
            deleted.map_err(|error| format!("cannot delete consumer {name}: {error}"))?;
        }
        Ok(created)
    }
}

/// The subjects that a consumer is for; none if it is for all.
fn filters_of(config: &ConsumerConfig) -> Vec<String> {
    let mut filters = config.filter_subjects.clone();
    filters.extend(Some(config.filter_subject.clone()).filter(|filter| !filter.is_empty()));
    filters.sort();
    filters
}

/// `JSConsumerWQConsumerNotUniqueErr`.
const UNIQUE_CONSUMER: ErrorCode = ErrorCode(10_100);
