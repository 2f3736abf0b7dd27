use super::step::{Next, Step};
use super::{EtherType, Header, Layer, SnortVersion, Stated, Stop, StopReason, Udp};
use super::{frame, link, network, tag, transport, tunnel, udp_tunnel};

/// The most headers of one packet that are parsed.
///
/// Real packets have far fewer. It is more than the 40 at which Snort 3 stops by default, so that tunnels
/// can't hide from Pigear what Snort saw.
pub const MAX_LAYERS: usize = 64;

/// The most IP headers that Snort 2 follows.
const MAX_IP_HEADERS: usize = 2;

/// How far headers are believed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    snort: SnortVersion,
    /// Where Snort found the innermost IP header.
    innermost: Option<usize>,
    /// Where the last header that Snort read ends, if that is known.
    data: Option<usize>,
    /// Snort's log tells which IP header counts: all are read.
    all: bool,
}

impl Limits {
    /// As far as this Snort goes by default.
    pub(super) fn of(snort: SnortVersion) -> Self {
        Self { snort, innermost: None, data: None, all: false }
    }

    /// As far as this Snort went with this packet. Where Snort 3 ended tells `data`; in Snort 2, that
    /// may also be where an outer packet's payload begins.
    pub(super) fn stated(snort: SnortVersion, stated: &Stated) -> Self {
        let data = stated.data.filter(|_| snort == SnortVersion::V3);
        Self { snort, innermost: stated.ip, data, all: stated.flow.is_some() }
    }

    /// As far as an IP header that is known to be the innermost.
    pub(super) fn up_to(snort: SnortVersion, innermost: usize) -> Self {
        Self { innermost: Some(innermost), ..Self::of(snort) }
    }

    /// Whether Snort found an IP header at `at` or behind.
    fn has_ip_at_or_after(&self, at: usize) -> bool {
        match self.innermost {
            Some(innermost) => at <= innermost,
            None => self.all,
        }
    }

    /// Which tunnels in UDP are entered at `at`.
    fn tunnels(&self, at: usize) -> SnortVersion {
        if self.has_ip_at_or_after(at) { SnortVersion::V3 } else { self.snort }
    }

    /// Whether an IP header at `at` is one too many, with `outer` before it.
    fn refusal(&self, at: usize, outer: usize) -> Option<StopReason> {
        if outer == 0 || self.has_ip_at_or_after(at) {
            None
        } else if self.snort == SnortVersion::V2 && outer >= MAX_IP_HEADERS {
            Some(StopReason::TooManyIpHeaders { limit: MAX_IP_HEADERS })
        } else {
            let is_past = self.innermost.is_some() || self.data.is_some_and(|data| at >= data);
            is_past.then_some(StopReason::NotReadBySnort)
        }
    }

