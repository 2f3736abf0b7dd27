use std::net::IpAddr;

use jiff::Timestamp;
use pigear_alert::AlertMessage;

use crate::store::{Marks, Stored};
use crate::visible::{cut, visible};

/// The most bytes of a message that are kept.
const MAX_MESSAGE: usize = 512;

/// What Snort calls priorities 1 to 4 in its manual. The page has the same words.
const PRIORITIES: [&str; 4] = ["high", "medium", "low", "very low"];

/// An alert in the list: what is shown of it, without its packet.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) id: i64,
    /// When the packet was seen.
    pub(super) time: Timestamp,
    pub(super) priority: Option<u32>,
    /// Generator, signature id and revision.
    pub(super) rule: String,
    pub(super) message: String,
    pub(super) src: End,
    pub(super) dst: End,
    /// How many alerts it stands for.
    pub(super) count: Option<u64>,
    /// What people said about it.
    pub(super) marks: Marks,
}

/// An end of a connection, as far as it is known.
pub(super) type End = (Option<IpAddr>, Option<u16>);

impl Entry {
    pub(super) fn of(stored: &Stored) -> Self {
        let Stored { id, alert } = stored;
        let AlertMessage { sig_generator, sig_id, sig_rev, .. } = alert.message;
        let message = visible(&alert.msg());
        Self {
            id: *id,
            time: alert.timestamp(),
            priority: alert.priority().filter(|_| alert.has_whole_event()),
            rule: format!("{sig_generator}:{sig_id}:{sig_rev}"),
            message: cut(&message, MAX_MESSAGE).to_owned(),
            src: (alert.src_ip(), alert.src_port()),
            dst: (alert.dst_ip(), alert.dst_port()),
            count: alert.count.map(std::num::NonZero::get).filter(|count| *count > 1),
            marks: Marks::of(alert.triage.as_deref()),
        }
    }

    /// `10.0.0.1:1024 -> 10.0.0.2:80`, or without ports; nothing where the addresses aren't known.
    pub(super) fn ends(&self, with_ports: bool) -> String {
        let text = |(ip, port): End| match (ip, port.filter(|_| with_ports)) {
            (Some(IpAddr::V6(ip)), Some(port)) => Some(format!("[{ip}]:{port}")),
            (Some(ip), Some(port)) => Some(format!("{ip}:{port}")),
            (ip, _) => ip.map(|ip| ip.to_string()),
        };
        match (text(self.src), text(self.dst)) {
            (Some(src), Some(dst)) => format!("{src} -> {dst}"),
            _ => String::new(),
        }
    }

    /// The priority as a number and a word.
    pub(super) fn severity(&self) -> String {
        let Some(priority) = self.priority else { return "-".to_owned() };
        let nth = usize::try_from(priority).ok().and_then(|n| n.checked_sub(1));
        match nth.and_then(|nth| PRIORITIES.get(nth)) {
            Some(word) => format!("{priority} {word}"),
            None => priority.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PRIORITIES;

    #[test]
    fn the_page_calls_priorities_the_same() {
        let page = include_str!("../../../../web/values.js");
        let words = PRIORITIES.map(|word| format!(", \"{word}\"")).concat();
        assert!(page.contains(&format!("const PRIORITIES = [\"unknown\"{words}];")));
    }
}
