use super::step::{Next, Step};
use super::{Header, Layer, Stop, StopReason, Udp, Vxlan};
use super::{link, network, transport, tunnel};

/// The most headers of one packet that are parsed.
///
/// Real packets have far fewer. It is more than the 40 at which Snort 3 stops by default, so that tunnels
/// can't hide from Pigear what Snort saw.
pub const MAX_LAYERS: usize = 64;

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
        match read(self.next, window, self.vxlan) {
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

    fn pass(&mut self, step: Step<Header>) -> Layer {
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

/// Reads the header at the start of `window`, which reaches to where the layer around ends.
fn read(next: Next, window: &[u8], vxlan: Vxlan) -> Result<Option<Step<Header>>, StopReason> {
    let step = match next {
        Next::Ethernet => link::ethernet(window)?.map(Header::Ethernet),
        Next::LinuxCooked => link::linux_cooked(window)?.map(Header::LinuxCooked),
        Next::Vlan => link::vlan(window)?.map(Header::Vlan),
        Next::Mpls => link::mpls(window)?.map(Header::Mpls),
        Next::Pppoe => link::pppoe(window)?.map(Header::Pppoe),
        Next::Ppp => link::ppp(window)?.map(Header::Ppp),
        Next::Arp => network::arp(window)?.map(Header::Arp),
        Next::Ip => return read(network::version(window)?, window, vxlan),
        Next::Ipv4 => network::ipv4(window)?.map(Header::Ipv4),
        Next::Ipv6 => network::ipv6(window)?.map(Header::Ipv6),
        Next::Extension(kind) => network::extension(kind, window)?.map(Header::Extension),
        Next::Ipv6Fragment => network::ipv6_fragment(window)?.map(Header::Ipv6Fragment),
        Next::Gre => tunnel::gre(window)?.map(Header::Gre),
        Next::Tcp => transport::tcp(window)?.map(Header::Tcp),
        Next::Udp => udp(window, vxlan)?.map(Header::Udp),
        Next::Icmpv4 => transport::icmpv4(window)?.map(Header::Icmpv4),
        Next::Icmpv6 => transport::icmpv6(window)?.map(Header::Icmpv6),
        Next::Sctp => transport::sctp(window)?.map(Header::Sctp),
        Next::Teredo => tunnel::teredo(window).map(Header::Teredo),
        Next::Vxlan => tunnel::vxlan(window)?.map(Header::Vxlan),
        Next::Payload => return Ok(None),
    };
    Ok(Some(step))
}

/// Reads a UDP header, and tells from it whether a tunnel follows.
fn udp(window: &[u8], vxlan: Vxlan) -> Result<Step<Udp>, StopReason> {
    let mut step = transport::udp(window)?;
    step.next = tunnel::in_udp(&step.header, window.get(step.len..).unwrap_or_default(), vxlan);
    Ok(step)
}
