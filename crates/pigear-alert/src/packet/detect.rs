use super::step::Next;
use super::walk::Walk;
use super::{EtherType, Header, IpProtocol, LinkType, MAX_LAYERS, Vxlan, link};

/// Detects a packet's link type from its bytes, because Snort doesn't send it.
///
/// A raw IPv4 header whose checksum fits, or an IPv6 one whose length does, comes first: the ether
/// type would be part of an address there, which a remote sender may choose. Then what leads to an
/// IP or ARP header, and last what at least has a known ether type in the right place.
pub(super) fn detect(bytes: &[u8]) -> Option<LinkType> {
    if is_surely_ip(bytes) {
        Some(LinkType::RAW)
    } else if network_layer(bytes, Next::Ethernet).is_some() {
        Some(LinkType::ETHERNET)
    } else if may_be_cooked(bytes) && network_layer(bytes, Next::LinuxCooked).is_some() {
        Some(LinkType::LINUX_SLL)
    } else if may_be_ip(bytes) {
        Some(LinkType::RAW)
    } else if is_known_type_at(bytes, 12) {
        Some(LinkType::ETHERNET)
    } else {
        (may_be_cooked(bytes) && is_known_type_at(bytes, 14)).then_some(LinkType::LINUX_SLL)
    }
}

/// The outermost IP or ARP header and where it is.
pub(super) fn network_layer(bytes: &[u8], first: Next) -> Option<(Header, usize)> {
    let mut walk = Walk::new(bytes, first, Vxlan::Ignore);
    for _ in 0..MAX_LAYERS {
        let layer = walk.layer().ok()??;
        if layer.header.is_ip() || matches!(layer.header, Header::Arp(_)) {
            return Some((layer.header, layer.range.start));
        }
    }
    None
}

fn is_surely_ip(bytes: &[u8]) -> bool {
    match bytes {
        [first @ 0x45..=0x4f, ..] => {
            let header = bytes.get(..usize::from(first & 0x0f) * 4);
            header.is_some_and(|header| checksum(header) == 0xffff)
        }
        [0x60..=0x6f, _, _, _, l0, l1, ..] => {
            usize::from(u16::from_be_bytes([*l0, *l1])) + 40 == bytes.len()
        }
        _ => false,
    }
}

/// Whether the lengths of a raw IP header could be true. The packet may have been cut, so for IPv6,
/// whose header has little else to go by, a known protocol will do.
fn may_be_ip(bytes: &[u8]) -> bool {
    match network_layer(bytes, Next::Ip) {
        Some((Header::Ipv4(ip), _)) => {
            let total_len = usize::from(ip.total_len);
            ip.header_len >= 20 && (usize::from(ip.header_len)..=bytes.len()).contains(&total_len)
        }
        Some((Header::Ipv6(ip), _)) => {
            usize::from(ip.payload_len) + 40 <= bytes.len() || is_common(ip.next_header)
        }
        _ => false,
    }
}

fn is_common(next_header: IpProtocol) -> bool {
    matches!(
        next_header,
        IpProtocol::HOP_BY_HOP
            | IpProtocol::TCP
            | IpProtocol::UDP
            | IpProtocol::FRAGMENT
            | IpProtocol::ICMPV6
            | IpProtocol::DESTINATION_OPTIONS
    )
}

/// Whether the packet type is one that Linux has: below 256, the rest being up to the interface.
fn may_be_cooked(bytes: &[u8]) -> bool {
    matches!(bytes, [0, 0..=4, ..])
}

fn is_known_type_at(bytes: &[u8], offset: usize) -> bool {
    let ether_type = bytes.get(offset..).and_then(<[u8]>::first_chunk);
    ether_type
        .is_some_and(|bytes| link::after(EtherType(u16::from_be_bytes(*bytes))) != Next::Payload)
}

/// The ones' complement sum of an IPv4 header: 0xffff if the header is sound.
fn checksum(header: &[u8]) -> u32 {
    let (pairs, _) = header.as_chunks::<2>();
    let sum: u32 = pairs.iter().map(|pair| u32::from(u16::from_be_bytes(*pair))).sum();
    (sum & 0xffff) + (sum >> 16)
}
