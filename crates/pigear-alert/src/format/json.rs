//! One JSON object an alert.

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::object::{self, Object};
use super::{Contents, Format};
use crate::alert::{Alert, Medium};
use crate::packet::IpProtocol;
use crate::unified2::Verdict;

/// One JSON object an alert, on one line.
///
/// First the twenty fields of an [`AlertMessage`](crate::AlertMessage) under their names, `pkt` in
/// base64; then all other fields. An unknown field is absent. The schema is `docs/alert.schema.json`. As
/// safe on a terminal as the text formats: control characters are escaped.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json {
    /// How much to write of packets and payloads.
    pub contents: Contents,
}

impl Format for Json {
    fn write(&self, alert: &Alert, out: &mut Vec<u8>) {
        object::write_line(out, |object| {
            said(alert, self.contents, object);
            times(alert, object);
            packet(alert, object);
            names(alert, object);
            logged(alert, self.contents, object);
            origin(alert, object);
            caveats(alert, object);
        });
    }
}

/// Fields of [`AlertMessage`](crate::AlertMessage) that a dialect with a partial event doesn't send.
const NOT_SENT: [&str; 3] = ["priority", "event_id", "event_reference"];

fn said(alert: &Alert, contents: Contents, object: &mut Object<'_>) {
    let message = &alert.message;
    object.put("msg", &String::from_utf8_lossy(&alert.msg()));
    object.put("ts_sec", &message.ts_sec);
    object.put("ts_usec", &message.ts_usec);
    object.put("caplen", &message.caplen);
    object.put("pktlen", &message.pktlen);
    object.put("dlthdr", &message.dlthdr);
    object.put("nethdr", &message.nethdr);
    object.put("transhdr", &message.transhdr);
    object.put("data", &message.data);
    object.put("val", &message.val);
    if let Some(packet) = contents.of_packet(&message.pkt) {
        object.put_base64("pkt", packet);
    }
    object.put("sig_generator", &message.sig_generator);
    object.put("sig_id", &message.sig_id);
    object.put("sig_rev", &message.sig_rev);
    object.put("classification", &message.classification);
    object.put("priority", &message.priority);
    object.put("event_id", &message.event_id);
    object.put("event_reference", &message.event_reference);
    object.put("tv_sec", &message.tv_sec);
    object.put("tv_usec", &message.tv_usec);
}

fn times(alert: &Alert, object: &mut Object<'_>) {
    object.put("timestamp", &format_args!("{:.6}", alert.timestamp()));
    object.put("received", &format_args!("{:.6}", alert.received));
}

fn packet(alert: &Alert, object: &mut Object<'_>) {
    let packet = alert.dissection();
    object.put_known("src_ip", packet.src_ip());
    object.put_known("src_port", packet.src_port());
    object.put_known("dst_ip", packet.dst_ip());
    object.put_known("dst_port", packet.dst_port());
    object.put_known("proto", packet.protocol().map(Protocol));
    object.put_list("vlan", packet.vlans());
}

fn names(alert: &Alert, object: &mut Object<'_>) {
    if let Some(class) = alert.class() {
        object.put("class", &class.name);
        object.put_text("class_description", class.description.as_bytes());
    }
    object.put_list("references", alert.references());
    object.put_shown("app_name", alert.message.app_name);
}

fn logged(alert: &Alert, contents: Contents, object: &mut Object<'_>) {
    object.put_known("action", alert.verdict().map(Verdict::name));
    if let Some(inspected) = alert.inspected().and_then(|bytes| contents.of_payload(bytes)) {
        object.put_base64("inspected", inspected);
    }
    object.put_object("extra", |extra| put_extra(alert, extra));
    put_packets(alert, contents, object);
}

/// Adds all packets, if there are more than the one in the message.
fn put_packets(alert: &Alert, contents: Contents, object: &mut Object<'_>) {
    let further = alert.further_packets();
    if further.is_empty() {
        return;
    }
    let first = (alert.timestamp(), &*alert.message.pkt);
    let further = further.iter().map(|packet| (packet.timestamp(), &*packet.data));
    let packets = std::iter::once(first).chain(further);
    let written = packets.filter_map(|(timestamp, bytes)| {
        Some(Packet { timestamp, bytes: contents.of_packet(bytes)? })
    });
    object.put_list("packets", written);
}

struct Packet<'a> {
    timestamp: Timestamp,
    bytes: &'a [u8],
}

impl Serialize for Packet<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut packet = serializer.serialize_struct("Packet", 2)?;
        packet.serialize_field("timestamp", &format_args!("{:.6}", self.timestamp))?;
        packet
            .serialize_field("pkt", &format_args!("{}", Base64Display::new(self.bytes, &BASE64)))?;
        packet.end()
    }
}

/// Adds other data from Snort's log, each kind once: lists of mail addresses are already one text.
pub(super) fn put_extra(alert: &Alert, object: &mut Object<'_>) {
    let extra = alert.log().map_or(&[][..], |log| &log.extra);
    let named = extra.iter().filter_map(|extra| Some((extra.info.name()?, extra)));
    let mut seen = Vec::new();
    for (name, extra) in named {
        if seen.contains(&name) {
            continue;
        }
        seen.push(name);
        match extra.address() {
            Some(address) => object.put(name, &address),
            None => object.put_text(name, &extra.data),
        }
    }
}

fn origin(alert: &Alert, object: &mut Object<'_>) {
    let origin = &*alert.origin;
    object.put_known("sensor", origin.sensor.as_ref());
    object.put_known("socket", origin.socket.as_ref().map(|path| path.to_string_lossy()));
    object.put_known("thread", origin.thread);
    object.put_known("sender", alert.sender);
    put_medium(alert, object);
}

/// Adds the dialect of the datagram, if there was one.
pub(super) fn put_medium(alert: &Alert, object: &mut Object<'_>) {
    match alert.medium {
        Medium::Datagram => object.put("dialect", alert.dialect.name()),
        Medium::Unified2 => object.put("source", "unified2"),
        Medium::Own => {}
    }
}

fn caveats(alert: &Alert, object: &mut Object<'_>) {
    object.put_known("untrusted", alert.untrusted.then_some(true));
    object.put_known("dissection_differs", alert.dissection_differs().then_some(true));
    if !alert.has_whole_event() {
        object.put("not_sent", &NOT_SENT);
    }
    put_unreadable(alert, object);
    object.put_known("count", alert.count);
    object.put_known("triage", alert.triage.as_ref());
}

/// Adds the message's bytes as `msg_base64`, if they are not UTF-8.
pub(super) fn put_unreadable(alert: &Alert, object: &mut Object<'_>) {
    let msg = alert.msg();
    if str::from_utf8(&msg).is_err() {
        object.put_base64("msg_base64", &msg);
    }
}

/// A protocol's name, or its number if it has none.
struct Protocol(IpProtocol);

impl Serialize for Protocol {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.name() {
            Some(name) => serializer.serialize_str(name),
            None => serializer.serialize_u8(self.0.0),
        }
    }
}
