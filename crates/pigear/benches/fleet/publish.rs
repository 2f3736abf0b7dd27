//! Publishing with acknowledgement.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use async_nats::jetstream::Context as JetStream;
use async_nats::jetstream::context::{ContextBuilder, PublishAckFuture};
use async_nats::jetstream::message::PublishMessage;
use pigear::fleet::encode;
use pigear::keys::Keys;
use pigear::registry::Registry;
use pigear_alert::Alert;
use pigear_pipeline::Handler;
use tokio::runtime::{Builder, Runtime};

use crate::alerts::{ALERTS, SUBJECT, alerts};
use crate::print_rates;
use crate::server::Server;

/// As many as the handler has.
const IN_FLIGHT: usize = 1_024;

pub(crate) fn measure() -> anyhow::Result<()> {
    let server = Server::start()?;
    let mut publisher = Publisher::connect(&server.url())?;
    let bare = Bare::connect(&server.url())?;
    print_rates("publish: alerts a second, against async-nats alone", 0.7, || {
        Ok((publisher.publish(&alerts(ALERTS)?)?, bare.publish(&alerts(ALERTS)?)?))
    })
}

/// Pigear's handler.
pub(crate) struct Publisher {
    handler: Box<dyn Handler>,
    batch: usize,
}

impl Publisher {
    /// Connects, creates the stream, and publishes an alert: the first may have been published in an earlier run, so
    /// they have a header more.
    pub(crate) fn connect(url: &str) -> anyhow::Result<Self> {
        let mut keys = Keys::default();
        keys.set("url", url);
        keys.set("create", "yes");
        let handler = Registry::builtin().build("nats", keys)?;
        let batch = handler.needs().batch.most;
        let mut publisher = Self { handler, batch };
        publisher.publish(&alerts(1)?)?;
        Ok(publisher)
    }

    pub(crate) fn publish(&mut self, alerts: &[Arc<Alert>]) -> anyhow::Result<Duration> {
        let begin = Instant::now();
        for batch in alerts.chunks(self.batch) {
            self.handler.handle(batch)?;
        }
        Ok(begin.elapsed())
    }
}

/// A loop with nothing but the client's library.
struct Bare {
    runtime: Runtime,
    jetstream: JetStream,
}

impl Bare {
    fn connect(url: &str) -> anyhow::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let jetstream = runtime.block_on(async {
            let client = async_nats::connect(url).await?;
            anyhow::Ok(ContextBuilder::new().max_ack_inflight(2 * IN_FLIGHT).build(client))
        })?;
        Ok(Self { runtime, jetstream })
    }

    /// Publishes the same messages, which are made before.
    fn publish(&self, alerts: &[Arc<Alert>]) -> anyhow::Result<Duration> {
        let first = alerts.first().map_or(0, |alert| alert.received.as_nanosecond());
        let messages: Vec<_> = alerts.iter().enumerate().map(|each| message(first, each)).collect();
        self.runtime.block_on(async {
            let begin = Instant::now();
            let mut flights = VecDeque::with_capacity(IN_FLIGHT);
            for message in messages {
                if flights.len() == IN_FLIGHT
                    && let Some(flight) = flights.pop_front()
                {
                    accepted(flight).await?;
                }
                flights.push_back(self.jetstream.send_publish(SUBJECT, message).await?);
            }
            for flight in flights {
                accepted(flight).await?;
            }
            Ok(begin.elapsed())
        })
    }
}

/// A duplicate costs the server less than what it keeps.
async fn accepted(flight: PublishAckFuture) -> anyhow::Result<()> {
    let ack = flight.await?;
    ensure!(!ack.duplicate, "the stream dropped message {}", ack.sequence);
    Ok(())
}

/// With an id of twelve characters, as the handler's are.
fn message(first: i128, (number, alert): (usize, &Arc<Alert>)) -> PublishMessage {
    let mut payload = Vec::new();
    encode(alert, &mut payload);
    let id = format!("{:07x}{number:05x}", (first / 1_000) & 0x0fff_ffff);
    PublishMessage::build().payload(payload.into()).message_id(id)
}
