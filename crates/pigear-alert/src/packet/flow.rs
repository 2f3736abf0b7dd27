use std::net::IpAddr;

use super::{Header, IpProtocol, Layer, SnortVersion};

/// Addresses, protocol and ports: what an alert is about.
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

/// Who states an alert's [`Flow`]. The first one that does decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FlowSource {
    /// Snort's log.
    Log,
    /// The IP header that Snort's datagram names (`nethdr`).
    Datagram,
    /// The dissection of the packet.
    Dissection,
}

impl Flow {
    /// The flow of the IP header at the start of `layers`, as Snort logs it.
    pub(super) fn of(layers: &[Layer], snort: SnortVersion) -> Option<Self> {
        let (source, destination) = addresses(&layers.first()?.header)?;
        let protocol = protocol(layers, snort)?;
        let ports = layers.iter().find_map(|layer| layer.header.ports());
        let ports = ports.filter(|_| protocol.has_ports());
        Some(Self { source, destination, protocol, ports })
    }

    /// Whether an IP header has these addresses.
    pub(super) fn has_ends_of(&self, ip: &Header) -> bool {
        addresses(ip) == Some((self.source, self.destination))
    }
}

/// The number after IPv6's extension headers. Snort 2 calls an IPv4 packet with an authentication
/// header by that; Snort 3, by what follows it.
fn protocol(layers: &[Layer], snort: SnortVersion) -> Option<IpProtocol> {
    match (&layers.first()?.header, snort) {
        (Header::Ipv4(ip), SnortVersion::V2) => Some(ip.protocol),
        _ => protocols(layers).last(),
    }
}

/// What the IP header at the start of `layers`, and each of its extensions, says that it carries.
pub(super) fn protocols(layers: &[Layer]) -> impl Iterator<Item = IpProtocol> {
    layers.iter().map_while(|layer| match &layer.header {
        Header::Ipv4(ip) => Some(ip.protocol),
        Header::Ipv6(ip) => Some(ip.next_header),
        Header::Extension(extension) => Some(extension.next_header),
        Header::Ipv6Fragment(fragment) => Some(fragment.next_header),
        _ => None,
    })
}

/// The protocol that counts. Snort 2 logs the packet of a port scan, which it makes up, with the protocol
/// that was scanned; Snort 3 logs 255 where it set none.
pub(super) fn logged_protocol(found: IpProtocol, logged: IpProtocol) -> IpProtocol {
    if [found, logged].contains(&IpProtocol::RESERVED) { found } else { logged }
}

/// Whether the IP packet at the start of `layers` is a part of a bigger one.
pub(super) fn is_fragment(layers: &[Layer]) -> bool {
    layers.iter().any(|layer| match &layer.header {
        Header::Ipv4(ip) => ip.is_fragment(),
        Header::Ipv6Fragment(fragment) => fragment.is_fragment(),
        _ => false,
    })
}

fn addresses(ip: &Header) -> Option<(IpAddr, IpAddr)> {
    match ip {
        Header::Ipv4(ip) => Some((ip.source.into(), ip.destination.into())),
        Header::Ipv6(ip) => Some((ip.source.into(), ip.destination.into())),
        _ => None,
    }
}
