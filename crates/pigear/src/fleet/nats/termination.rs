//! Tells the server that a message is not to be delivered again.

use async_nats::{Client, PublishError, Subject};

/// Tells why, where the server understands that.
pub(super) async fn terminate(
    client: &Client,
    reply: Subject,
    reason: &str,
) -> Result<(), PublishError> {
    let version = client.server_info().version;
    let text = if knows_reasons(&version) { format!("+TERM {reason}") } else { "+TERM".into() };
    client.publish(reply, text.into()).await
}

/// Whether a server takes a reason with `+TERM`: older ones don't understand the message then.
fn knows_reasons(version: &str) -> bool {
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or_default());
    (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default()) >= (2, 11)
}
