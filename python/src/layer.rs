//! A header of a packet, as a Python object.

use std::fmt::Write;

use pigear_alert::packet::{self, Header, IpProtocol};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::{Map, Value, json};

/// One header of a packet and its position.
#[pyclass(frozen, module = "pigear")]
pub(crate) struct Layer(packet::Layer);

impl Layer {
    pub(crate) fn new(layer: packet::Layer) -> Self {
        Self(layer)
    }
}

#[pymethods]
impl Layer {
    /// The header's name: `Ethernet`, `IPv4`, `TCP`, …
    #[getter]
    fn name(&self) -> &'static str {
        self.0.header.name()
    }

    /// Where the header begins in `Alert.pkt`.
    #[getter]
    fn start(&self) -> usize {
        self.0.range.start
    }

    /// Where it ends.
    #[getter]
    fn end(&self) -> usize {
        self.0.range.end
    }

    /// The header's fields by name, numbers as a human would write them.
    #[getter]
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (name, value) in fields(&self.0.header) {
            match value {
                Value::String(text) => dict.set_item(name, text)?,
                Value::Bool(truth) => dict.set_item(name, truth)?,
                Value::Number(number) => dict.set_item(name, number.as_u64())?,
                _ => dict.set_item(name, py.None())?,
            }
        }
        Ok(dict)
    }

    fn __repr__(&self) -> String {
        let mut text = format!("<pigear.Layer {}", self.name());
        for (name, value) in fields(&self.0.header) {
            // Writing to a `String` can't fail.
            let _ = write!(text, " {name}={value}");
        }
        text + ">"
    }
}

fn fields(header: &Header) -> Map<String, Value> {
    let fields = match header {
        Header::Ethernet(it) => json!({
            "source": mac(it.source), "destination": mac(it.destination),
            "ether_type": it.ether_type.0,
        }),
        Header::LinuxCooked(it) => json!({
            "packet_type": it.packet_type, "hardware_type": it.hardware_type,
            "ether_type": it.ether_type.0,
        }),
        Header::Vlan(it) => json!({
            "id": it.id, "priority": it.priority, "drop_eligible": it.drop_eligible,
            "ether_type": it.ether_type.0,
        }),
        Header::Mpls(it) => json!({
            "label": it.label, "traffic_class": it.traffic_class, "bottom": it.bottom,
            "ttl": it.ttl,
        }),
        Header::Pppoe(it) => json!({"session": it.session, "code": it.code, "length": it.length}),
        Header::Ppp(it) => json!({"protocol": it.protocol}),
        Header::Arp(it) => json!({
            "operation": it.operation,
            "sender_mac": mac(it.sender_mac), "sender_ip": it.sender_ip,
            "target_mac": mac(it.target_mac), "target_ip": it.target_ip,
        }),
        Header::Gre(it) => json!({
            "version": it.version, "protocol": it.protocol.0, "key": it.key,
            "sequence": it.sequence,
        }),
        Header::Teredo(it) => json!({
            "authenticated": it.authenticated,
            "origin": it.origin.map(|origin| origin.to_string()),
        }),
        header => link_or_tunnel(header),
    };
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn link_or_tunnel(header: &Header) -> Value {
    match header {
        Header::Loopback(it) => json!({"family": it.family}),
        Header::Fddi(it) => json!({
            "frame_control": it.frame_control,
            "source": mac(it.source), "destination": mac(it.destination),
        }),
        Header::CiscoHdlc(it) => json!({"address": it.address, "ether_type": it.ether_type.0}),
        Header::Llc(it) => json!({
            "dsap": it.dsap, "ssap": it.ssap, "control": it.control,
            "ether_type": it.ether_type.map(|ether_type| ether_type.0),
        }),
        Header::FabricPath(it) => json!({"forwarding_tag": it.forwarding_tag, "ttl": it.ttl}),
        Header::CiscoMetadata(it) => json!({
            "security_group": it.security_group, "ether_type": it.ether_type.0,
        }),
        Header::VnTag(it) => json!({
            "source": it.source, "destination": it.destination, "ether_type": it.ether_type.0,
        }),
        Header::BackboneTag(it) => json!({"service": it.service}),
        Header::Erspan(it) => json!({
            "type": it.erspan_type, "vlan": it.vlan, "session": it.session,
        }),
        Header::Vxlan(it) => json!({"vni": it.vni}),
        Header::Geneve(it) => json!({"vni": it.vni, "protocol": it.protocol.0}),
        Header::Gtp(it) => json!({"version": it.version, "tunnel": it.tunnel}),
        header => network(header),
    }
}

fn network(header: &Header) -> Value {
    match header {
        Header::Ipv4(it) => json!({
            "source": it.source, "destination": it.destination, "tos": it.tos,
            "total_len": it.total_len, "header_len": it.header_len,
            "identification": it.identification, "dont_fragment": it.dont_fragment,
            "more_fragments": it.more_fragments, "fragment_offset": it.fragment_offset,
            "ttl": it.ttl, "protocol": number(it.protocol),
        }),
        Header::Ipv6(it) => json!({
            "source": it.source, "destination": it.destination,
            "traffic_class": it.traffic_class, "flow_label": it.flow_label,
            "payload_len": it.payload_len, "next_header": number(it.next_header),
            "hop_limit": it.hop_limit,
        }),
        Header::Extension(it) => json!({
            "kind": number(it.kind), "next_header": number(it.next_header),
        }),
        Header::Ipv6Fragment(it) => json!({
            "next_header": number(it.next_header), "fragment_offset": it.fragment_offset,
            "more_fragments": it.more_fragments, "identification": it.identification,
        }),
        header => transport(header),
    }
}

fn transport(header: &Header) -> Value {
    match header {
        Header::Tcp(it) => json!({
            "source_port": it.source_port, "destination_port": it.destination_port,
            "sequence": it.sequence, "acknowledgment": it.acknowledgment,
            "header_len": it.header_len, "flags": it.flags, "window": it.window,
            "urgent": it.urgent,
        }),
        Header::Udp(it) => json!({
            "source_port": it.source_port, "destination_port": it.destination_port,
            "length": it.length,
        }),
        Header::Icmpv4(it) | Header::Icmpv6(it) => json!({
            "type": it.icmp_type, "code": it.code,
            "id": it.echo.as_ref().map(|echo| echo.id),
            "sequence": it.echo.as_ref().map(|echo| echo.sequence),
        }),
        Header::Sctp(it) => json!({
            "source_port": it.source_port, "destination_port": it.destination_port,
            "verification_tag": it.verification_tag,
        }),
        _ => Value::Null,
    }
}

fn number(protocol: IpProtocol) -> u8 {
    protocol.0
}

fn mac(bytes: [u8; 6]) -> String {
    bytes.map(|byte| format!("{byte:02x}")).join(":")
}