    /// What follows a header by its own account, as far as Snort goes there. `at` is where it ends.
    fn after(&self, header: &Header, next: Next, at: usize, is_tunnelled: bool) -> Next {
        let is_known = match (header, self.snort) {
            _ if self.has_ip_at_or_after(at) => true,
            (Header::VnTag(_) | Header::BackboneTag(_), _) | (Header::Llc(_), SnortVersion::V2) => {
                false
            }
            (Header::Ethernet(ethernet), SnortVersion::V2) if is_tunnelled => matches!(
                ethernet.ether_type,
                EtherType::IPV4 | EtherType::IPV6 | EtherType::ARP | EtherType::VLAN
            ),
            _ => true,
        };
        if is_known { next } else { Next::Payload }
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
    limits: Limits,
    ip_headers: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(bytes: &'a [u8], first: Next, limits: Limits) -> Self {
        Self::from(bytes, 0, first, limits)
    }

    /// Begins at an offset.
    pub(super) fn from(bytes: &'a [u8], at: usize, first: Next, limits: Limits) -> Self {
        Self { bytes, at, end: bytes.len(), next: first, stop: None, limits, ip_headers: 0 }
    }

    /// The next layer, or `None` when what is left is payload.
    pub(super) fn layer(&mut self) -> Result<Option<Layer>, Stop> {
        if let Some(stop) = self.stop {
            return Err(stop);
        }
        let window = self.bytes.get(self.at..self.end).unwrap_or_default();
        let refusal = self.next.is_ip().then(|| self.limits.refusal(self.at, self.ip_headers));
        let read = match refusal.flatten() {
            Some(refusal) => Err(refusal),
            None => read(self.next, window, self.limits.tunnels(self.at)),
        };
        match read {
            Ok(step) => Ok(step.map(|step| self.pass(step))),
            Err(reason) => Err(self.stop_here(self.next.name(), reason)),
        }
    }

    /// Whether an IP header isn't read only because Snort names one before it.
    pub(super) fn is_overruled(&self) -> bool {
        let refusal = self.next.is_ip().then(|| self.limits.refusal(self.at, self.ip_headers));
        self.limits.innermost.is_some()
            && self.bytes.get(self.at..self.end).is_some_and(|window| !window.is_empty())
            && refusal.flatten() == Some(StopReason::NotReadBySnort)
    }

    /// The bytes that no header has claimed yet.
    pub(super) fn rest(&self) -> std::ops::Range<usize> {
        self.at..self.end
    }

    /// Says why the walk doesn't go on, and with what it would have.
    pub(super) fn stop_before_next(&self, reason: StopReason) -> Option<Stop> {
        (self.next != Next::Payload).then(|| self.stop_here(self.next.name(), reason))
    }

    fn pass(&mut self, step: Step<Header>) -> Layer {
        self.stop = step.broken.map(|reason| self.stop_here(step.header.name(), reason));
        let start = self.at;
        if let Some(extent) = step.extent {
            self.end = self.end.min(start + extent);
        }
        self.at = self.end.min(start + step.len);
        self.next = self.limits.after(&step.header, step.next, self.at, self.ip_headers > 0);
        self.ip_headers += usize::from(step.header.is_ip());
        Layer { header: step.header, range: start..self.at }
    }

    fn stop_here(&self, layer: &'static str, reason: StopReason) -> Stop {
        Stop { offset: self.at, layer, reason }
    }
}

/// Reads the header at the start of `window`, which reaches to where the layer around ends.
fn read(
    next: Next,
    window: &[u8],
    tunnels: SnortVersion,
) -> Result<Option<Step<Header>>, StopReason> {
    let step = match next {
        Next::Ethernet => link::ethernet(window)?.map(Header::Ethernet),
        Next::LinuxCooked => link::linux_cooked(window)?.map(Header::LinuxCooked),
        Next::Loopback => frame::loopback(window)?.map(Header::Loopback),
        Next::Fddi => frame::fddi(window)?.map(Header::Fddi),
        Next::CiscoHdlc => frame::cisco_hdlc(window)?.map(Header::CiscoHdlc),
        Next::Llc => tag::llc(window)?.map(Header::Llc),
        Next::Vlan => link::vlan(window)?.map(Header::Vlan),
        Next::FabricPath => tag::fabric_path(window)?.map(Header::FabricPath),
        Next::CiscoMetadata => tag::cisco_metadata(window)?.map(Header::CiscoMetadata),
        Next::VnTag => tag::vn_tag(window)?.map(Header::VnTag),
        Next::BackboneTag => tag::backbone_tag(window)?.map(Header::BackboneTag),
        Next::Mpls => link::mpls(window)?.map(Header::Mpls),
        Next::Pppoe => link::pppoe(window)?.map(Header::Pppoe),
        Next::Ppp => link::ppp(window)?.map(Header::Ppp),
        Next::Arp => network::arp(window)?.map(Header::Arp),
        Next::Ip => return read(network::version(window)?, window, tunnels),
        Next::Ipv4 => network::ipv4(window)?.map(Header::Ipv4),
        Next::Ipv6 => network::ipv6(window)?.map(Header::Ipv6),
        Next::Extension(kind) => network::extension(kind, window)?.map(Header::Extension),
        Next::Ipv6Fragment => network::ipv6_fragment(window)?.map(Header::Ipv6Fragment),
        Next::Gre => tunnel::gre(window)?.map(Header::Gre),
        Next::Erspan(version) => tunnel::erspan(version, window)?.map(Header::Erspan),
        Next::Tcp => transport::tcp(window)?.map(Header::Tcp),
        Next::Udp => udp(window, tunnels)?.map(Header::Udp),
        Next::Icmpv4 => transport::icmpv4(window)?.map(Header::Icmpv4),
        Next::Icmpv6 => transport::icmpv6(window)?.map(Header::Icmpv6),
        Next::Sctp => transport::sctp(window)?.map(Header::Sctp),
        Next::Teredo => udp_tunnel::teredo(window).map(Header::Teredo),
        Next::Vxlan => udp_tunnel::vxlan(window)?.map(Header::Vxlan),
        Next::Geneve => udp_tunnel::geneve(window)?.map(Header::Geneve),
        Next::Gtp => udp_tunnel::gtp(window)?.map(Header::Gtp),
        Next::Payload => return Ok(None),
    };
    Ok(Some(step))
}

/// Reads a UDP header, and tells from it whether a tunnel follows.
fn udp(window: &[u8], tunnels: SnortVersion) -> Result<Step<Udp>, StopReason> {
    let mut step = transport::udp(window)?;
    let payload = window.get(step.len..).unwrap_or_default();
    step.next = udp_tunnel::in_udp(&step.header, payload, tunnels);
    Ok(step)
}
