use super::detect::{detect, network_layer};
use super::headers::Headers;
use super::walk::{Limits, Walk};
use super::{Dissection, Header, LinkType, SnortVersion, Stated};

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
    /// Any bytes will do. Time and memory are bounded by [`MAX_LAYERS`](super::MAX_LAYERS).
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
