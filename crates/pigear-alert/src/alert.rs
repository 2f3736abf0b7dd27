//! What we know of an alert.

use std::borrow::Cow;
use std::net::IpAddr;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;

use crate::maps::{Class, Names};
use crate::message::AlertMessage;
use crate::packet::{Dissection, Dissector, IpProtocol, LinkType, Vxlan};
use crate::unified2::{Logged, LoggedPacket, Verdict};
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
    /// Which layout and sender the datagram was taken for; for an alert from Snort's log, which Snort.
    pub dialect: Dialect,
    /// Whether it came as a datagram, or was read from Snort's log.
    pub medium: Medium,
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
    /// The number that a store has given it, if it comes out of one.
    pub store_id: Option<i64>,
    /// How many alike alerts this one stands for, where alerts are grouped.
    pub count: Option<NonZeroU64>,
    /// What Snort's log has of it, without the packet that is in the message.
    log: Option<Box<Logged>>,
    names: Arc<Names>,
    dissection: OnceLock<Dissection>,
}

/// How an alert came to us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Medium {
    /// As a datagram, over a socket or from a recording.
    #[default]
    Datagram,
    /// Out of Snort's log in unified2.
    Unified2,
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
            medium: Medium::Datagram,
            untrusted: decoded.untrusted,
            received: Timestamp::now(),
            origin,
            sender: None,
            datagram: None,
            store_id: None,
            count: None,
            log: None,
            names,
            dissection: OnceLock::new(),
        }
    }

    /// An alert that was read from Snort's log now. Its message is the map's.
    #[must_use]
    pub fn from_log(logged: Logged, origin: Arc<Origin>, names: Arc<Names>) -> Self {
        let event = &logged.event;
        let dialect = if event.is_snort3 { Dialect::Snort3 } else { Dialect::Snort29 };
        let (ts_sec, ts_usec) = (event.key.second, event.microsecond);
        let message = AlertMessage { ts_sec, ts_usec, ..AlertMessage::default() };
        let decoded = Decoded { message, dialect, untrusted: false };
        let mut alert = Self::new(decoded, origin, names);
        alert.medium = Medium::Unified2;
        alert.complete(logged);
        alert
    }

    /// Adds what Snort's log has of the same alert. The log is right about everything that a datagram
    /// may lack, or have wrong: the event's numbers, the application's name, the packet if there is
    /// none.
    pub fn complete(&mut self, mut logged: Logged) {
        let event = &logged.event;
        let message = &mut self.message;
        message.sig_generator = event.generator;
        message.sig_id = event.signature;
        message.sig_rev = event.revision;
        message.classification = event.classification;
        message.priority = event.priority;
        if self.untrusted || !self.dialect.sends_whole_event() || message.event_reference == 0 {
            message.event_reference = event.key.event_id;
            (message.tv_sec, message.tv_usec) = (event.key.second, event.microsecond);
        }
        message.event_id = event.key.event_id;
        message.app_name = event.app_name.or(message.app_name);
        let first = (!logged.packets.is_empty()).then(|| logged.packets.remove(0));
        if !message.has_packet() {
            message.set_packet(first.map(|packet| packet.data).unwrap_or_default());
        }
        self.untrusted = false;
        self.dissection = OnceLock::new();
        self.log = Some(Box::new(logged));
    }

    /// Puts back what [`log`](Self::log) was, for an alert that was kept. Nothing else changes.
    pub fn put_back_log(&mut self, log: Logged) {
        self.dissection = OnceLock::new();
        self.log = Some(Box::new(log));
    }

    /// What Snort's log has of it, if it comes from there or was completed. The first packet is in the
    /// [message](Self::message), the others are here.
    #[must_use]
    pub fn log(&self) -> Option<&Logged> {
        self.log.as_deref()
    }

    /// The packets that Snort logged after the one in the [message](Self::message): more that raised the
    /// alert, or those of the session that its rule tags.
    #[must_use]
    pub fn further_packets(&self) -> &[LoggedPacket] {
        self.log().map_or(&[], |log| &log.packets)
    }

    /// What became of the packet, if Snort's log has it.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        self.log().map(|log| log.event.verdict)
    }

    /// Whether Snort dropped the packet, as far as its log was asked.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.verdict() == Some(Verdict::Blocked)
    }

    /// Whether all numbers of the event are known: those of a dialect that sends only some are, once
    /// Snort's log was asked.
    #[must_use]
    pub fn has_whole_event(&self) -> bool {
        self.log.is_some() || self.dialect.sends_whole_event()
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
            let log = self.log();
            let link_type = log.and_then(|log| log.link_type).or(self.origin.link_type);
            let bytes = if self.message.has_packet() { &*self.message.pkt } else { &[] };
            let mut dissection = Dissector { link_type, vxlan }.dissect(bytes);
            dissection.flow = log.and_then(|log| log.event.flow());
            dissection
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
    /// there is no IP header. Without a packet, the part of a stream that Snort's log has.
    #[must_use]
    pub fn ip_payload(&self) -> &[u8] {
        if let Some(inspected) = self.inspected() {
            return inspected;
        }
        let packet = self.dissection();
        let payload = self.message.pkt.get(packet.payload.clone());
        payload.filter(|_| packet.ip().is_some()).unwrap_or_default()
    }

    /// What Snort inspected, where that is a part of a stream and no packet.
    #[must_use]
    pub fn inspected(&self) -> Option<&[u8]> {
        let first = self.log()?.inspected.first()?;
        Some(&**first).filter(|_| !self.message.has_packet())
    }

    /// Roughly how much memory this takes, in bytes, with what the allocator adds and a dissection
    /// that may come yet.
    #[must_use]
    pub fn memory(&self) -> usize {
        const OVERHEAD: usize = 64 + 512;
        let datagram = self.datagram.as_ref().map_or(0, |datagram| datagram.len());
        let log = self.log().map_or(0, |log| size_of::<Logged>() + log.bytes() + OVERHEAD);
        let message = self.message.msg.len() + self.message.pkt.len();
        size_of::<Self>() + message + datagram + log + OVERHEAD
    }
}
