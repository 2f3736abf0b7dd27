//! Elastic Common Schema.

use std::net::IpAddr;

use super::event_id::event_id;
use super::flow;
use super::json::{put_extra, put_unreadable};
use super::mac::Mac;
use super::object::{self, Object};
use super::tcp::Flags;
use super::text::group_count;
use super::{Contents, Format};
use crate::alert::Alert;
use crate::packet::{Dissection, Header, IpProtocol};

/// Elastic Common Schema 8.11: one JSON object an alert, on one line.
///
/// The fields are those of Elastic's own Snort integration; fields without a name in the schema are under
/// `snort`. An unknown field is absent. The schema is `docs/ecs.schema.json`. As safe on a terminal as
/// [`Json`](super::Json).
#[derive(Clone, Copy, Debug, Default)]
pub struct Ecs {
    /// How much to write of payloads.
    pub contents: Contents,
}

impl Format for Ecs {
    fn write(&self, alert: &Alert, out: &mut Vec<u8>) {
        let packet = alert.dissection();
        let ethernet = packet.ethernet();
        object::write_line(out, |object| {
            object.put("@timestamp", &format_args!("{:.6}", alert.timestamp()));
            object.put_object("event", |event| put_event(alert, event));
            object.put_text("message", &alert.msg());
            object.put_object("rule", |rule| put_rule(alert, rule));
            object.put_object("source", |end| {
                let mac = ethernet.map(|ethernet| ethernet.source);
                put_end(end, packet.src_ip(), packet.src_port(), mac);
            });
            object.put_object("destination", |end| {
                let mac = ethernet.map(|ethernet| ethernet.destination);
                put_end(end, packet.dst_ip(), packet.dst_port(), mac);
            });
            object.put_object("related", |related| {
                let dst_ip = packet.dst_ip().filter(|ip| packet.src_ip() != Some(*ip));
                related.put_list("ip", packet.src_ip().into_iter().chain(dst_ip));
            });
            object.put_object("network", |network| put_network(packet, network));
            object.put_object("observer", |observer| put_observer(alert, observer));
            object.put_object("snort", |snort| put_snort(alert, self.contents, snort));
            object.put_object("ecs", |ecs| ecs.put("version", "8.11.0"));
        });
    }
}

fn put_event(alert: &Alert, object: &mut Object<'_>) {
    object.put("kind", "alert");
    object.put("category", &["network"]);
    let is_blocked = alert.is_blocked();
    let allowed = if alert.is_held() { "info" } else { "allowed" };
    object.put("type", &[if is_blocked { "denied" } else { allowed }]);
    object.put_known("severity", alert.priority());
    object.put("created", &format_args!("{:.6}", alert.received));
    object.put("id", &event_id(alert));
    object.put("module", "snort");
    object.put("dataset", "snort.log");
}

fn put_rule(alert: &Alert, object: &mut Object<'_>) {
    object.put("id", &format_args!("{}", alert.message.sig_id));
    object.put("version", &format_args!("{}", alert.message.sig_rev));
    let msg = alert.msg();
    object.put_text("name", &msg);
    object.put_text("description", &msg);
    let class = alert.class().map_or("", |class| &class.description);
    object.put_text("category", class.as_bytes());
    object.put_list("reference", alert.references());
}

fn put_end(object: &mut Object<'_>, ip: Option<IpAddr>, port: Option<u16>, mac: Option<[u8; 6]>) {
    object.put_known("address", ip);
    object.put_known("ip", ip);
    object.put_known("port", port);
    object.put_shown("mac", mac.map(Mac::Dashes));
}

fn put_network(packet: &Dissection, object: &mut Object<'_>) {
    let protocol = packet.protocol();
    let keyword = protocol.and_then(IpProtocol::keyword);
    object.put_known("transport", keyword.map(str::to_ascii_lowercase));
    object.put_known("type", packet.ip_version().map(|version| format!("ipv{version}")));
    object.put_shown("iana_number", protocol.map(|protocol| protocol.0));
    object.put_known("community_id", flow::community_id(packet));
    let mut vlans = packet.vlans();
    let outer = vlans.next();
    object.put_object("vlan", |vlan| vlan.put_shown("id", outer));
    object.put_object("inner", |inner| {
        inner.put_object("vlan", |vlan| vlan.put_shown("id", vlans.last()));
    });
}

fn put_observer(alert: &Alert, object: &mut Object<'_>) {
    object.put("vendor", "snort");
    object.put("product", "ids");
    object.put("type", "ids");
    object.put_known("name", alert.origin.sensor.as_ref());
}

fn put_snort(alert: &Alert, contents: Contents, object: &mut Object<'_>) {
    let packet = alert.dissection();
    object.put("gid", &alert.message.sig_generator);
    object.put_object("ip", |ip| put_ip(packet, ip));
    match packet.transport() {
        Some(Header::Tcp(tcp)) => object.put_object("tcp", |object| {
            object.put_shown("flags", Some(Flags(tcp.flags)));
            object.put("seq", &tcp.sequence);
            object.put("ack", &tcp.acknowledgment);
            object.put("window", &tcp.window);
        }),
        Some(Header::Icmpv4(icmp) | Header::Icmpv6(icmp)) => object.put_object("icmp", |object| {
            object.put("type", &icmp.icmp_type);
            object.put("code", &icmp.code);
        }),
        _ => {}
    }
    let payload = alert.ip_payload();
    if !payload.is_empty()
        && let Some(written) = contents.of_payload(payload)
    {
        object.put_base64("payload", written);
    }
    object.put_shown("app_id", alert.message.app_name);
    object.put_object("extra", |extra| put_extra(alert, extra));
    object.put_known("count", group_count(alert));
    object.put_known("untrusted", alert.untrusted.then_some(true));
    put_unreadable(alert, object);
}

fn put_ip(packet: &Dissection, object: &mut Object<'_>) {
    const IPV6_LEN: u32 = 40;
    match packet.ip() {
        Some(Header::Ipv4(ip)) => {
            object.put("ttl", &ip.ttl);
            object.put("tos", &ip.tos);
            object.put("id", &ip.identification);
            object.put("length", &ip.total_len);
        }
        Some(Header::Ipv6(ip)) => {
            object.put("ttl", &ip.hop_limit);
            object.put("tos", &ip.traffic_class);
            let fragment = packet.ipv6_fragment();
            object.put_known("id", fragment.map(|fragment| fragment.identification));
            // 0 where a network card was to fill it in, or where it doesn't fit.
            let payload_len = Some(u32::from(ip.payload_len)).filter(|&len| len > 0);
            object.put_known("length", payload_len.map(|len| IPV6_LEN + len));
        }
        _ => {}
    }
}
