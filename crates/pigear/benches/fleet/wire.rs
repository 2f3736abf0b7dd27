//! How many bytes an alert takes on its way, and in the stream.

use crate::alerts::{ALERTS, PACKET, alerts};
use crate::publish::Publisher;
use crate::server::{Counting, Server};
use crate::table::Row;

/// Beside the packet.
const MOST: u64 = 150;

pub(crate) fn measure() -> anyhow::Result<()> {
    let server = Server::start()?;
    let counting = Counting::start(server.port)?;
    let mut publisher = Publisher::connect(&format!("nats://127.0.0.1:{}", counting.port))?;
    let (there, back) = (counting.there(), counting.back());
    publisher.publish(&alerts(ALERTS)?)?;
    let an_alert = |bytes: u64| bytes.div_ceil(u64::from(ALERTS));
    let there = an_alert(counting.there() - there).saturating_sub(u64::try_from(PACKET)?);
    row("bytes an alert to the server, beside its packet", there, Some(MOST));
    row("bytes of an acknowledgement", an_alert(counting.back() - back), None);
    drop(publisher);
    // The server writes the last of them when it ends.
    let size = server.end()?;
    row("bytes an alert in the stream's files, with packet", an_alert(size), None);
    Ok(())
}

fn row(what: &str, bytes: u64, most: Option<u64>) {
    Row {
        what,
        measured: bytes.to_string(),
        yardstick: String::new(),
        ratio: None,
        target: &most.map(|most| format!("<= {most}")).unwrap_or_default(),
        ok: most.map(|most| bytes <= most),
    }
    .print();
}
