//! A connection of the source.

use async_nats::{Client, Event};
use pigear_pipeline::SourceConnection;
use tracing::{debug, warn};

use super::access::Access;
use super::consumer::ConsumerSettings;
use super::presence::Presence;

/// A connection. It is made again by itself.
pub(super) struct Connection {
    pub(super) client: Client,
    /// Says to others that this Pigear reads by the consumer.
    pub(super) presence: Presence,
}

impl Connection {
    /// Connects to read by a consumer.
    ///
    /// # Errors
    /// What is wrong, in words for a user.
    pub(super) async fn new(
        access: &Access,
        settings: &ConsumerSettings,
        connected: &SourceConnection,
    ) -> Result<Self, String> {
        let (name, connected) = (access.shown().to_owned(), connected.clone());
        let client = access.connect(move |event| report(&name, &connected, &event)).await?;
        let presence = Presence::new(client.clone(), &settings.stream, &settings.name).await?;
        Ok(Self { client, presence })
    }
}

fn report(servers: &str, connected: &SourceConnection, event: &Event) {
    match event {
        Event::Disconnected => {
            connected.fails("the connection is lost; connecting again");
            connected.reported();
            warn!("source {servers}: the connection is lost; connecting again");
        }
        Event::SlowConsumer(_) => debug!("source {servers}: {event}"),
        _ => {}
    }
}
