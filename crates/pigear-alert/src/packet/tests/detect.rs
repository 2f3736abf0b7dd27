use super::super::{Dissector, LinkType, frame_length};
use super::samples::*;
use super::{names, source, stopped};

fn detected(packet: &[u8]) -> Option<LinkType> {
    Dissector::default().dissect(packet).link_type
}

#[test]
fn the_three_link_types_are_told_apart() {
    for packet in [ipv4(17, &udp(1, 2, b"x")), ipv6(17, &udp(1, 2, b"x"))] {
        let ether_type = if packet[0] == 0x45 { 0x0800 } else { 0x86dd };
        assert_eq!(detected(&ethernet(ether_type, &packet)), Some(LinkType::ETHERNET));
        assert_eq!(detected(&linux_cooked(ether_type, &packet)), Some(LinkType::LINUX_SLL));
        assert_eq!(detected(&packet), Some(LinkType::RAW));
    }
    assert_eq!(detected(&ethernet(0x0806, &arp())), Some(LinkType::ETHERNET));
    assert_eq!(detected(&linux_cooked(0x0806, &arp())), Some(LinkType::LINUX_SLL));
    for frame in all() {
        assert_eq!(detected(&frame), Some(LinkType::ETHERNET));
    }
}

#[test]
fn a_known_type_is_enough_for_a_frame_that_was_cut() {
    let frame = ethernet(0x0800, &ipv4(17, b""));
    for end in 14..34 {
        assert_eq!(detected(&frame[..end]), Some(LinkType::ETHERNET));
    }
    let frame = linux_cooked(0x86dd, &ipv6(17, b""));
    for end in 16..56 {
        assert_eq!(detected(&frame[..end]), Some(LinkType::LINUX_SLL));
    }
}

#[test]
fn a_raw_packet_whose_source_looks_like_an_ether_type_is_told_by_its_checksum() {
    let mut packet = ipv4(253, &[0x45; 40]);
    packet[12..16].copy_from_slice(&[8, 0, 0x45, 1]);
    packet[10..12].copy_from_slice(&[0xd0, 0x7e]);
    assert_eq!(detected(&packet), Some(LinkType::RAW));
    packet[11] ^= 1;
    assert_eq!(detected(&packet), Some(LinkType::ETHERNET));
}

#[test]
fn bytes_that_fit_nothing_have_no_link_type() {
    let dissection = Dissector::default().dissect(&[0xff; 60]);
    assert_eq!(dissection.link_type, None);
    assert_eq!(stopped(&dissection), "link header at byte 0: the link type is unknown");
    assert_eq!(dissection.payload, 0..60);
    assert_eq!(frame_length(&[0xff; 60], None), None);
    assert_eq!(detected(&[]), None);
}

#[test]
fn a_forced_link_type_is_kept_even_if_it_fits_badly() {
    let frame = ethernet(0x0800, &ipv4(17, &udp(1, 2, b"")));
    let raw = Dissector { link_type: Some(LinkType::RAW), ..Dissector::default() }.dissect(&frame);
    assert_eq!(stopped(&raw), "IP at byte 0: unexpected version 0");
    let wifi = LinkType(105);
    let wifi = Dissector { link_type: Some(wifi), ..Dissector::default() }.dissect(&frame);
    assert_eq!(wifi.link_type, Some(LinkType(105)));
    assert_eq!(stopped(&wifi), "link header at byte 0: the link type is unknown");
    assert_eq!(frame_length(&frame, Some(LinkType(105))), None);
}

#[test]
fn cooked_and_raw_packets_are_dissected() {
    let frame = linux_cooked(0x8100, &vlan(3, 0x0800, &ipv4(17, &udp(1, 2, b""))));
    let dissection = Dissector::default().dissect(&frame);
    assert_eq!(names(&dissection), ["Linux cooked capture", "VLAN", "IPv4", "UDP"]);
    assert_eq!(frame_length(&frame, None), Some(frame.len()));

    let link_type = Some(LinkType(12));
    let packet = ipv6(58, &icmp(128, b""));
    let dissection = Dissector { link_type, ..Dissector::default() }.dissect(&packet);
    assert_eq!(
        (names(&dissection), source(&dissection)),
        (vec!["IPv6", "ICMPv6"], "2001:db8::1".into())
    );
}
