//! Packets made by hand, from the inside out.

/// An Ethernet frame.
pub(crate) fn ethernet(ether_type: u16, inner: &[u8]) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2], &ether_type.to_be_bytes()[..], inner].concat()
}

/// A cooked frame from a host's Ethernet interface.
pub(crate) fn linux_cooked(ether_type: u16, inner: &[u8]) -> Vec<u8> {
    let head = [0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 2, 0, 0];
    [&head[..], &ether_type.to_be_bytes(), inner].concat()
}

/// A VLAN tag with priority 5, to stand after its own ether type.
pub(crate) fn vlan(id: u16, ether_type: u16, inner: &[u8]) -> Vec<u8> {
    [&(id | 0xa000).to_be_bytes(), &ether_type.to_be_bytes()[..], inner].concat()
}

pub(crate) fn mpls(label: u32, bottom: bool, inner: &[u8]) -> Vec<u8> {
    let entry = label << 12 | u32::from(bottom) << 8 | 64;
    [&entry.to_be_bytes()[..], inner].concat()
}

/// A PPPoE session's frame with PPP's protocol field.
pub(crate) fn pppoe(ppp_protocol: u16, inner: &[u8]) -> Vec<u8> {
    let ppp = [&ppp_protocol.to_be_bytes()[..], inner].concat();
    [&[0x11, 0, 0, 7], &length(ppp.len())[..], &ppp].concat()
}

/// An ARP request of 10.0.0.1 for 10.0.0.2.
pub(crate) fn arp() -> Vec<u8> {
    let head = [0, 1, 8, 0, 6, 4, 0, 1];
    let addresses = [2, 0, 0, 0, 0, 2, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2];
    [&head[..], &addresses].concat()
}

/// An IPv4 packet from 10.0.0.1 to 10.0.0.2, without a checksum.
pub(crate) fn ipv4(protocol: u8, inner: &[u8]) -> Vec<u8> {
    ipv4_between(1, 2, protocol, inner)
}

/// An IPv4 packet between two hosts of 10.0.0.0/8, without a checksum.
pub(crate) fn ipv4_between(source: u8, destination: u8, protocol: u8, inner: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0x10];
    packet.extend(length(20 + inner.len()));
    packet.extend([0x12, 0x34, 0x40, 0, 64, protocol, 0, 0]);
    packet.extend([10, 0, 0, source, 10, 0, 0, destination]);
    packet.extend(inner);
    packet
}

/// The packet with the right checksum in its IPv4 header, of 20 bytes.
pub(crate) fn summed(mut packet: Vec<u8>) -> Vec<u8> {
    let (pairs, _) = packet[..20].as_chunks::<2>();
    let sum: u32 = pairs.iter().map(|pair| u32::from(u16::from_be_bytes(*pair))).sum();
    let sum = u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap();
    packet[10..12].copy_from_slice(&(!sum).to_be_bytes());
    packet
}

/// An IPv6 packet from `2001:db8::1` to `2001:db8::2`.
pub(crate) fn ipv6(next_header: u8, inner: &[u8]) -> Vec<u8> {
    let prefix = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut packet = vec![0x6a, 0xb1, 0x23, 0x45];
    packet.extend(length(inner.len()));
    packet.extend([next_header, 64]);
    packet.extend([&prefix[..], &[1], &prefix, &[2], inner].concat());
    packet
}

/// The same from `2001:0:b8::1`, which is an address of Teredo's.
pub(crate) fn teredo_ipv6(next_header: u8, inner: &[u8]) -> Vec<u8> {
    let mut packet = ipv6(next_header, inner);
    packet[10..14].copy_from_slice(&[0, 0, 0, 0xb8]);
    packet
}

/// One of IPv6's extension headers, eight bytes long.
pub(crate) fn extension(next_header: u8, inner: &[u8]) -> Vec<u8> {
    [&[next_header, 0, 1, 4, 0, 0, 0, 0], inner].concat()
}

/// An authentication header with four bytes of integrity check.
pub(crate) fn authentication(next_header: u8, inner: &[u8]) -> Vec<u8> {
    [&[next_header, 2, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1, 1, 2, 3, 4], inner].concat()
}

