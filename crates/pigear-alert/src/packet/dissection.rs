use std::net::IpAddr;
use std::ops::Range;

use super::headers::Headers;
use super::{
    EtherType, Ethernet, Flow, FlowSource, Header, IpProtocol, Ipv6Fragment, Layer, SnortVersion,
};
use super::{LinkType, Stated, Stop, flow};

/// A dissected packet.
///
/// Addresses, ports and protocol are those that Snort means: where it states them, in its log or by
/// naming the IP header, that is believed; else they are those of the innermost IP header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dissection {
    /// The link type: as given, or as detected.
    pub link_type: Option<LinkType>,
    /// The headers, outermost first. Bytes between two of them are unknown: Snort states that an IP
    /// header follows these.
    pub layers: Vec<Layer>,
    /// The bytes after the last header, without the link's padding where a length field shows that
    /// there is some.
    pub payload: Range<usize>,
    /// Where and why it ended early; `None` if all headers were parsed.
    pub stopped: Option<Stop>,
    /// Addresses, protocol and ports.
    pub flow: Option<Flow>,
    /// Who states them.
    pub flow_source: Option<FlowSource>,
    /// Snort's statement isn't what the packet's headers look like.
    pub differs: bool,
    /// What in it isn't.
    difference: Option<Difference>,
    /// The VLAN in Snort's log, if the packet doesn't have it.
    vlan: Option<u16>,
    /// The layer whose IP header has the flow's addresses.
    ip: Option<usize>,
}

impl Dissection {
    pub(super) fn new(
        link_type: Option<LinkType>,
        headers: Headers,
        snort: SnortVersion,
        stated: &Stated,
    ) -> Self {
        let Headers { layers, payload, stopped, differ } = headers;
        let decision = Decision::new(&layers, snort, stated);
        let has_vlan = |vlan: &u16| vlans(&layers).any(|found| found == *vlan);
        let vlan = stated.vlan.filter(|vlan| !has_vlan(vlan));
        let difference = match decision.difference {
            None | Some(Difference::Ports) if differ => Some(Difference::Addresses),
            None if vlan.is_some() && vlans(&layers).next().is_some() => Some(Difference::Vlan),
            difference => difference,
        };
        Self {
            differs: difference.is_some(),
            difference,
            flow: decision.flow,
            flow_source: decision.source,
            ip: decision.ip,
            vlan,
            link_type,
            layers,
            payload,
            stopped,
        }
    }

    /// How Snort's statement and the packet's headers differ, if they do, as a sentence.
    #[must_use]
    pub fn difference(&self) -> Option<&'static str> {
        Some(match (self.difference?, self.flow_source) {
            (Difference::Vlan, _) => "The VLAN is from Snort's log; the packet has another one",
            (Difference::Ports, _) => {
                "Protocol and ports are from Snort's log; the packet's headers differ"
            }
            (Difference::Addresses, Some(FlowSource::Log)) => {
                "Addresses are from Snort's log; the packet's headers differ"
            }
            (Difference::Addresses, _) => {
                "Addresses are from the IP header that Snort names; the packet has another one"
            }
        })
    }

    /// The sender's address.
    #[must_use]
    pub fn src_ip(&self) -> Option<IpAddr> {
        Some(self.flow?.source)
    }

    /// The receiver's address.
    #[must_use]
    pub fn dst_ip(&self) -> Option<IpAddr> {
        Some(self.flow?.destination)
    }

    /// The sender's port, of TCP, UDP or SCTP. A fragment has none, not even the first.
    #[must_use]
    pub fn src_port(&self) -> Option<u16> {
        Some(self.flow?.ports?.0)
    }

    /// The receiver's port, of TCP, UDP or SCTP. A fragment has none, not even the first.
    #[must_use]
    pub fn dst_port(&self) -> Option<u16> {
        Some(self.flow?.ports?.1)
    }

    /// What the IP packet carries: the number after IPv6's extension headers, also where the packet is
    /// a fragment, is cut, or carries what isn't dissected.
    #[must_use]
    pub fn protocol(&self) -> Option<IpProtocol> {
        Some(self.flow?.protocol)
    }

    /// The numbers of the VLANs, outermost first: the packet's, or the one in Snort's log.
    pub fn vlans(&self) -> impl Iterator<Item = u16> + '_ {
        let own = vlans(&self.layers).filter(|_| self.vlan.is_none());
        self.vlan.into_iter().chain(own)
    }

    /// The outermost Ethernet header, of the frame in a `FabricPath` frame.
    #[must_use]
    pub fn ethernet(&self) -> Option<&Ethernet> {
        self.layers.iter().find_map(|layer| match &layer.header {
            Header::Ethernet(ethernet) if ethernet.ether_type != EtherType::FABRIC_PATH => {
                Some(ethernet)
            }
            _ => None,
        })
    }

    /// 4 or 6, of the innermost IP header.
    #[must_use]
    pub fn ip_version(&self) -> Option<u8> {
        Some(if self.src_ip()?.is_ipv4() { 4 } else { 6 })
    }

    /// The fragment header that belongs to the innermost IP header, if that is one of IPv6.
    #[must_use]
    pub fn ipv6_fragment(&self) -> Option<&Ipv6Fragment> {
        self.innermost_ip()?.iter().find_map(|layer| match &layer.header {
            Header::Ipv6Fragment(fragment) => Some(fragment),
            _ => None,
        })
    }

    /// The innermost IP header: [`Header::Ipv4`] or [`Header::Ipv6`].
    #[must_use]
    pub fn ip(&self) -> Option<&Header> {
        Some(&self.innermost_ip()?.first()?.header)
    }

    /// The header of TCP, UDP, SCTP, ICMP or `ICMPv6` that belongs to the innermost IP header.
    #[must_use]
    pub fn transport(&self) -> Option<&Header> {
        let after_ip = self.innermost_ip()?.get(1..)?;
        after_ip.iter().map(|layer| &layer.header).find(|header| is_transport(header))
    }

    /// Whether the innermost IP packet is a part of a bigger one.
    #[must_use]
    pub fn is_fragment(&self) -> bool {
        self.innermost_ip().is_some_and(flow::is_fragment)
    }

    /// The IP header that has the addresses, and what follows it.
    pub(crate) fn innermost_ip(&self) -> Option<&[Layer]> {
        self.layers.get(self.ip?..)
    }
}

