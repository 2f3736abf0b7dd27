use super::super::{Header, IpProtocol, LinkType, frame_length};
use super::samples::*;
use super::{dissect, names, source, stopped};

const ETHERNET: Option<LinkType> = Some(LinkType::ETHERNET);

#[test]
fn an_ipv4_header_is_read_field_by_field() {
    let mut frame = ethernet(0x0800, &ipv4(253, b"data"));
    frame[20] = 0xc0;
    let dissection = dissect(&frame);
    let Some(Header::Ipv4(ip)) = dissection.ip() else { panic!("{dissection:?}") };
    assert_eq!((ip.source, ip.destination), ([10, 0, 0, 1].into(), [10, 0, 0, 2].into()));
    assert_eq!((ip.tos, ip.ttl, ip.identification), (0x10, 64, 0x1234));
    assert_eq!((ip.total_len, ip.header_len), (24, 20));
    assert_eq!((ip.reserved, ip.dont_fragment, ip.more_fragments), (true, true, false));
    assert_eq!((ip.fragment_offset, ip.protocol), (0, IpProtocol(253)));
    assert_eq!((dissection.payload, dissection.stopped), (34..38, None));
}

#[test]
fn an_ipv6_header_is_read_field_by_field() {
    let dissection = dissect(&ethernet(0x86dd, &ipv6(59, b"data")));
    let Some(Header::Ipv6(ip)) = dissection.ip() else { panic!("{dissection:?}") };
    assert_eq!(ip.source.to_string(), "2001:db8::1");
    assert_eq!(ip.destination.to_string(), "2001:db8::2");
    assert_eq!((ip.traffic_class, ip.flow_label, ip.hop_limit), (0xab, 0x12345, 64));
    assert_eq!((ip.payload_len, ip.next_header), (4, IpProtocol::NO_NEXT_HEADER));
    assert_eq!(dissection.protocol(), Some(IpProtocol(59)));
    assert_eq!((dissection.payload, dissection.stopped), (54..58, None));
}

#[test]
fn arp_has_no_addresses_of_its_own_but_those_it_asks_about() {
    let mut frame = ethernet(0x0806, &arp());
    assert_eq!(frame_length(&frame, ETHERNET), Some(42));
    frame.resize(60, 0);
    assert_eq!(frame_length(&frame, ETHERNET), Some(42));
    let dissection = dissect(&frame);
    let Header::Arp(arp) = &dissection.layers[1].header else { panic!("{dissection:?}") };
    assert_eq!((arp.operation, arp.sender_mac), (1, [2, 0, 0, 0, 0, 2]));
    assert_eq!((arp.sender_ip, arp.target_ip), ([10, 0, 0, 1].into(), [10, 0, 0, 2].into()));
    assert_eq!((dissection.src_ip(), dissection.protocol()), (None, None));
    assert_eq!((dissection.payload, dissection.stopped), (42..42, None));
}

#[test]
fn arp_for_other_addresses_is_not_read() {
    let mut frame = ethernet(0x0806, &arp());
    frame[18] = 8;
    let text = "ARP at byte 14: unsupported address lengths: hardware 8 bytes, protocol 4 bytes";
    assert_eq!(stopped(&dissect(&frame)), text);
}

#[test]
fn addresses_are_had_as_soon_as_the_fixed_header_is_there() {
    let frame = ethernet(0x0800, &ipv4(17, &udp(1, 2, b"")));
    assert_eq!(dissect(&frame[..33]).src_ip(), None);
    let dissection = dissect(&frame[..34]);
    assert_eq!(source(&dissection), "10.0.0.1");
    assert_eq!(dissection.protocol(), Some(IpProtocol::UDP));
    assert_eq!(stopped(&dissection), "UDP at byte 34: needs 8 bytes, but 0 are left");
    assert_eq!(frame_length(&frame[..34], ETHERNET), Some(42));
}

#[test]
fn addresses_are_had_whatever_the_header_length_says() {
    for (first, reason) in [
        (0x44, "IPv4 at byte 14: header length is 16 bytes, but 20 is the minimum"),
        (0x4f, "IPv4 at byte 14: header length is 60 bytes, but 28 are left"),
    ] {
        let mut frame = ethernet(0x0800, &ipv4(17, &udp(1, 2, b"")));
        frame[14] = first;
        let dissection = dissect(&frame);
        assert_eq!(source(&dissection), "10.0.0.1");
        assert_eq!(dissection.protocol(), Some(IpProtocol::UDP));
        assert_eq!((stopped(&dissection).as_str(), dissection.src_port()), (reason, None));
    }
}

#[test]
fn options_belong_to_the_header() {
    let mut packet = ipv4(17, &[&[1, 1, 1, 0][..], &udp(7, 8, b"data")].concat());
    packet[0] = 0x46;
    let dissection = dissect(&ethernet(0x0800, &packet));
    assert_eq!(dissection.layers[1].range, 14..38);
    assert_eq!((dissection.src_port(), dissection.payload), (Some(7), 46..50));
}

