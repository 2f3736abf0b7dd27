use super::detect::{detect, network_layer};
use super::walk::Walk;
use super::{Dissection, Header, LinkType, MAX_LAYERS, Stop, StopReason, Vxlan};

/// Dissects packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Dissector {
    /// The link type of packets. `None` detects it from each packet's bytes, which fails only if a raw
    /// packet's addresses look like an Ethernet header.
    pub link_type: Option<LinkType>,
    /// Whether to look inside VXLAN.
    pub vxlan: Vxlan,
}

impl Dissector {
    /// Dissects one packet, as far as possible.
    ///
    /// Any bytes will do. Time and memory are bounded by [`MAX_LAYERS`].
    #[must_use]
    pub fn dissect(&self, bytes: &[u8]) -> Dissection {
        let link_type = self.link_type.or_else(|| detect(bytes));
        let Some(first) = link_type.and_then(LinkType::first) else {
            return unknown_link(link_type, bytes.len());
        };
        let mut walk = Walk::new(bytes, first, self.vxlan);
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
        Dissection { link_type, layers, payload: walk.rest(), stopped, flow: None }
    }
}

fn unknown_link(link_type: Option<LinkType>, len: usize) -> Dissection {
    let stop = Stop { offset: 0, layer: "link header", reason: StopReason::UnknownLinkType };
    Dissection { link_type, layers: Vec::new(), payload: 0..len, stopped: Some(stop), flow: None }
}

/// How long a frame is by its outermost IP header's account: link header and tags included, in
/// bytes. ARP counts as 28 bytes.
///
/// Some Snorts 2.9 garble the packet's length (at 65864 and 65880 bytes a datagram, see the `wire`
/// module); this is where to get it back. `bytes` may go on after the frame, or end after the
/// header's fixed part. `None` if no such header is found, or if it claims less than its own length.
#[must_use]
pub fn frame_length(bytes: &[u8], link_type: Option<LinkType>) -> Option<usize> {
    let first = link_type.or_else(|| detect(bytes))?.first()?;
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
