//! Where stream and consumer stand, and what there is to say about the consumer.

use async_nats::datetime::DateTime;
use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::{Config, DeliverPolicy, Info};
use async_nats::jetstream::stream::{Info as StreamInfo, RetentionPolicy};
use serde_json::{Value, json};

use super::consumer::ConsumerSettings;
use super::removals::{Coverage, Identity, Looked, Position, Standing};
use super::stream;
use crate::fleet::subject::covers;

/// Why nothing was seen.
pub(super) enum LookError {
    /// The server doesn't answer now.
    Unanswered(String),
    /// The consumer can't be read any more.
    Unusable(String),
}

impl ConsumerSettings {
    /// Looks at an open consumer.
    pub(super) async fn look(&self, jetstream: &Context) -> Result<Looked, LookError> {
        let found = stream::info(jetstream, &self.stream).await;
        let found = found.map_err(|problem| LookError::Unanswered(problem.to_string()))?;
        let (info, pause) = self.consumer_info(jetstream).await.map_err(LookError::Unanswered)?;
        self.check(&found, &info.config).map_err(LookError::Unusable)?;
        Ok(self.looked(&found, &info, pause))
    }

    /// What the server knows of the consumer, and until when it is paused.
    pub(super) async fn consumer_info(
        &self,
        jetstream: &Context,
    ) -> Result<(Info, Option<String>), String> {
        let failed = |problem: &str| format!("consumer {}: {problem}", self.name);
        let subject = format!("CONSUMER.INFO.{}.{}", self.stream, self.name);
        let answer: Result<Value, _> = jetstream.request(subject, &json!({})).await;
        let answer = answer.map_err(|error| failed(&error.to_string()))?;
        if let Some(problem) = answer["error"]["description"].as_str() {
            return Err(failed(problem));
        }
        let pause = answer["config"]["pause_until"].as_str().map(str::to_owned);
        let pause = pause.filter(|_| answer["paused"] == true);
        let info = serde_json::from_value(answer).map_err(|error| failed(&error.to_string()))?;
        Ok((info, pause))
    }

    /// What is known of stream and consumer. The consumer was asked last.
    pub(super) fn looked(&self, found: &StreamInfo, info: &Info, pause: Option<String>) -> Looked {
        let state = &found.state;
        let is_queue = found.config.retention != RetentionPolicy::Limits;
        let places = (state.last_sequence + 1).saturating_sub(state.first_sequence);
        let standing = Standing {
            identity: Identity {
                stream: nanoseconds(found.created),
                consumer: nanoseconds(info.created),
            },
            coverage: self.coverage(found, is_queue),
            is_queue,
            position: Position {
                delivery: info.delivered.consumer_sequence,
                place: info.delivered.stream_sequence,
            },
            first: state.first_sequence,
            last: (info.num_pending == 0).then_some(state.last_sequence),
            // An empty stream of older servers has no first message.
            holes: if state.messages == 0 { 0 } else { places.saturating_sub(state.messages) },
        };
        let oldest = (state.messages > 0).then_some(state.first_timestamp);
        let notes = self.notes(oldest, info, pause);
        Looked { standing, notes: self.unmatched(found).into_iter().chain(notes).collect() }
    }

    fn coverage(&self, found: &StreamInfo, is_queue: bool) -> Coverage {
        let (wanted, subjects) = (self.filters(), &found.config.subjects);
        let has = |subject: &String| wanted.iter().any(|filter| covers(filter, subject));
        match (!subjects.is_empty() && subjects.iter().all(has), is_queue) {
            (true, _) => Coverage::Whole,
            (false, true) => Coverage::PartOfQueue,
            (false, false) => Coverage::Part,
        }
    }

    fn notes(&self, oldest: Option<DateTime>, info: &Info, pause: Option<String>) -> Vec<String> {
        let (name, stream) = (&self.name, &self.stream);
        let Config { deliver_policy, max_deliver, .. } = &info.config;
        let paused = pause.map(|until| {
            format!(
                "consumer {name} is paused until {until}: no alert comes before, unless you resume it with `nats \
                consumer resume {stream} {name}`"
            )
        });
        let is_partial = *deliver_policy != DeliverPolicy::All
            && oldest.is_some_and(|oldest| oldest < info.created);
        let partial = is_partial.then(|| {
            format!(
                "consumer {name} was not created with deliver_policy=all: of the alerts that the stream {stream} \
                had before, it delivers not all; another one does, with consumer=NAME"
            )
        });
        let limited = (*max_deliver > 0).then(|| {
            format!(
                "consumer {name} has max_deliver={max_deliver}: an alert that is not stored after so many \
                deliveries is lost; change it with `nats consumer edit {stream} {name} --max-deliver=-1`"
            )
        });
        [paused, partial, limited].into_iter().flatten().collect()
    }
}

fn nanoseconds(time: DateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos()).unwrap_or_default()
}
