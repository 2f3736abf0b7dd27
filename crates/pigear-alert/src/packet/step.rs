use super::{IpProtocol, StopReason};

/// What the bytes after a header are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Ethernet,
    LinuxCooked,
    Loopback,
    Fddi,
    CiscoHdlc,
    Llc,
    Vlan,
    FabricPath,
    CiscoMetadata,
    VnTag,
    BackboneTag,
    Mpls,
    Pppoe,
    Ppp,
    Arp,
    /// IPv4 or IPv6, as the version says.
    Ip,
    Ipv4,
    Ipv6,
    Extension(IpProtocol),
    Ipv6Fragment,
    Gre,
    /// With the version that is expected.
    Erspan(u8),
    Tcp,
    Udp,
    Icmpv4,
    Icmpv6,
    Sctp,
    Teredo,
    Vxlan,
    Geneve,
    Gtp,
    /// No header, or none that is known.
    Payload,
}

impl Next {
    /// Whether an IP header follows.
    pub(super) fn is_ip(self) -> bool {
        matches!(self, Self::Ip | Self::Ipv4 | Self::Ipv6)
    }

    /// What the header will be called, if it can't be read.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ethernet => "Ethernet",
            Self::LinuxCooked => "Linux cooked capture",
            Self::Loopback => "loopback",
            Self::Fddi => "FDDI",
            Self::CiscoHdlc => "Cisco HDLC",
            Self::Llc => "LLC",
            Self::Vlan => "VLAN",
            Self::FabricPath => "FabricPath",
            Self::CiscoMetadata => "Cisco metadata",
            Self::VnTag => "VN-Tag",
            Self::BackboneTag => "PBB",
            Self::Mpls => "MPLS",
            Self::Pppoe => "PPPoE",
            Self::Ppp => "PPP",
            Self::Arp => "ARP",
            Self::Ip => "IP",
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
            Self::Extension(kind) => kind.extension_name(),
            Self::Ipv6Fragment => "IPv6 fragment header",
            Self::Gre => "GRE",
            Self::Erspan(_) => "ERSPAN",
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Icmpv4 => "ICMP",
            Self::Icmpv6 => "ICMPv6",
            Self::Sctp => "SCTP",
            Self::Teredo => "Teredo",
            Self::Vxlan => "VXLAN",
            Self::Geneve => "Geneve",
            Self::Gtp => "GTP",
            Self::Payload => "payload",
        }
    }
}

/// A header that was read, and what it says about the bytes after it.
#[derive(Debug)]
pub(super) struct Step<H> {
    pub(super) header: H,
    pub(super) len: usize,
    pub(super) extent: Option<usize>,
    pub(super) next: Next,
    /// Why the walk ends behind this header.
    pub(super) broken: Option<StopReason>,
}

impl<H> Step<H> {
    /// A header of `len` bytes, which must be there.
    pub(super) fn new(header: H, len: usize, next: Next) -> Self {
        Self { header, len, extent: None, next, broken: None }
    }

    /// Corrects the length to what the header states; if it can't be so, the walk ends behind what
    /// there is of the header.
    pub(super) fn stated_len(mut self, stated: usize, window: &[u8]) -> Self {
        let (least, actual) = (self.len, window.len());
        if stated < least {
            self.broken = Some(StopReason::HeaderTooShort { stated, least });
        } else if stated > actual {
            self.broken = Some(StopReason::HeaderCut { stated, actual });
        }
        self.len = stated.max(least).min(actual);
        self
    }

    /// How many bytes the header claims for itself and what it carries. A claim that leaves out
    /// part of the header isn't believed; one beyond what is there changes nothing.
    pub(super) fn extent(mut self, stated: usize) -> Self {
        self.extent = (stated >= self.len).then_some(stated);
        self
    }

    /// The same with the header as one of all that there are.
    pub(super) fn map<T>(self, into: impl FnOnce(H) -> T) -> Step<T> {
        let Self { header, len, extent, next, broken } = self;
        Step { header: into(header), len, extent, next, broken }
    }
}

/// The first `N` bytes.
pub(super) fn fixed<const N: usize>(window: &[u8]) -> Result<&[u8; N], StopReason> {
    let truncated = StopReason::Truncated { needed: N, actual: window.len() };
    window.first_chunk().ok_or(truncated)
}
