//! An alert: its message, its origin, and what is derived from both.

use std::borrow::Cow;
use std::net::IpAddr;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;

use crate::datagram::Datagram;
use crate::maps::{Class, Names};
use crate::message::AlertMessage;
use crate::packet::{
    Dissection, Dissector, IpProtocol, LinkType, SnortVersion, Stated, frame_length,
};
use crate::triage::Triage;
use crate::unified2::{Logged, LoggedPacket, Verdict};
use crate::wire::{Decoded, Dialect};

/// Generator of Snort's packet decoder, and the class that Snort 2 sends with its alerts.
const DECODER_CLASS: (u32, u32) = (116, 25);

/// An alert: Snort's message, its origin, and what is derived from both.
///
/// The packet is dissected and names are looked up on first use, so an alert that is only passed on costs
/// neither.
#[derive(Clone, Debug)]
pub struct Alert {
    /// Snort's message.
    pub message: AlertMessage,
    /// The datagram's layout and sender; for an alert from Snort's log, the version of Snort. For one of Pigear's own
    /// it says only how the alert is written.
    pub dialect: Dialect,
    /// Whether it came as a datagram, was read from Snort's log, or is one of Pigear's own.
    pub medium: Medium,
    /// The event may be forged; see [`Decoded::untrusted`].
    pub untrusted: bool,
    /// When the datagram was received.
    pub received: Timestamp,
    /// Where it was received.
    pub origin: Arc<Origin>,
    /// The sending process, from the kernel.
    pub sender: Option<Sender>,
    /// The raw datagram, if it was requested.
    pub datagram: Option<Datagram>,
    /// Its id in the store, if it comes from one.
    pub store_id: Option<i64>,
    /// What people said about it, if it comes from a store.
    pub triage: Option<Box<Triage>>,
    /// How many similar alerts this one stands for, if alerts are grouped.
    pub count: Option<NonZeroU64>,
    /// When a receiver refused it last, if it is sent again.
    pub refused: Option<Timestamp>,
    /// Its data from Snort's log, without the packet that is in the message.
    log: Option<Box<Logged>>,
    names: Arc<Names>,
    dissection: OnceLock<Dissection>,
}

/// How an alert was received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Medium {
    /// As a datagram, over a socket or from a recording.
    #[default]
    Datagram,
    /// From Snort's unified2 log.
    Unified2,
    /// Not at all: Pigear itself made it, such as the alert that a sensor is silent.
    Own,
}

/// The origin of alerts: shared by all alerts of one source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The sensor's name, if it has one.
    pub sensor: Option<String>,
    /// The socket.
    pub socket: Option<PathBuf>,
    /// The number of the packet thread that has its own socket, in a Snort 3 with several.
    pub thread: Option<u32>,
    /// The link type of the packets; `None` to detect it.
    pub link_type: Option<LinkType>,
}

/// The process that sent an alert, from the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Sender {
    /// Process id.
    pub pid: i32,
    /// User id.
    pub uid: u32,
}

impl Sender {
    /// What the kernel says of a sender of whom it knows nothing: no process, and the user that stands for all who
    /// have no number (`overflowuid`). It knows nothing if the socket had not yet asked for senders (`SO_PASSCRED`)
    /// when the datagram was sent, and of senders outside of a container with users of its own.
    pub const UNKNOWN: Self = Self { pid: 0, uid: 65_534 };
}

