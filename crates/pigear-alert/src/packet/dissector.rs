use std::ops::Range;

use super::detect::{detect, network_layer};
use super::step::Next;
use super::walk::{Limits, Walk};
use super::{Dissection, Flow, Header, Layer, LinkType, MAX_LAYERS, SnortVersion};
use super::{Stated, Stop, StopReason};

/// Dissects packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Dissector {
    /// The link type of packets. `None` detects it for each packet: from what Snort states of it, or
    /// else from its bytes, which fails only if a raw packet's addresses look like an Ethernet header.
    pub link_type: Option<LinkType>,
    /// The Snort that sent the packets: which tunnels are entered.
    pub snort: SnortVersion,
}

impl Dissector {
    /// Dissects one packet, as far as possible, and as far as Snort does by default.
    ///
    /// Any bytes will do. Time and memory are bounded by [`MAX_LAYERS`].
    #[must_use]
    pub fn dissect(&self, bytes: &[u8]) -> Dissection {
        self.dissect_stated(bytes, &Stated::default())
    }

    /// Dissects one packet, of which Snort states something: that wins over what the bytes look like.
    #[must_use]
    pub fn dissect_stated(&self, bytes: &[u8], stated: &Stated) -> Dissection {
        let link_type = self.link_type.or_else(|| detect(bytes, self.snort, stated));
        let Some(first) = link_type.and_then(LinkType::first) else {
            let mut headers = Headers::unknown_link(bytes.len());
            if let Some(ip) = stated.ip {
                headers.go_on_at(ip, bytes, Limits::stated(self.snort, stated));
            }
            return Dissection::new(link_type, headers, self.snort, stated);
        };
        let mut headers =
            Headers::read(Walk::new(bytes, first, Limits::stated(self.snort, stated)));
        let Some(ip) = stated.ip else {
            let logged = stated.flow.and_then(|flow| headers.ip_of(&flow));
            if let Some(ip) = logged.filter(|ip| headers.ip() != Some(*ip)) {
                let limits = Limits::up_to(self.snort, ip);
                headers =
                    Headers { differ: false, ..Headers::read(Walk::new(bytes, first, limits)) };
            }
            return Dissection::new(link_type, headers, self.snort, stated);
        };
        if !headers.starts_of_ip().any(|start| start == ip) {
            let own = headers.flow(self.snort);
            headers.go_on_at(ip, bytes, Limits::stated(self.snort, stated));
            headers.differ |= own.is_some() && own != headers.flow(self.snort);
        }
        Dissection::new(link_type, headers, self.snort, stated)
    }
}

/// What a walk found.
pub(super) struct Headers {
    pub(super) layers: Vec<Layer>,
    pub(super) payload: Range<usize>,
    pub(super) stopped: Option<Stop>,
    /// Without Snort's statement, the innermost IP header would be another one.
    pub(super) differ: bool,
}

impl Headers {
    fn read(mut walk: Walk<'_>) -> Self {
        let mut layers = Vec::with_capacity(6);
        let stopped = loop {
            if layers.len() == MAX_LAYERS {
                break walk.stop_before_next(StopReason::TooManyLayers { limit: MAX_LAYERS });
            }
            match walk.layer() {
                Ok(Some(layer)) => layers.push(layer),
                Ok(None) => break None,
                Err(stop) => break Some(stop),
            }
        };
        Self { layers, payload: walk.rest(), stopped, differ: walk.is_overruled() }
    }

    fn unknown_link(len: usize) -> Self {
        let stop = Stop { offset: 0, layer: "link header", reason: StopReason::UnknownLinkType };
        Self { layers: Vec::new(), payload: 0..len, stopped: Some(stop), differ: false }
    }

    /// Replaces what was read from the IP header on that Snort names.
    fn go_on_at(&mut self, ip: usize, bytes: &[u8], limits: Limits) {
        let inner = Self::read(Walk::from(bytes, ip, Next::Ip, limits));
        self.layers.retain(|layer| layer.range.end <= ip);
        self.layers.truncate(MAX_LAYERS.saturating_sub(inner.layers.len()));
        self.layers.extend(inner.layers);
        (self.payload, self.stopped) = (inner.payload, inner.stopped);
        self.differ |= inner.differ;
    }

    fn starts_of_ip(&self) -> impl Iterator<Item = usize> {
        self.layers.iter().filter(|layer| layer.header.is_ip()).map(|layer| layer.range.start)
    }

    /// Where the innermost IP header begins.
    fn ip(&self) -> Option<usize> {
        self.starts_of_ip().last()
    }

    /// Where the innermost IP header begins that is between these addresses.
    fn ip_of(&self, flow: &Flow) -> Option<usize> {
        let layer = self.layers.iter().rfind(|layer| flow.has_ends_of(&layer.header))?;
        Some(layer.range.start)
    }

    fn flow(&self, snort: SnortVersion) -> Option<Flow> {
        let ip = self.layers.iter().rposition(|layer| layer.header.is_ip())?;
        Flow::of(self.layers.get(ip..)?, snort)
    }
}

/// How long a frame is by its outermost IP header's account: link header and tags included, in
/// bytes. ARP counts as 28 bytes.
///
/// Some Snorts 2.9 garble the packet's length (at 65864 and 65880 bytes a datagram, see the `wire`
/// module); this is where to get it back. `bytes` may go on after the frame, or end after the
/// header's fixed part. `None` if no such header is found, or if it claims less than its own length.
#[must_use]
pub fn frame_length(bytes: &[u8], link_type: Option<LinkType>) -> Option<usize> {
    let guessed = || detect(bytes, SnortVersion::V2, &Stated::default());
    let first = link_type.or_else(guessed)?.first()?;
    let (header, start) = network_layer(bytes, first)?;
    let len = match header {
        Header::Ipv4(ip) => {
            let total_len = usize::from(ip.total_len);
            (total_len >= usize::from(ip.header_len).max(20)).then_some(total_len)?
        }
        Header::Ipv6(ip) => 40 + usize::from(ip.payload_len),
        _ => 28,
    };
    Some(start + len)
}
