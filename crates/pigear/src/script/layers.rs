//! The headers of a packet, for scripts and as a tree.

use std::fmt::{self, Write};

use pigear_alert::Alert;
use pigear_alert::packet::{EtherType, Header, IpProtocol, Layer};
use rhai::{Dynamic, Map};

/// Each header as a map: its name, where it starts and ends in `pkt`, and its fields.
pub(super) fn maps(alert: &Alert) -> Vec<Map> {
    alert.dissection().layers.iter().map(map).collect()
}

fn map(layer: &Layer) -> Map {
    let mut values = Values(vec![("name", layer.header.name().into())]);
    values.number("start", offset(layer.range.start));
    values.number("end", offset(layer.range.end));
    values.header(&layer.header);
    values.0.into_iter().map(|(name, value)| (name.into(), value)).collect()
}

/// A header as JSON: its name, start, end and fields.
#[cfg(feature = "web")]
#[derive(serde::Serialize)]
pub(crate) struct JsonLayer {
    name: &'static str,
    start: usize,
    end: usize,
    fields: Values,
}

/// Each header as JSON.
#[cfg(feature = "web")]
pub(crate) fn json(alert: &Alert) -> Vec<JsonLayer> {
    let layer = |layer: &Layer| {
        let mut fields = Values(Vec::new());
        fields.header(&layer.header);
        let (name, range) = (layer.header.name(), &layer.range);
        JsonLayer { name, start: range.start, end: range.end, fields }
    };
    alert.dissection().layers.iter().map(layer).collect()
}

/// An object whose fields are in the order that [`tree`] has, too.
#[cfg(feature = "web")]
impl serde::Serialize for Values {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = |value: &Dynamic| match (value.as_int(), value.as_bool()) {
            (Ok(number), _) => serde_json::Value::from(number),
            (_, Ok(truth)) => truth.into(),
            _ => value.to_string().into(),
        };
        serializer.collect_map(self.0.iter().map(|(name, field)| (name, value(field))))
    }
}

fn offset(offset: usize) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}

/// The headers as a tree, a line per header, then the payload and where dissection stopped.
pub(crate) fn tree(alert: &Alert) -> String {
    let mut tree = String::new();
    // Writing to a `String` can't fail.
    let _ = write_tree(alert, &mut tree);
    tree
}

fn write_tree(alert: &Alert, out: &mut String) -> fmt::Result {
    let packet = alert.dissection();
    if !alert.message.has_packet() {
        return writeln!(out, "no packet");
    }
    for (depth, layer) in packet.layers.iter().enumerate() {
        let mut values = Values(Vec::new());
        values.header(&layer.header);
        write_branch(depth, out)?;
        write!(out, "{} [{}..{}]", layer.header.name(), layer.range.start, layer.range.end)?;
        values.0.iter().try_for_each(|(name, value)| write!(out, " {name}={value}"))?;
        out.push('\n');
    }
    let depth = packet.layers.len();
    if let Some(stop) = packet.stopped {
        write_branch(depth, out)?;
        writeln!(out, "dissection stopped: {stop}")?;
    } else if !packet.payload.is_empty() {
        write_branch(depth, out)?;
        let bytes = packet.payload.len();
        writeln!(out, "payload [{}..{}] {bytes} bytes", packet.payload.start, packet.payload.end)?;
    }
    if let Some(difference) = packet.difference() {
        writeln!(out, "{difference}")?;
    }
    Ok(())
}

fn write_branch(depth: usize, out: &mut String) -> fmt::Result {
    match depth.checked_sub(1) {
        Some(indent) => write!(out, "{}└─ ", "   ".repeat(indent)),
        None => Ok(()),
    }
}