impl Alert {
    /// An alert received now.
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
            triage: None,
            count: None,
            refused: None,
            log: None,
            names,
            dissection: OnceLock::new(),
        }
    }

    /// An alert read from Snort's log now. Its message text comes from the map.
    #[must_use]
    pub fn from_log(logged: Logged, origin: Arc<Origin>, names: Arc<Names>) -> Self {
        let event = &logged.event;
        let dialect = if event.is_snort3 { Dialect::Snort3 } else { Dialect::Snort29 };
        let (ts_sec, ts_usec) = event.time();
        let message = AlertMessage { ts_sec, ts_usec, ..AlertMessage::default() };
        let decoded = Decoded { message, dialect, untrusted: false };
        let mut alert = Self::new(decoded, origin, names);
        alert.medium = Medium::Unified2;
        alert.complete(logged);
        alert
    }

    /// Adds the data of the same alert from Snort's log. The log is right about everything that a datagram
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
            let packet = first.map(|packet| packet.data).unwrap_or_default();
            let len = frame_length(&packet, logged.link_type).unwrap_or_default();
            message.set_packet(packet);
            // A packet that was cut is as long as its IP header says.
            message.pktlen = message.pktlen.max(u32::try_from(len).unwrap_or_default());
        }
        self.untrusted = false;
        self.dissection = OnceLock::new();
        self.log = Some(Box::new(logged));
    }

    /// Makes this another alert, of this origin and with these names, and keeps its memory: only the message, the
    /// dialect and when it was received stay, to be set.
    pub fn reuse(&mut self, origin: &Arc<Origin>, names: &Arc<Names>) {
        if !Arc::ptr_eq(&self.origin, origin) {
            self.origin = Arc::clone(origin);
        }
        if !Arc::ptr_eq(&self.names, names) {
            self.names = Arc::clone(names);
        }
        (self.medium, self.untrusted, self.sender) = (Medium::Datagram, false, None);
        (self.datagram, self.store_id, self.triage, self.count) = (None, None, None, None);
        (self.refused, self.log, self.dissection) = (None, None, OnceLock::new());
    }

    /// Restores [`log`](Self::log) of a stored alert. Nothing else changes.
    pub fn put_back_log(&mut self, log: Logged) {
        self.dissection = OnceLock::new();
        self.log = Some(Box::new(log));
    }

    /// Its data from Snort's log, if it was read from there or completed. The first packet is in the
    /// [message](Self::message), the others are here.
    #[must_use]
    pub fn log(&self) -> Option<&Logged> {
        self.log.as_deref()
    }

    /// The packets that Snort logged after the one in the [message](Self::message): more packets that raised
    /// the alert, or those of the session that its rule tags.
    #[must_use]
    pub fn further_packets(&self) -> &[LoggedPacket] {
        self.log().map_or(&[], |log| &log.packets)
    }

    /// What Snort did with the packet, if its log says so.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        self.log().map(|log| log.event.verdict)
    }

    /// Whether Snort dropped the packet, if its log says so.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.verdict() == Some(Verdict::Blocked)
    }

    /// Whether Snort held the packet back, if its log says so. It doesn't say what became of it.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.verdict() == Some(Verdict::Held)
    }

    /// Whether all numbers of the event are known: a dialect that sends only some of them needs Snort's log
    /// for that.
    #[must_use]
    pub fn has_whole_event(&self) -> bool {
        self.log.is_some() || self.dialect.sends_whole_event()
    }

    /// The rule's whole message: the map's if it begins with what Snort sent (which truncates at 255 bytes),
    /// else what Snort sent.
    #[must_use]
    pub fn msg(&self) -> Cow<'_, [u8]> {
        let AlertMessage { sig_generator, sig_id, ref msg, .. } = self.message;
        self.names.message(sig_generator, sig_id, msg)
    }

    /// The name maps.
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

    /// The class. Snort 2 sends the number 25 with alerts of its decoder for which no rule names a class,
    /// whatever the list of classes: these have none.
    #[must_use]
    pub fn class(&self) -> Option<&Class> {
        let AlertMessage { sig_generator, classification, .. } = self.message;
        let is_placeholder = (sig_generator, classification) == DECODER_CLASS;
        let is_meaningless = is_placeholder && !self.dialect.is_snort3();
        if is_meaningless { None } else { self.names.class(classification) }
    }

    /// The URLs of the rule's references.
    pub fn references(&self) -> impl Iterator<Item = String> {
        self.names.references(self.message.sig_generator, self.message.sig_id)
    }

    /// The dissected packet.
    #[must_use]
    pub fn dissection(&self) -> &Dissection {
        self.dissection.get_or_init(|| {
            let snort = if self.dialect.is_snort3() { SnortVersion::V3 } else { SnortVersion::V2 };
            let log = self.log();
            let link_type = log.and_then(|log| log.link_type).or(self.origin.link_type);
            let bytes = if self.message.has_packet() { &*self.message.pkt } else { &[] };
            let mut stated = Stated::by(&self.message);
            stated.flow = log.and_then(|log| log.event.flow());
            stated.vlan = log.and_then(|log| log.event.vlan);
            Dissector { link_type, snort }.dissect_stated(bytes, &stated)
        })
    }

    /// Whether the packet's headers look like other addresses, protocol, ports or VLAN than Snort states. What
    /// Snort states is what the alert has.
    #[must_use]
    pub fn dissection_differs(&self) -> bool {
        self.dissection().differs
    }

    /// Source address: of Snort's log, or else of the innermost IP header that Snort read.
    #[must_use]
    pub fn src_ip(&self) -> Option<IpAddr> {
        self.dissection().src_ip()
    }

    /// Source port (TCP, UDP, SCTP).
    #[must_use]
    pub fn src_port(&self) -> Option<u16> {
        self.dissection().src_port()
    }

    /// Destination address: of Snort's log, or else of the innermost IP header that Snort read.
    #[must_use]
    pub fn dst_ip(&self) -> Option<IpAddr> {
        self.dissection().dst_ip()
    }

    /// Destination port (TCP, UDP, SCTP).
    #[must_use]
    pub fn dst_port(&self) -> Option<u16> {
        self.dissection().dst_port()
    }

    /// What the IP packet carries.
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

    /// The part of a stream that Snort inspected, if there is no packet.
    #[must_use]
    pub fn inspected(&self) -> Option<&[u8]> {
        let first = self.log()?.inspected.first()?;
        Some(&**first).filter(|_| !self.message.has_packet())
    }

    /// The approximate memory of the alert, in bytes, including the allocator's overhead and a later
    /// dissection.
    #[must_use]
    pub fn memory(&self) -> usize {
        const OVERHEAD: usize = 64 + 512;
        let datagram = self.datagram.as_ref().map_or(0, Datagram::memory);
        let log = self.log().map_or(0, |log| size_of::<Logged>() + log.bytes() + OVERHEAD);
        let message = self.message.msg.len() + self.message.pkt.len();
        size_of::<Self>() + message + datagram + log + OVERHEAD
    }
}