fn vlans(layers: &[Layer]) -> impl Iterator<Item = u16> + '_ {
    layers.iter().filter_map(|layer| match &layer.header {
        Header::Vlan(vlan) => Some(vlan.id),
        _ => None,
    })
}

/// What Snort states differently, the most important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Difference {
    Addresses,
    /// The protocol or the ports, and not the addresses.
    Ports,
    /// The VLAN, and nothing else.
    Vlan,
}

/// Which addresses, protocol and ports count.
struct Decision {
    flow: Option<Flow>,
    source: Option<FlowSource>,
    ip: Option<usize>,
    difference: Option<Difference>,
}

impl Decision {
    /// Snort's log decides before its datagram, and that before the dissection.
    fn new(layers: &[Layer], snort: SnortVersion, stated: &Stated) -> Self {
        let ip = layers.iter().rposition(|layer| layer.header.is_ip());
        let innermost = ip.and_then(|ip| layers.get(ip..)).unwrap_or_default();
        let found = Flow::of(innermost, snort);
        let source = match (found, stated.ip) {
            (None, _) => None,
            (Some(_), Some(_)) => Some(FlowSource::Datagram),
            (Some(_), None) => Some(FlowSource::Dissection),
        };
        let packet = Self { flow: found, source, ip, difference: None };
        match stated.flow {
            Some(logged) => packet.overruled(logged, innermost),
            None => packet,
        }
    }

    /// The same, with what Snort's log states.
    fn overruled(self, logged: Flow, innermost: &[Layer]) -> Self {
        let source = Some(FlowSource::Log);
        let Some(found) = self.flow else { return Self { flow: Some(logged), source, ..self } };
        if !innermost.first().is_some_and(|ip| logged.has_ends_of(&ip.header)) {
            let difference = Some(Difference::Addresses);
            return Self { flow: Some(logged), source, ip: None, difference };
        }
        let protocol = flow::logged_protocol(found.protocol, logged.protocol);
        // Snort's log has ports of some fragments, and none where Snort didn't read them.
        let ports = if flow::is_fragment(innermost) { None } else { logged.ports.or(found.ports) };
        let is_known =
            protocol == found.protocol || flow::protocols(innermost).any(|known| known == protocol);
        let ports = ports.filter(|_| protocol.has_ports() || logged.ports.is_some());
        let has_other_ports = found.ports.is_some() && ports != found.ports;
        let flow = Some(Flow { protocol, ports, ..logged });
        let difference = (!is_known || has_other_ports).then_some(Difference::Ports);
        Self { flow, source, difference, ..self }
    }
}

fn is_transport(header: &Header) -> bool {
    matches!(header, Header::Icmpv4(_) | Header::Icmpv6(_)) || header.ports().is_some()
}