/// A header's fields by name, in the header's order.
struct Values(Vec<(&'static str, Dynamic)>);

impl Values {
    fn number(&mut self, name: &'static str, value: impl Into<i64>) {
        self.0.push((name, Dynamic::from_int(value.into())));
    }

    fn truth(&mut self, name: &'static str, value: bool) {
        self.0.push((name, value.into()));
    }

    fn text(&mut self, name: &'static str, value: &dyn ToString) {
        self.0.push((name, value.to_string().into()));
    }

    fn ends(&mut self, source: &dyn ToString, destination: &dyn ToString) {
        self.text("source", source);
        self.text("destination", destination);
    }

    fn ports(&mut self, header: &Header) {
        if let Some((source, destination)) = header.ports() {
            self.number("source_port", source);
            self.number("destination_port", destination);
        }
    }

    fn ether_type(&mut self, value: EtherType) {
        let name = value.name().map_or_else(|| value.to_string(), ToOwned::to_owned);
        self.text("ether_type", &name);
    }

    fn protocol(&mut self, name: &'static str, value: IpProtocol) {
        self.text(name, &value);
    }

    fn header(&mut self, header: &Header) {
        self.ports(header);
        match header {
            Header::Ethernet(_) | Header::LinuxCooked(_) | Header::Vlan(_) | Header::Mpls(_) => {
                self.link(header);
            }
            Header::Loopback(_) | Header::Fddi(_) | Header::CiscoHdlc(_) | Header::Llc(_) => {
                self.other_link(header);
            }
            Header::FabricPath(_)
            | Header::CiscoMetadata(_)
            | Header::VnTag(_)
            | Header::BackboneTag(_) => self.tag(header),
            Header::Pppoe(_) | Header::Ppp(_) | Header::Arp(_) => self.link_session(header),
            Header::Gre(_)
            | Header::Erspan(_)
            | Header::Teredo(_)
            | Header::Vxlan(_)
            | Header::Geneve(_)
            | Header::Gtp(_) => self.tunnel(header),
            Header::Tcp(_)
            | Header::Udp(_)
            | Header::Icmpv4(_)
            | Header::Icmpv6(_)
            | Header::Sctp(_) => self.transport(header),
            _ => self.network(header),
        }
    }

    fn link(&mut self, header: &Header) {
        match header {
            Header::Ethernet(ethernet) => {
                self.ends(&mac(&ethernet.source), &mac(&ethernet.destination));
                self.ether_type(ethernet.ether_type);
            }
            Header::LinuxCooked(cooked) => {
                self.number("packet_type", cooked.packet_type);
                self.number("hardware_type", cooked.hardware_type);
                let len = usize::from(cooked.address_len);
                self.text("address", &mac(cooked.address.get(..len).unwrap_or(&cooked.address)));
                self.ether_type(cooked.ether_type);
            }
            Header::Vlan(vlan) => {
                self.number("id", vlan.id);
                self.number("priority", vlan.priority);
                self.truth("drop_eligible", vlan.drop_eligible);
                self.ether_type(vlan.ether_type);
            }
            Header::Mpls(mpls) => {
                self.number("label", mpls.label);
                self.number("traffic_class", mpls.traffic_class);
                self.truth("bottom", mpls.bottom);
                self.number("ttl", mpls.ttl);
            }
            _ => {}
        }
    }

    fn other_link(&mut self, header: &Header) {
        match header {
            Header::Loopback(loopback) => self.number("family", loopback.family),
            Header::Fddi(fddi) => {
                self.number("frame_control", fddi.frame_control);
                self.ends(&mac(&fddi.source), &mac(&fddi.destination));
            }
            Header::CiscoHdlc(hdlc) => {
                self.number("address", hdlc.address);
                self.ether_type(hdlc.ether_type);
            }
            Header::Llc(llc) => {
                self.number("dsap", llc.dsap);
                self.number("ssap", llc.ssap);
                self.number("control", llc.control);
                llc.ether_type.into_iter().for_each(|ether_type| self.ether_type(ether_type));
            }
            _ => {}
        }
    }

    fn tag(&mut self, header: &Header) {
        match header {
            Header::FabricPath(path) => {
                self.number("forwarding_tag", path.forwarding_tag);
                self.number("ttl", path.ttl);
            }
            Header::CiscoMetadata(metadata) => {
                self.number("security_group", metadata.security_group);
                self.ether_type(metadata.ether_type);
            }
            Header::VnTag(tag) => {
                self.number("source", tag.source);
                self.number("destination", tag.destination);
                self.ether_type(tag.ether_type);
            }
            Header::BackboneTag(tag) => self.number("service", tag.service),
            _ => {}
        }
    }

    fn link_session(&mut self, header: &Header) {
        match header {
            Header::Pppoe(pppoe) => {
                self.number("session", pppoe.session);
                self.number("code", pppoe.code);
                self.number("length", pppoe.length);
            }
            Header::Ppp(ppp) => self.number("protocol", ppp.protocol),
            Header::Arp(arp) => {
                self.number("operation", arp.operation);
                self.text("sender_mac", &mac(&arp.sender_mac));
                self.text("sender_ip", &arp.sender_ip);
                self.text("target_mac", &mac(&arp.target_mac));
                self.text("target_ip", &arp.target_ip);
            }
            _ => {}
        }
    }

    fn network(&mut self, header: &Header) {
        match header {
            Header::Ipv4(ip) => {
                self.ends(&ip.source, &ip.destination);
                self.protocol("protocol", ip.protocol);
                self.number("ttl", ip.ttl);
                self.number("tos", ip.tos);
                self.number("identification", ip.identification);
                self.number("total_len", ip.total_len);
                self.truth("dont_fragment", ip.dont_fragment);
                self.truth("more_fragments", ip.more_fragments);
                self.number("fragment_offset", ip.fragment_offset);
            }
            Header::Ipv6(ip) => {
                self.ends(&ip.source, &ip.destination);
                self.protocol("next_header", ip.next_header);
                self.number("hop_limit", ip.hop_limit);
                self.number("traffic_class", ip.traffic_class);
                self.number("flow_label", ip.flow_label);
                self.number("payload_len", ip.payload_len);
            }
            Header::Extension(extension) => self.protocol("next_header", extension.next_header),
            Header::Ipv6Fragment(fragment) => {
                self.protocol("next_header", fragment.next_header);
                self.number("fragment_offset", fragment.fragment_offset);
                self.truth("more_fragments", fragment.more_fragments);
                self.number("identification", fragment.identification);
            }
            _ => {}
        }
    }

    fn transport(&mut self, header: &Header) {
        match header {
            Header::Tcp(tcp) => {
                self.text("flags", &flags(tcp.flags));
                self.number("sequence", tcp.sequence);
                self.number("acknowledgment", tcp.acknowledgment);
                self.number("window", tcp.window);
            }
            Header::Udp(udp) => self.number("length", udp.length),
            Header::Icmpv4(icmp) | Header::Icmpv6(icmp) => {
                self.number("type", icmp.icmp_type);
                self.number("code", icmp.code);
                if let Some(echo) = icmp.echo {
                    self.number("id", echo.id);
                    self.number("sequence", echo.sequence);
                }
            }
            Header::Sctp(sctp) => self.number("verification_tag", sctp.verification_tag),
            _ => {}
        }
    }

    fn tunnel(&mut self, header: &Header) {
        match header {
            Header::Gre(gre) => {
                self.number("version", gre.version);
                self.text("protocol", &gre.protocol);
                gre.key.into_iter().for_each(|key| self.number("key", key));
            }
            Header::Teredo(teredo) => {
                self.truth("authenticated", teredo.authenticated);
                teredo.origin.into_iter().for_each(|origin| self.text("origin", &origin));
            }
            Header::Erspan(erspan) => {
                self.number("type", erspan.erspan_type);
                self.number("vlan", erspan.vlan);
                self.number("session", erspan.session);
            }
            Header::Vxlan(vxlan) => self.number("vni", vxlan.vni),
            Header::Geneve(geneve) => {
                self.number("vni", geneve.vni);
                self.text("protocol", &geneve.protocol);
            }
            Header::Gtp(gtp) => {
                self.number("version", gtp.version);
                self.number("tunnel", gtp.tunnel);
            }
            _ => {}
        }
    }
}

fn mac(bytes: &[u8]) -> String {
    let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.join(":")
}

/// As in Snort's logs, but only the flags that are set: `AP`, `S`.
fn flags(flags: u8) -> String {
    let letters = b"CEUAPRSF".iter().enumerate();
    let set = letters.filter(|(bit, _)| flags & (0x80 >> bit) != 0);
    set.map(|(_, &letter)| char::from(letter)).collect()
}