/// IPv6's fragment header. The lowest bit of `offset_and_more` says that more follow.
pub(crate) fn fragment(next_header: u8, offset_and_more: u16, inner: &[u8]) -> Vec<u8> {
    [&[next_header, 0], &offset_and_more.to_be_bytes()[..], &[0, 0, 0, 7], inner].concat()
}

/// A TCP segment from 1025 to 80, SYN and ECN's two flags set.
pub(crate) fn tcp(inner: &[u8]) -> Vec<u8> {
    let head = [4, 1, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0xc2, 2, 0, 0, 0, 0, 3];
    [&head[..], inner].concat()
}

pub(crate) fn udp(source: u16, destination: u16, inner: &[u8]) -> Vec<u8> {
    let ports = [source.to_be_bytes(), destination.to_be_bytes()].concat();
    [&ports, &length(8 + inner.len())[..], &[0, 0], inner].concat()
}

/// An ICMP message of a type; its identifier is 258, its sequence number 3.
pub(crate) fn icmp(icmp_type: u8, inner: &[u8]) -> Vec<u8> {
    [&[icmp_type, 0, 0, 0, 1, 2, 0, 3], inner].concat()
}

/// An SCTP packet from 2905 to 2906 with nothing in it.
pub(crate) fn sctp() -> Vec<u8> {
    vec![0x0b, 0x59, 0x0b, 0x5a, 0, 0, 0, 9, 0, 0, 0, 0]
}

/// A GRE packet: flags and version, optional fields, contents.
pub(crate) fn gre(flags: u16, protocol: u16, fields: &[u8], inner: &[u8]) -> Vec<u8> {
    [&flags.to_be_bytes(), &protocol.to_be_bytes()[..], fields, inner].concat()
}

/// A VXLAN packet of network 77.
pub(crate) fn vxlan(inner: &[u8]) -> Vec<u8> {
    [&[8, 0, 0, 0, 0, 0, 77, 0], inner].concat()
}

/// Sound frames of every kind that is dissected. All have a payload, so that cutting tells.
pub(crate) fn all() -> Vec<Vec<u8>> {
    let dns = udp(40000, 53, b"query");
    let inner = ipv4_between(8, 9, 17, &dns);
    let hidden = ethernet(0x0800, &inner);
    let tagged = vlan(12, 0x8864, &pppoe(0x0021, &inner));
    let options = extension(43, &extension(44, &fragment(60, 0, &extension(51, &[]))));
    let options = [options, authentication(6, &tcp(b"data"))].concat();
    let teredo = [&[0, 0, 0xaa, 0xaa, 1, 2, 3, 4][..], &teredo_ipv6(17, &dns)].concat();
    let ppp = [&[0xff, 3, 0, 0x57][..], &ipv6(58, &icmp(128, b"ping"))].concat();
    let call = gre(0x3081, 0x880b, &[0; 12], &ppp);
    vec![
        ethernet(0x0800, &ipv4(6, &tcp(b"data"))),
        ethernet(0x0800, &ipv4(1, &icmp(8, b"ping"))),
        ethernet(0x0800, &ipv4(132, &[sctp(), vec![0; 16]].concat())),
        ethernet(0x0800, &ipv4(4, &ipv4(41, &ipv6(17, &dns)))),
        ethernet(0x0800, &ipv4(47, &gre(0xb000, 0x6558, &[0; 12], &hidden))),
        ethernet(0x0800, &ipv4(47, &call)),
        ethernet(0x0800, &ipv4(17, &udp(5000, 3544, &teredo))),
        ethernet(0x0800, &ipv4(17, &udp(5000, 4789, &vxlan(&hidden)))),
        ethernet(0x86dd, &ipv6(0, &options)),
        ethernet(0x88a8, &vlan(11, 0x8100, &tagged)),
        ethernet(0x8847, &mpls(16, false, &mpls(17, true, &inner))),
    ]
}

fn length(len: usize) -> [u8; 2] {
    u16::try_from(len).unwrap().to_be_bytes()
}
