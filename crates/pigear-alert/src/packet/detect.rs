use super::step::Next;
use super::walk::{Limits, Walk};
use super::{Header, LinkType, MAX_LAYERS, SnortVersion, Stated, link};

/// Detects a packet's link type, because Snort doesn't send it.
///
/// Where Snort names the IP header, the link type is one that leads there. Else it is told from the
/// bytes. An Ethernet frame's addresses may look like a raw packet's header, and its sender chooses them; so
/// what may be an Ethernet frame is taken for one.
pub(super) fn detect(bytes: &[u8], snort: SnortVersion, stated: &Stated) -> Option<LinkType> {
    match stated.ip {
        Some(0) => Some(LinkType::RAW),
        Some(ip) => leading_to(bytes, ip, Limits::stated(snort, stated))
            .or_else(|| guess(bytes, snort, stated))
            .or(Some(LinkType::ETHERNET).filter(|_| ip >= ETHERNET_LEN)),
        None => guess(bytes, snort, stated),
    }
}

const ETHERNET_LEN: usize = 14;

/// The link type whose headers lead to an IP header at this offset.
fn leading_to(bytes: &[u8], ip: usize, limits: Limits) -> Option<LinkType> {
    if is_plain_ethernet(bytes, ip) {
        return Some(LinkType::ETHERNET);
    }
    let leads = |link_type| may_be(link_type, bytes) && leads_to(link_type, bytes, ip, limits);
    LinkType::DETECTED.into_iter().find(|link_type| leads(*link_type))
}

/// Whether an Ethernet header without tags leads to an IP header at this offset. So it is with most packets,
/// for which this saves a second walk.
fn is_plain_ethernet(bytes: &[u8], ip: usize) -> bool {
    ip == ETHERNET_LEN
        && match bytes.get(12..) {
            Some([0x08, 0x00, 0x45..=0x4f, rest @ ..]) => rest.len() >= 19,
            Some([0x86, 0xdd, 0x60..=0x6f, rest @ ..]) => rest.len() >= 39,
            _ => false,
        }
}

fn leads_to(link_type: LinkType, bytes: &[u8], ip: usize, limits: Limits) -> bool {
    let Some(first) = link_type.first() else { return false };
    let mut walk = Walk::new(bytes, first, limits);
    let layers = std::iter::from_fn(|| walk.layer().ok().flatten()).take(MAX_LAYERS);
    let mut ip_headers = layers.filter(|layer| layer.header.is_ip());
    ip_headers.any(|layer| layer.range.start == ip)
}

/// Whether the frame's first bytes are those of this link type.
fn may_be(link_type: LinkType, bytes: &[u8]) -> bool {
    match (link_type, bytes) {
        (LinkType::LINUX_SLL, _) => may_be_cooked(bytes),
        // The families of IPv4 and IPv6 on the BSDs, on macOS and on Linux, in either byte order.
        (LinkType::NULL, [0, 0, 0, family, ..] | [family, 0, 0, 0, ..]) => {
            [2, 10, 24, 28, 30].contains(family)
        }
        (LinkType::NULL, _) => false,
        (LinkType::C_HDLC, _) => matches!(bytes, [0x0f | 0x8f, 0, ..]),
        (LinkType::FDDI, _) => matches!(bytes, [0x50..=0x57, ..]),
        _ => true,
    }
}

fn guess(bytes: &[u8], snort: SnortVersion, stated: &Stated) -> Option<LinkType> {
    if link::is_known_type_at(bytes, 12) || has_length(bytes) {
        Some(LinkType::ETHERNET)
    } else if stated.data.is_some() {
        // Snort read a link header, and names no IP header behind it. The rest could be forged by a MAC address.
        None
    } else if snort == SnortVersion::V2 && may_be_cooked(bytes) && link::is_known_type_at(bytes, 14)
    {
        Some(LinkType::LINUX_SLL)
    } else {
        is_sound(bytes).then_some(LinkType::RAW)
    }
}

/// The outermost IP or ARP header and where it is.
pub(super) fn network_layer(bytes: &[u8], first: Next) -> Option<(Header, usize)> {
    let mut walk = Walk::new(bytes, first, Limits::of(SnortVersion::V3));
    for _ in 0..MAX_LAYERS {
        let layer = walk.layer().ok()??;
        if layer.header.is_ip() || matches!(layer.header, Header::Arp(_)) {
            return Some((layer.header, layer.range.start));
        }
    }
    None
}

/// Whether there is an IPv4 header with a right checksum, or an IPv6 header with the packet's length.
fn is_sound(bytes: &[u8]) -> bool {
    match network_layer(bytes, Next::Ip) {
        Some((Header::Ipv4(ip), _)) => {
            let header = bytes.get(..usize::from(ip.header_len.max(20)));
            header.is_some_and(|header| checksum(header) == 0xffff)
        }
        Some((Header::Ipv6(ip), _)) => 40 + usize::from(ip.payload_len) == bytes.len(),
        _ => false,
    }
}

/// Whether a frame has its length instead of an ether type (802.3). The shortest are padded to 60 bytes,
/// with a tag's four bytes or a checksum's to 64.
fn has_length(bytes: &[u8]) -> bool {
    const LLC_LEN: usize = 3;
    const PADDED_LEN: usize = 64;
    let Some([l0, l1]) = bytes.get(12..ETHERNET_LEN) else { return false };
    let end = ETHERNET_LEN + usize::from(u16::from_be_bytes([*l0, *l1]));
    (end == bytes.len() && end > ETHERNET_LEN)
        || (ETHERNET_LEN + LLC_LEN..=bytes.len().min(PADDED_LEN)).contains(&end)
}

/// Whether the packet type is one that Linux has: below 256, the rest being up to the interface.
fn may_be_cooked(bytes: &[u8]) -> bool {
    matches!(bytes, [0, 0..=4, ..])
}

/// The ones' complement sum of an IPv4 header: 0xffff if the header is sound.
fn checksum(header: &[u8]) -> u32 {
    let (pairs, _) = header.as_chunks::<2>();
    let sum: u32 = pairs.iter().map(|pair| u32::from(u16::from_be_bytes(*pair))).sum();
    (sum & 0xffff) + (sum >> 16)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    const TYPES: [[u8; 2]; 4] = [[0x08, 0x00], [0x86, 0xdd], [0x81, 0x00], [0x89, 0x03]];

    proptest! {
        #[test]
        fn what_is_plain_ethernet_is_also_found_by_a_walk(
            addresses in vec(any::<u8>(), 12),
            ether_type in select(&TYPES[..]),
            version in select(vec![0x40_u8, 0x45, 0x4f, 0x60, 0x6f, 0x50]),
            rest in vec(any::<u8>(), 0..60),
            snort in select(vec![SnortVersion::V2, SnortVersion::V3]),
        ) {
            let bytes = [&*addresses, &ether_type, &[version], &rest].concat();
            let limits = Limits::stated(snort, &Stated { ip: Some(14), ..Stated::default() });
            let is_plain = is_plain_ethernet(&bytes, 14);
            prop_assert!(!is_plain || leads_to(LinkType::ETHERNET, &bytes, 14, limits));
            let may_have_ip = ether_type[0] == 0x08 && version >> 4 == 4 && rest.len() >= 19
                || ether_type[0] == 0x86 && version >> 4 == 6 && rest.len() >= 39;
            prop_assert!(is_plain == (may_have_ip && version != 0x40));
        }
    }
}