#[test]
fn the_total_length_limits_the_payload_if_it_can_be_believed() {
    for (total_len, payload) in [(23, 34..37), (0, 34..44), (19, 34..44), (500, 34..44)] {
        let mut frame = ethernet(0x0800, &ipv4(253, b"ten bytes!"));
        frame[17] = u8::try_from(total_len & 0xff).unwrap();
        frame[16] = u8::try_from(total_len >> 8).unwrap();
        assert_eq!(dissect(&frame).payload, payload, "total length {total_len}");
        let length = (total_len >= 20).then_some(14 + total_len);
        assert_eq!(frame_length(&frame, ETHERNET), length);
    }
}

#[test]
fn padding_is_not_taken_for_a_header() {
    let mut frame = ethernet(0x0800, &ipv4(6, b"oops"));
    frame.resize(60, 0);
    let text = "TCP at byte 34: needs 20 bytes, but 4 are left";
    assert_eq!(stopped(&dissect(&frame)), text);
}

#[test]
fn a_fragment_has_a_protocol_but_no_ports() {
    for flags in [[0x20, 0], [0, 1], [0x20, 9]] {
        let mut frame = ethernet(0x0800, &ipv4(17, &udp(1, 2, b"data")));
        frame[20..22].copy_from_slice(&flags);
        let dissection = dissect(&frame);
        assert!(dissection.is_fragment());
        assert_eq!((dissection.src_port(), dissection.transport()), (None, None));
        assert_eq!(dissection.protocol(), Some(IpProtocol::UDP));
        assert_eq!((dissection.payload, dissection.stopped), (34..46, None));
    }
}

#[test]
fn extension_headers_are_passed() {
    let options = extension(43, &extension(60, &extension(58, &icmp(128, b""))));
    let dissection = dissect(&ethernet(0x86dd, &ipv6(0, &options)));
    let expected = [
        "Ethernet",
        "IPv6",
        "hop-by-hop options",
        "routing header",
        "destination options",
        "ICMPv6",
    ];
    assert_eq!(names(&dissection), expected);
    assert_eq!(dissection.protocol(), Some(IpProtocol::ICMPV6));
}

#[test]
fn an_authentication_header_is_passed_in_both_versions() {
    let inner = authentication(6, &tcp(b""));
    for frame in [ethernet(0x0800, &ipv4(51, &inner)), ethernet(0x86dd, &ipv6(51, &inner))] {
        let dissection = dissect(&frame);
        assert_eq!(dissection.protocol(), Some(IpProtocol::TCP));
        assert_eq!(dissection.dst_port(), Some(80));
    }
}

#[test]
fn what_is_encrypted_is_payload() {
    let dissection = dissect(&ethernet(0x86dd, &ipv6(50, &[7; 30])));
    assert_eq!(dissection.protocol(), Some(IpProtocol::ESP));
    assert_eq!((dissection.payload, dissection.stopped), (54..84, None));
}

#[test]
fn an_ipv6_fragment_has_the_protocol_of_its_fragment_header() {
    let inner = udp(1, 2, b"data");
    for offset_and_more in [1, 8, 9] {
        let packet = ipv6(0, &extension(44, &fragment(17, offset_and_more, &inner)));
        let dissection = dissect(&ethernet(0x86dd, &packet));
        assert!(dissection.is_fragment());
        assert_eq!(dissection.protocol(), Some(IpProtocol::UDP));
        assert_eq!((dissection.src_port(), dissection.payload), (None, 70..82));
    }
}

#[test]
fn an_atomic_fragment_is_a_whole_packet() {
    let packet = ipv6(44, &fragment(17, 0, &udp(1, 2, b"data")));
    let dissection = dissect(&ethernet(0x86dd, &packet));
    assert!(!dissection.is_fragment());
    assert_eq!((dissection.src_port(), dissection.dst_port()), (Some(1), Some(2)));
}

#[test]
fn a_packet_that_was_cut_in_an_extension_keeps_its_addresses() {
    let frame = ethernet(0x86dd, &ipv6(60, &extension(17, &udp(1, 2, b""))));
    let dissection = dissect(&frame[..57]);
    assert_eq!(source(&dissection), "2001:db8::1");
    assert_eq!(dissection.protocol(), Some(IpProtocol::DESTINATION_OPTIONS));
    let text = "destination options at byte 54: needs 8 bytes, but 3 are left";
    assert_eq!(stopped(&dissection), text);
}

#[test]
fn a_wrong_version_is_not_read() {
    let dissection = dissect(&ethernet(0x86dd, &ipv4(17, &[0; 40])));
    assert_eq!(dissection.src_ip(), None);
    assert_eq!(stopped(&dissection), "IPv6 at byte 14: unexpected version 4");
}

#[test]
fn a_packet_without_a_payload_length_goes_to_its_end() {
    let mut frame = ethernet(0x86dd, &ipv6(17, &udp(1, 2, b"data")));
    frame[18..20].copy_from_slice(&[0, 0]);
    let dissection = dissect(&frame);
    assert_eq!((dissection.src_port(), dissection.payload), (Some(1), 62..66));
}
