use super::super::{Dissector, LinkType, frame_length};
use super::samples::*;
use super::{names, source, stopped};

fn detected(packet: &[u8]) -> Option<LinkType> {
    Dissector::default().dissect(packet).link_type
}

#[test]
fn the_three_link_types_are_told_apart() {
    for packet in [summed(ipv4(17, &udp(1, 2, b"x"))), ipv6(17, &udp(1, 2, b"x"))] {
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
fn a_raw_packet_whose_source_looks_like_an_ether_type_needs_its_link_type() {
    let mut packet = ipv4(253, &[0x45; 40]);
    packet[12..16].copy_from_slice(&[8, 0, 0x45, 1]);
    packet = summed(packet);
    assert_eq!(detected(&packet), Some(LinkType::ETHERNET));
    packet[13] = 1;
    packet[10..12].copy_from_slice(&[0, 0]);
    assert_eq!(detected(&summed(packet.clone())), Some(LinkType::RAW));
    assert_eq!(detected(&packet), None);
}

/// The frame with addresses that make it look like a raw packet of one version or the other.
fn disguised(mut frame: Vec<u8>) -> [Vec<u8>; 3] {
    let len = u16::try_from(frame.len()).unwrap().to_be_bytes();
    let (mut four, mut cut) = (frame.clone(), frame.clone());
    four[..12].copy_from_slice(&[0x45, 0, len[0], len[1], 0, 0, 0, 0, 64, 17, 0, 0]);
    let rest = u16::try_from(frame.len() - 40).unwrap().to_be_bytes();
    frame[..12].copy_from_slice(&[0x60, 0, 0, 0, rest[0], rest[1], 17, 64, 2, 0, 0, 1]);
    cut[..12]
        .copy_from_slice(&[0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0, 0x11, 0x22, 0x33, 0x44, 0x55]);
    [frame, summed(four), cut]
}

#[test]
fn no_choice_of_addresses_makes_a_raw_packet_of_a_frame() {
    let packet = summed(ipv4(17, &udp(1, 2, &[b'x'; 40])));
    let snap = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], &packet].concat();
    let length = u16::try_from(snap.len()).unwrap();
    for frame in [
        ethernet(0x0800, &packet),
        ethernet(0x0806, &[arp(), vec![0; 18]].concat()),
        ethernet(0x86dd, &ipv6(17, &udp(1, 2, b"x"))),
        ethernet(0x8100, &vlan(3, 0x0800, &packet)),
        ethernet(0x88e7, &[&[0, 0, 0, 9][..], &ethernet(0x0800, &packet)].concat()),
        ethernet(length, &snap),
    ] {
        for frame in disguised(frame) {
            assert_eq!(detected(&frame), Some(LinkType::ETHERNET), "{frame:x?}");
        }
    }
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
