//! Suricata's event format.

use std::fmt;

use jiff::tz::Offset;

use super::json::{put_extra, put_medium, put_unreadable};
use super::mac::Mac;
use super::object::{self, Object};
use super::text::group_count;
use super::{Contents, Format};
use super::{app_proto, flow};
use crate::alert::Alert;
use crate::packet::{Dissection, Header, IpProtocol, LinkType};

/// Suricata's event format (EVE), `event_type` `alert`: one JSON object an alert, on one line.
///
/// Names and meanings are Suricata's; fields that it doesn't have are under `snort`. An unknown field is
/// absent. The schema is `docs/eve.schema.json`. As safe on a terminal as [`Json`](super::Json).
#[derive(Clone, Copy, Debug, Default)]
pub struct Eve {
    /// How much to write of packets and payloads.
    pub contents: Contents,
}

impl Format for Eve {
    fn write(&self, alert: &Alert, out: &mut Vec<u8>) {
        let packet = alert.dissection();
        let has_packet = alert.message.has_packet().then_some(());
        object::write_line(out, |object| {
            let time = Offset::UTC.to_datetime(alert.timestamp());
            object.put("timestamp", &format_args!("{time:.6}+0000"));
            object.put_known("flow_id", flow::id(packet));
            object.put("event_type", "alert");
            object.put_list("vlan", packet.vlans());
            put_flow(packet, object);
            object.put_known("pkt_src", has_packet.map(|()| "wire/pcap"));
            object.put_known("community_id", flow::community_id(packet));
            object.put_object("ether", |ether| put_ethernet(packet, ether));
            object.put_known("host", alert.origin.sensor.as_ref());
            object.put_object("alert", |object| put_alert(alert, object));
            let app_name = alert.message.app_name;
            let app_proto = app_name.and_then(|name| app_proto::app_proto(name.as_bytes()));
            object.put_known("app_proto", app_proto);
            put_payload(alert, self.contents, object);
            if alert.message.has_packet() {
                put_packet(alert, self.contents, object);
            }
            object.put_object("snort", |snort| put_snort(alert, snort));
        });
    }
}

fn put_flow(packet: &Dissection, object: &mut Object<'_>) {
    object.put_known("src_ip", packet.src_ip());
    object.put_known("src_port", packet.src_port());
    object.put_known("dest_ip", packet.dst_ip());
    object.put_known("dest_port", packet.dst_port());
    object.put_shown("proto", packet.protocol().map(Protocol));
    object.put_known("ip_v", packet.ip_version());
    if let Some(Header::Icmpv4(icmp) | Header::Icmpv6(icmp)) = packet.transport() {
        object.put("icmp_type", &icmp.icmp_type);
        object.put("icmp_code", &icmp.code);
    }
}

fn put_ethernet(packet: &Dissection, object: &mut Object<'_>) {
    /// Smaller values are lengths.
    const LEAST_TYPE: u16 = 0x600;
    let Some(ethernet) = packet.ethernet() else { return };
    object.put_shown("src_mac", Some(Mac::Colons(ethernet.source)));
    object.put_shown("dest_mac", Some(Mac::Colons(ethernet.destination)));
    let ether_type = ethernet.ether_type.0;
    object.put_known("ether_type", Some(ether_type).filter(|&number| number >= LEAST_TYPE));
}

fn put_alert(alert: &Alert, object: &mut Object<'_>) {
    let action = if alert.is_blocked() { "blocked" } else { "allowed" };
    // Suricata has no word for a packet that is held back.
    object.put_known("action", Some(action).filter(|_| !alert.is_held()));
    object.put("gid", &alert.message.sig_generator);
    object.put("signature_id", &alert.message.sig_id);
    object.put("rev", &alert.message.sig_rev);
    object.put_text("signature", &alert.msg());
    let description = alert.class().map_or("", |class| &class.description);
    object.put_text("category", description.as_bytes());
    object.put_known("severity", alert.priority());
    object.put_list("references", alert.references());
}

fn put_payload(alert: &Alert, contents: Contents, object: &mut Object<'_>) {
    let payload = alert.ip_payload();
    if !payload.is_empty() {
        if let Some(written) = contents.of_payload(payload) {
            object.put_base64("payload", written);
            object.put("payload_printable", &printable(written));
        }
        object.put("payload_length", &payload.len());
    }
    let from_stream = alert.inspected().is_some();
    if from_stream || alert.message.has_packet() {
        object.put("stream", &u8::from(from_stream));
    }
}

fn put_packet(alert: &Alert, contents: Contents, object: &mut Object<'_>) {
    let Some(bytes) = contents.of_packet(&alert.message.pkt) else { return };
    let packet = alert.dissection();
    object.put_base64("packet", bytes);
    object.put_object("packet_info", |info| {
        info.put_known("linktype", packet.link_type.map(|link_type| link_type.0));
        info.put_known("linktype_name", packet.link_type.and_then(link_type_name));
    });
}

fn put_snort(alert: &Alert, object: &mut Object<'_>) {
    if alert.has_whole_event() {
        object.put("event_id", &alert.message.event_id);
        object.put("event_ref", &alert.message.event_reference);
    }
    object.put_known("class", alert.class().map(|class| &class.name));
    object.put_shown("app_id", alert.message.app_name);
    object.put_known("thread", alert.origin.thread);
    object.put("received", &format_args!("{:.6}", alert.received));
    put_medium(alert, object);
    object.put_known("action", alert.is_held().then_some("held"));
    object.put_object("extra", |extra| put_extra(alert, extra));
    object.put_known("count", group_count(alert));
    object.put_known("untrusted", alert.untrusted.then_some(true));
    put_unreadable(alert, object);
}

/// A protocol's keyword, or its number if it has none.
struct Protocol(IpProtocol);

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.keyword() {
            Some(keyword) => f.write_str(keyword),
            None => self.0.0.fmt(f),
        }
    }
}

/// Bytes as Suricata shows them: everything except printable ASCII and line breaks is a dot.
fn printable(bytes: &[u8]) -> String {
    let letters = bytes.iter().map(|&byte| match byte {
        b' '..=b'~' | b'\n' | b'\r' => char::from(byte),
        _ => '.',
    });
    letters.collect()
}

/// libpcap's name of a link type.
fn link_type_name(link_type: LinkType) -> Option<&'static str> {
    match link_type.0 {
        0 => Some("NULL"),
        1 => Some("EN10MB"),
        9 => Some("PPP"),
        10 => Some("FDDI"),
        12 | 14 | 101 => Some("RAW"),
        50 => Some("PPP_SERIAL"),
        104 => Some("C_HDLC"),
        108 => Some("LOOP"),
        113 => Some("LINUX_SLL"),
        _ => None,
    }
}
