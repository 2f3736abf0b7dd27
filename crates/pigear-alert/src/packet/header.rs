use super::{
    Arp, BackboneTag, CiscoHdlc, CiscoMetadata, Erspan, Ethernet, Extension, FabricPath, Fddi,
    Geneve, Gre, Gtp, Icmp, Ipv4, Ipv6, Ipv6Fragment, LinuxCooked, Llc, Loopback, Mpls, Ppp, Pppoe,
    Sctp, Tcp, Teredo, Udp, Vlan, VnTag, Vxlan,
};

/// One header of a packet, its fields as numbers.
///
/// Options and other parts of varying length are left where they are: the layer's range says where.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Header {
    /// An Ethernet frame's header.
    Ethernet(Ethernet),
    /// What stands for the link's header in a cooked capture.
    LinuxCooked(LinuxCooked),
    /// What stands for the link's header on BSD's loopback interface.
    Loopback(Loopback),
    /// An FDDI frame's header.
    Fddi(Fddi),
    /// A Cisco HDLC frame's header.
    CiscoHdlc(CiscoHdlc),
    /// A logical link control header, with SNAP where that follows.
    Llc(Llc),
    /// A VLAN tag.
    Vlan(Vlan),
    /// What makes an Ethernet header one of Cisco `FabricPath`.
    FabricPath(FabricPath),
    /// Cisco metadata.
    CiscoMetadata(CiscoMetadata),
    /// A VN-Tag.
    VnTag(VnTag),
    /// A provider backbone bridge's service tag.
    BackboneTag(BackboneTag),
    /// One label of an MPLS stack.
    Mpls(Mpls),
    /// A PPPoE session's header.
    Pppoe(Pppoe),
    /// PPP's protocol field, inside PPPoE or GRE.
    Ppp(Ppp),
    /// An ARP request or reply.
    Arp(Arp),
    /// An IPv4 header.
    Ipv4(Ipv4),
    /// An IPv6 header.
    Ipv6(Ipv6),
    /// An extension header of IPv6 that isn't the fragment header; or IPv4's authentication header.
    Extension(Extension),
    /// IPv6's fragment header.
    Ipv6Fragment(Ipv6Fragment),
    /// A GRE header.
    Gre(Gre),
    /// An ERSPAN header, of type II or III.
    Erspan(Erspan),
    /// A TCP header.
    Tcp(Tcp),
    /// A UDP header.
    Udp(Udp),
    /// An ICMP header.
    Icmpv4(Icmp),
    /// An `ICMPv6` header.
    Icmpv6(Icmp),
    /// SCTP's common header.
    Sctp(Sctp),
    /// Teredo's indications, if any: its range may be empty.
    Teredo(Teredo),
    /// A VXLAN header.
    Vxlan(Vxlan),
    /// A Geneve header.
    Geneve(Geneve),
    /// The header of a GTP tunnel's packet.
    Gtp(Gtp),
}

impl Header {
    /// What the header is called, for a list of layers.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ethernet(_) => "Ethernet",
            Self::LinuxCooked(_) => "Linux cooked capture",
            Self::Loopback(_) => "loopback",
            Self::Fddi(_) => "FDDI",
            Self::CiscoHdlc(_) => "Cisco HDLC",
            Self::Llc(_) => "LLC",
            Self::Vlan(_) => "VLAN",
            Self::FabricPath(_) => "FabricPath",
            Self::CiscoMetadata(_) => "Cisco metadata",
            Self::VnTag(_) => "VN-Tag",
            Self::BackboneTag(_) => "PBB",
            Self::Mpls(_) => "MPLS",
            Self::Pppoe(_) => "PPPoE",
            Self::Ppp(_) => "PPP",
            Self::Arp(_) => "ARP",
            Self::Ipv4(_) => "IPv4",
            Self::Ipv6(_) => "IPv6",
            Self::Extension(extension) => extension.kind.extension_name(),
            Self::Ipv6Fragment(_) => "IPv6 fragment header",
            Self::Gre(_) => "GRE",
            Self::Erspan(_) => "ERSPAN",
            Self::Tcp(_) => "TCP",
            Self::Udp(_) => "UDP",
            Self::Icmpv4(_) => "ICMP",
            Self::Icmpv6(_) => "ICMPv6",
            Self::Sctp(_) => "SCTP",
            Self::Teredo(_) => "Teredo",
            Self::Vxlan(_) => "VXLAN",
            Self::Geneve(_) => "Geneve",
            Self::Gtp(_) => "GTP",
        }
    }

    pub(super) fn is_ip(&self) -> bool {
        matches!(self, Self::Ipv4(_) | Self::Ipv6(_))
    }

    /// The ports of TCP, UDP or SCTP, source first.
    #[must_use]
    pub fn ports(&self) -> Option<(u16, u16)> {
        match self {
            Self::Tcp(tcp) => Some((tcp.source_port, tcp.destination_port)),
            Self::Udp(udp) => Some((udp.source_port, udp.destination_port)),
            Self::Sctp(sctp) => Some((sctp.source_port, sctp.destination_port)),
            _ => None,
        }
    }
}
