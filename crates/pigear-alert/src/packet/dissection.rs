use std::net::IpAddr;
use std::ops::Range;

use super::{Ethernet, Header, IpProtocol, Ipv6Fragment, LinkType, Stop};

/// One header of a packet and its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The header's fields.
    pub header: Header,
    /// The header's bytes, options included.
    pub range: Range<usize>,
}

/// A dissected packet.
///
/// Addresses, ports and protocol are those of the *innermost* IP header, as in Snort's own logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dissection {
    /// The link type: as given, or as detected.
    pub link_type: Option<LinkType>,
    /// The headers, outermost first.
    pub layers: Vec<Layer>,
    /// The bytes after the last header, without the link's padding where a length field shows that
    /// there is some.
    pub payload: Range<usize>,
    /// Where and why it ended early; `None` if all headers were parsed.
    pub stopped: Option<Stop>,
    /// Addresses and ports from another source, of a packet without an IP header.
    pub flow: Option<Flow>,
}

/// Addresses, ports and protocol from another source than a packet's headers: Snort's own log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// The sender's address.
    pub source: IpAddr,
    /// The receiver's address.
    pub destination: IpAddr,
    /// What the IP packet carries.
    pub protocol: IpProtocol,
    /// The sender's port, and the receiver's.
    pub ports: Option<(u16, u16)>,
}

impl Dissection {
    /// The sender's address.
    #[must_use]
    pub fn src_ip(&self) -> Option<IpAddr> {
        Some(self.addresses()?.0)
    }

    /// The receiver's address.
    #[must_use]
    pub fn dst_ip(&self) -> Option<IpAddr> {
        Some(self.addresses()?.1)
    }

    /// The sender's port, of TCP, UDP or SCTP. A fragment has none, not even the first.
    #[must_use]
    pub fn src_port(&self) -> Option<u16> {
        Some(self.ports()?.0)
    }

    /// The receiver's port, of TCP, UDP or SCTP. A fragment has none, not even the first.
    #[must_use]
    pub fn dst_port(&self) -> Option<u16> {
        Some(self.ports()?.1)
    }

    /// What the innermost IP packet carries: the number after IPv6's extension headers, also where
    /// the packet is a fragment, is cut, or carries what isn't dissected.
    #[must_use]
    pub fn protocol(&self) -> Option<IpProtocol> {
        let Some(innermost) = self.innermost_ip() else { return Some(self.flow?.protocol) };
        innermost.iter().map_while(|layer| next_header(&layer.header)).last()
    }

    /// The numbers of the VLANs, outermost first.
    pub fn vlans(&self) -> impl Iterator<Item = u16> + '_ {
        self.layers.iter().filter_map(|layer| match &layer.header {
            Header::Vlan(vlan) => Some(vlan.id),
            _ => None,
        })
    }

    /// The outermost Ethernet header.
    #[must_use]
    pub fn ethernet(&self) -> Option<&Ethernet> {
        self.layers.iter().find_map(|layer| match &layer.header {
            Header::Ethernet(ethernet) => Some(ethernet),
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
        self.innermost_ip().into_iter().flatten().any(|layer| match &layer.header {
            Header::Ipv4(ip) => ip.is_fragment(),
            Header::Ipv6Fragment(fragment) => fragment.is_fragment(),
            _ => false,
        })
    }

    fn addresses(&self) -> Option<(IpAddr, IpAddr)> {
        match self.ip() {
            Some(ip) => addresses(ip),
            None => self.flow.map(|flow| (flow.source, flow.destination)),
        }
    }

    fn ports(&self) -> Option<(u16, u16)> {
        match self.ip() {
            Some(_) => self.transport()?.ports(),
            None => self.flow?.ports,
        }
    }

    /// The innermost IP header and what follows it.
    pub(crate) fn innermost_ip(&self) -> Option<&[Layer]> {
        let start = self.layers.iter().rposition(|layer| layer.header.is_ip())?;
        self.layers.get(start..)
    }
}

fn addresses(ip: &Header) -> Option<(IpAddr, IpAddr)> {
    match ip {
        Header::Ipv4(ip) => Some((ip.source.into(), ip.destination.into())),
        Header::Ipv6(ip) => Some((ip.source.into(), ip.destination.into())),
        _ => None,
    }
}

/// What an IP header, or an extension of one, says about what it carries.
fn next_header(header: &Header) -> Option<IpProtocol> {
    match header {
        Header::Ipv4(ip) => Some(ip.protocol),
        Header::Ipv6(ip) => Some(ip.next_header),
        Header::Extension(extension) => Some(extension.next_header),
        Header::Ipv6Fragment(fragment) => Some(fragment.next_header),
        _ => None,
    }
}

fn is_transport(header: &Header) -> bool {
    matches!(header, Header::Icmpv4(_) | Header::Icmpv6(_)) || header.ports().is_some()
}
