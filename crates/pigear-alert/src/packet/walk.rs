use super::header::extension_name;
use super::{Header, IpProtocol, Layer, Stop, StopReason, Vxlan};
use super::{link, network, transport, tunnel};

/// What the bytes after a header are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Ethernet,
    LinuxCooked,
    Vlan,
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
    Tcp,
    Udp,
    Icmpv4,
    Icmpv6,
    Sctp,
    Teredo,
    Vxlan,
    /// No header, or none that is known.
    Payload,
}

impl Next {
    /// What the header will be called, if it can't be read.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ethernet => "Ethernet",
            Self::LinuxCooked => "Linux cooked capture",
            Self::Vlan => "VLAN",
            Self::Mpls => "MPLS",
            Self::Pppoe => "PPPoE",
            Self::Ppp => "PPP",
            Self::Arp => "ARP",
            Self::Ip => "IP",
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
            Self::Extension(kind) => extension_name(kind),
            Self::Ipv6Fragment => "IPv6 fragment header",
            Self::Gre => "GRE",
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Icmpv4 => "ICMP",
            Self::Icmpv6 => "ICMPv6",
            Self::Sctp => "SCTP",
            Self::Teredo => "Teredo",
            Self::Vxlan => "VXLAN",
            Self::Payload => "payload",
        }
    }

    /// Reads the header at the start of `window`, which reaches to where the layer around ends.
    fn read(self, window: &[u8], vxlan: Vxlan) -> Result<Option<Step>, StopReason> {
        match self {
            Self::Ethernet => link::ethernet(window),
            Self::LinuxCooked => link::linux_cooked(window),
            Self::Vlan => link::vlan(window),
            Self::Mpls => link::mpls(window),
            Self::Pppoe => link::pppoe(window),
            Self::Ppp => link::ppp(window),
            Self::Arp => network::arp(window),
            Self::Ip => network::ip(window),
            Self::Ipv4 => network::ipv4(window),
            Self::Ipv6 => network::ipv6(window),
            Self::Extension(kind) => network::extension(kind, window),
            Self::Ipv6Fragment => network::ipv6_fragment(window),
            Self::Gre => tunnel::gre(window),
            Self::Tcp => transport::tcp(window),
            Self::Udp => transport::udp(window, vxlan),
            Self::Icmpv4 => transport::icmpv4(window),
            Self::Icmpv6 => transport::icmpv6(window),
            Self::Sctp => transport::sctp(window),
            Self::Teredo => Ok(tunnel::teredo(window)),
            Self::Vxlan => tunnel::vxlan(window),
            Self::Payload => return Ok(None),
        }
        .map(Some)
    }
}

/// A header that was read, and what it says about the bytes after it.
#[derive(Debug)]
pub(super) struct Step {
    header: Header,
    len: usize,
    extent: Option<usize>,
    next: Next,
    broken: Option<StopReason>,
}

impl Step {
    /// A header of `len` bytes, which must be there.
    pub(super) fn new(header: Header, len: usize, next: Next) -> Self {
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
}

/// Goes from header to header.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
    next: Next,
    stop: Option<Stop>,
    vxlan: Vxlan,
}

impl<'a> Walk<'a> {
    pub(super) fn new(bytes: &'a [u8], first: Next, vxlan: Vxlan) -> Self {
        Self { bytes, at: 0, end: bytes.len(), next: first, stop: None, vxlan }
    }

    /// The next layer, or `None` when what is left is payload.
    pub(super) fn layer(&mut self) -> Result<Option<Layer>, Stop> {
        if let Some(stop) = self.stop {
            return Err(stop);
        }
        let window = self.bytes.get(self.at..self.end).unwrap_or_default();
        match self.next.read(window, self.vxlan) {
            Ok(step) => Ok(step.map(|step| self.pass(step))),
            Err(reason) => Err(self.stop_here(self.next.name(), reason)),
        }
    }

    /// The bytes that no header has claimed yet.
    pub(super) fn rest(&self) -> std::ops::Range<usize> {
        self.at..self.end
    }

    /// Says why the walk doesn't go on, and with what it would have.
    pub(super) fn stop_before_next(&self, reason: StopReason) -> Option<Stop> {
        (self.next != Next::Payload).then(|| self.stop_here(self.next.name(), reason))
    }

    fn pass(&mut self, step: Step) -> Layer {
        self.stop = step.broken.map(|reason| self.stop_here(step.header.name(), reason));
        let start = self.at;
        if let Some(extent) = step.extent {
            self.end = self.end.min(start + extent);
        }
        self.at = self.end.min(start + step.len);
        self.next = step.next;
        Layer { header: step.header, range: start..self.at }
    }

    fn stop_here(&self, layer: &'static str, reason: StopReason) -> Stop {
        Stop { offset: self.at, layer, reason }
    }
}

/// The first `N` bytes.
pub(super) fn fixed<const N: usize>(window: &[u8]) -> Result<&[u8; N], StopReason> {
    let truncated = StopReason::Truncated { needed: N, actual: window.len() };
    window.first_chunk().ok_or(truncated)
}
