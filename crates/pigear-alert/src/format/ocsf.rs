//! Open Cybersecurity Schema Framework.

use super::Format;
use super::event_id::event_id;
use super::flow;
use super::json::{put_extra, put_medium, put_unreadable};
use super::mac::Mac;
use super::object::{self, Object};
use super::text::{group_count, rule_name};
use crate::alert::Alert;
use crate::packet::{Dissection, IpProtocol};

/// Open Cybersecurity Schema Framework (OCSF) 1.8.0, class Detection Finding: one JSON object an
/// alert, on one line.
///
/// What the schema has no place for stands under `unmapped`. A field that isn't known is absent, but the
/// title of an alert without a message is its rule's numbers. The schema is `docs/ocsf.schema.json`. As
/// safe on a terminal as [`Json`](super::Json).
#[derive(Clone, Copy, Debug, Default)]
pub struct Ocsf;

const DETECTION_FINDING: u32 = 2004;
const FINDINGS: u32 = 2;
const CREATE: u32 = 1;
const ALLOWED: u32 = 1;
const BLOCKED: u32 = 2;
const OTHER: u32 = 99;
const RULE: u32 = 1;
const UNKNOWN: u32 = 0;

impl Format for Ocsf {
    fn write(&self, alert: &Alert, out: &mut Vec<u8>) {
        object::write_line(out, |object| {
            object.put("class_uid", &DETECTION_FINDING);
            object.put("category_uid", &FINDINGS);
            object.put("activity_id", &CREATE);
            object.put("type_uid", &(100 * DETECTION_FINDING + CREATE));
            object.put("time", &alert.timestamp().as_millisecond());
            object.put("severity_id", &severity(alert.priority()));
            object.put("is_alert", &true);
            object.put_known("count", group_count(alert));
            put_action(alert, object);
            object.put_object("finding_info", |info| put_finding(alert, info));
            object.put_list_of_one("evidences", |evidence| put_evidence(alert, evidence));
            object.put_object("metadata", |metadata| put_metadata(alert, metadata));
            object.put_object("unmapped", |unmapped| put_unmapped(alert, unmapped));
        });
    }
}

/// What was done with the packet, and what came of it. For a packet that is held back, OCSF has no number.
fn put_action(alert: &Alert, object: &mut Object<'_>) {
    if alert.is_held() {
        object.put("action_id", &OTHER);
        object.put("action", "Held");
        object.put("disposition_id", &OTHER);
        object.put("disposition", "Held");
    } else {
        let action = if alert.is_blocked() { BLOCKED } else { ALLOWED };
        object.put("action_id", &action);
        object.put("disposition_id", &action);
    }
}

/// High to informational for Snort's priorities from 1 on.
fn severity(priority: Option<u32>) -> u32 {
    match priority {
        None => UNKNOWN,
        Some(1) => 4,
        Some(2) => 3,
        Some(3) => 2,
        Some(_) => 1,
    }
}

fn put_finding(alert: &Alert, object: &mut Object<'_>) {
    let name = rule_name(alert);
    object.put("uid", &event_id(alert));
    object.put_text("title", &name);
    object.put_object("analytic", |analytic| {
        analytic.put("type_id", &RULE);
        analytic.put_text("name", &name);
        analytic.put("uid", &format_args!("{}", alert.message.sig_id));
        analytic.put("version", &format_args!("{}", alert.message.sig_rev));
        let class = alert.class().map_or("", |class| &class.description);
        analytic.put_text("category", class.as_bytes());
    });
}

fn put_evidence(alert: &Alert, object: &mut Object<'_>) {
    let packet = alert.dissection();
    // The schema has no endpoint with only a link address.
    let (Some(src_ip), Some(dst_ip)) = (packet.src_ip(), packet.dst_ip()) else { return };
    let ethernet = packet.ethernet();
    object.put_object("src_endpoint", |end| {
        end.put("ip", &src_ip);
        end.put_known("port", packet.src_port());
        end.put_shown("mac", ethernet.map(|ethernet| Mac::Colons(ethernet.source)));
    });
    object.put_object("dst_endpoint", |end| {
        end.put("ip", &dst_ip);
        end.put_known("port", packet.dst_port());
        end.put_shown("mac", ethernet.map(|ethernet| Mac::Colons(ethernet.destination)));
    });
    object.put_object("connection_info", |connection| put_connection(packet, connection));
}

fn put_connection(packet: &Dissection, object: &mut Object<'_>) {
    // The schema demands it.
    object.put("direction_id", &UNKNOWN);
    let protocol = packet.protocol();
    object.put_known("protocol_num", protocol.map(|protocol| protocol.0));
    let keyword = protocol.and_then(IpProtocol::keyword);
    object.put_known("protocol_name", keyword.map(str::to_ascii_lowercase));
    object.put_known("protocol_ver_id", packet.ip_version());
    object.put_known("community_uid", flow::community_id(packet));
    object.put_shown("uid", flow::id(packet));
}

fn put_metadata(alert: &Alert, object: &mut Object<'_>) {
    object.put("version", "1.8.0");
    // Action and disposition belong to it.
    object.put("profiles", &["security_control"]);
    object.put_object("product", |product| {
        product.put("name", "Snort");
        product.put("vendor_name", "Cisco");
    });
    let event_id = alert.has_whole_event().then_some(alert.message.event_id);
    object.put_shown("original_event_uid", event_id);
    let socket = alert.origin.socket.as_ref();
    object.put_known("log_name", socket.map(|path| path.to_string_lossy()));
}

fn put_unmapped(alert: &Alert, object: &mut Object<'_>) {
    object.put("gid", &alert.message.sig_generator);
    object.put_known("priority", alert.priority());
    object.put_known("class", alert.class().map(|class| &class.name));
    object.put_list("references", alert.references());
    object.put_shown("app_id", alert.message.app_name);
    object.put_list("vlan", alert.dissection().vlans());
    object.put_known("sensor", alert.origin.sensor.as_ref());
    object.put_known("thread", alert.origin.thread);
    object.put("received", &format_args!("{:.6}", alert.received));
    put_medium(alert, object);
    object.put_object("extra", |extra| put_extra(alert, extra));
    object.put_known("untrusted", alert.untrusted.then_some(true));
    put_unreadable(alert, object);
}
