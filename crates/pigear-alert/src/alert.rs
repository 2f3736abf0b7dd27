//! What we know of an alert.

use std::borrow::Cow;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;

use crate::maps::{Class, Names};
use crate::message::AlertMessage;
use crate::packet::{Dissection, Dissector, IpProtocol, LinkType, Vxlan};
use crate::wire::{Decoded, Dialect};

/// Generator of Snort's packet decoder.
const DECODER: u32 = 116;

/// What we know of an alert: what Snort said, how it reached us, and what follows from both.
///
/// The packet is dissected when something of it is first asked for, and names are looked up when
/// asked for, so that an alert which is only passed on costs neither.
#[derive(Clone, Debug)]
pub struct Alert {
    /// What Snort said.
    pub message: AlertMessage,
    /// Which layout and sender the datagram was taken for.
    pub dialect: Dialect,
    /// The event may be forged; see [`Decoded::untrusted`].
    pub untrusted: bool,
    /// When the datagram was received.
    pub received: Timestamp,
    /// Where it was received.
    pub origin: Arc<Origin>,
    /// Who sent it, as the kernel says.
    pub sender: Option<Sender>,
    /// The datagram as it came, if somebody asked for it.
    pub datagram: Option<Box<[u8]>>,
    names: Arc<Names>,
    dissection: OnceLock<Dissection>,
}

/// Where alerts are received: what all alerts of one source have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The sensor's name, if it was given one.
    pub sensor: Option<String>,
    /// The socket.
    pub socket: Option<PathBuf>,
    /// The number of the packet thread that has this socket for its own, in a Snort 3 with several.
    pub thread: Option<u32>,
    /// The link type of the packets, if it isn't to be guessed.
    pub link_type: Option<LinkType>,
}

/// The process that sent an alert, as the kernel says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Sender {
    /// Process id.
    pub pid: i32,
    /// User id.
    pub uid: u32,
}

impl Alert {
    /// An alert that was received now.
    #[must_use]
    pub fn new(decoded: Decoded, origin: Arc<Origin>, names: Arc<Names>) -> Self {
        Self {
            message: decoded.message,
            dialect: decoded.dialect,
            untrusted: decoded.untrusted,
            received: Timestamp::now(),
            origin,
            sender: None,
            datagram: None,
            names,
            dissection: OnceLock::new(),
        }
    }

    /// The rule's whole message: the map's where it begins with what Snort sent (which cuts at 255
    /// bytes), else what Snort sent.
    #[must_use]
    pub fn msg(&self) -> Cow<'_, [u8]> {
        let AlertMessage { sig_generator, sig_id, ref msg, .. } = self.message;
        self.names.message(sig_generator, sig_id, msg)
    }

    /// What gives its numbers names.
    #[must_use]
    pub fn names(&self) -> &Arc<Names> {
        &self.names
    }

    /// When the packet was seen.
    #[must_use]
    pub fn timestamp(&self) -> Timestamp {
        let AlertMessage { ts_sec, ts_usec, .. } = self.message;
        let microseconds = i64::from(ts_sec) * 1_000_000 + i64::from(ts_usec);
        // Seconds of 32 bits end in 2106, long before those of a `Timestamp`.
        Timestamp::from_microsecond(microseconds).unwrap_or(Timestamp::MAX)
    }

    /// The priority; `None` where the dialect has none or the rule gives none.
    #[must_use]
    pub fn priority(&self) -> Option<u32> {
        Some(self.message.priority).filter(|&priority| priority > 0)
    }

    /// The class. Snort 2 sends the same number with every alert of its decoder, whatever the list
    /// of classes: these have none.
    #[must_use]
    pub fn class(&self) -> Option<&Class> {
        let meaningless = self.message.sig_generator == DECODER && !self.dialect.is_snort3();
        if meaningless { None } else { self.names.class(self.message.classification) }
    }

    /// The web addresses of what describes the rule's subject.
    pub fn references(&self) -> impl Iterator<Item = String> {
        self.names.references(self.message.sig_generator, self.message.sig_id)
    }

    /// The packet, layer by layer.
    #[must_use]
    pub fn dissection(&self) -> &Dissection {
        self.dissection.get_or_init(|| {
            let vxlan = if self.dialect.is_snort3() { Vxlan::Enter } else { Vxlan::Ignore };
            let dissector = Dissector { link_type: self.origin.link_type, vxlan };
            let bytes = if self.message.has_packet() { &*self.message.pkt } else { &[] };
            dissector.dissect(bytes)
        })
    }

    /// Source address of the innermost IP header.
    #[must_use]
    pub fn src_ip(&self) -> Option<IpAddr> {
        self.dissection().src_ip()
    }

    /// Source port (TCP, UDP, SCTP).
    #[must_use]
    pub fn src_port(&self) -> Option<u16> {
        self.dissection().src_port()
    }

    /// Destination address of the innermost IP header.
    #[must_use]
    pub fn dst_ip(&self) -> Option<IpAddr> {
        self.dissection().dst_ip()
    }

    /// Destination port (TCP, UDP, SCTP).
    #[must_use]
    pub fn dst_port(&self) -> Option<u16> {
        self.dissection().dst_port()
    }

    /// The protocol that the innermost IP header carries.
    #[must_use]
    pub fn protocol(&self) -> Option<IpProtocol> {
        self.dissection().protocol()
    }

    /// What the innermost IP packet carries after the last header that could be read; empty where
    /// there is no IP header.
    #[must_use]
    pub fn ip_payload(&self) -> &[u8] {
        let packet = self.dissection();
        let payload = self.message.pkt.get(packet.payload.clone());
        payload.filter(|_| packet.ip().is_some()).unwrap_or_default()
    }

    /// Roughly how much memory this takes, in bytes, with what the allocator adds and a dissection
    /// that may come yet.
    #[must_use]
    pub fn memory(&self) -> usize {
        const OVERHEAD: usize = 64 + 512;
        let datagram = self.datagram.as_ref().map_or(0, |datagram| datagram.len());
        size_of::<Self>() + self.message.msg.len() + self.message.pkt.len() + datagram + OVERHEAD
    }
}
