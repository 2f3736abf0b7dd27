//! Whole datagrams, in the layouts of Snort 2.9 and Snort 3: one for each encapsulation that Snort reads.

use std::sync::Arc;

use super::super::{Dissector, Flow, FlowSource, Header, IpProtocol, LinkType, Stated, StopReason};
use super::samples::*;
use super::{names, stopped};
use crate::alert::Alert;
use crate::message::AlertMessage;
use crate::wire::{Decoder, Dialect, encode};

const SNORT_2: Dialect = Dialect::Snort29AppId;
const SNORT_3: Dialect = Dialect::Snort3;

/// The packet that everything is around: UDP from 10.0.0.8, port 7.
fn inner() -> Vec<u8> {
    summed(ipv4_between(8, 9, 17, &udp(7, 8, b"data")))
}

const INNER: &str = "10.0.0.8:7";

/// An alert that came as a datagram of this Snort, which found IP at an offset, or found none.
fn sent(dialect: Dialect, pkt: &[u8], ip: Option<usize>) -> Alert {
    let offset = |offset: usize| u32::try_from(offset).unwrap();
    let len = offset(pkt.len());
    let ip = ip.map_or(0, offset);
    let (transhdr, data) = if ip > 0 { (ip + 20, ip + 28) } else { (0, 0) };
    let message = AlertMessage {
        pkt: pkt.into(),
        caplen: len,
        pktlen: len,
        nethdr: ip,
        transhdr,
        data,
        ..AlertMessage::default()
    };
    let decoded = Decoder::default().decode(&encode(&message, dialect)).unwrap();
    assert_eq!(decoded.dialect, dialect);
    Alert::new(decoded, Arc::default(), Arc::default())
}

fn source(alert: &Alert) -> String {
    let port = alert.src_port().map_or(String::new(), |port| format!(":{port}"));
    alert.src_ip().map(|ip| format!("{ip}{port}")).unwrap_or_default()
}

fn layers(alert: &Alert) -> String {
    names(alert.dissection()).join(" ")
}

fn in_gre(protocol: u16, inner: &[u8]) -> Vec<u8> {
    ethernet(0x0800, &ipv4(47, &gre(0x1000, protocol, &[0, 0, 0, 1], inner)))
}

fn in_udp(port: u16, inner: &[u8]) -> Vec<u8> {
    ethernet(0x0800, &ipv4(17, &udp(50_000, port, inner)))
}

fn snap(inner: &[u8]) -> Vec<u8> {
    [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], inner].concat()
}

/// A Geneve packet with one option.
fn geneve(protocol: u16, inner: &[u8]) -> Vec<u8> {
    let head = [&[2, 0][..], &protocol.to_be_bytes(), &[0, 0, 7, 0, 1, 2, 3, 1, 0, 0, 0, 9]];
    [&head.concat()[..], inner].concat()
}

/// A GTP packet of version 1 with a sequence number and an extension header.
fn gtp(inner: &[u8]) -> Vec<u8> {
    let len = u16::try_from(8 + inner.len()).unwrap().to_be_bytes();
    [&[0x36, 255, len[0], len[1], 0, 0, 0, 5, 0, 1, 0, 0xc0, 1, 0, 80, 0][..], inner].concat()
}

/// Frames in which both Snorts find the inner packet with the ports that they have by default,
/// and what they are made of.
fn of_both() -> Vec<(Vec<u8>, &'static str)> {
    let frame = ethernet(0x0800, &inner());
    let erspan_2 = [&[0x10, 7, 0, 9, 0, 0, 0, 0][..], &frame].concat();
    let erspan_3 = [&[0x20, 7, 0, 9][..], &[0; 16], &frame].concat();
    let cisco = [&[1, 1, 0, 1, 0, 9, 8, 0][..], &inner()].concat();
    vec![
        (in_gre(0x88be, &erspan_2), "Ethernet IPv4 GRE ERSPAN Ethernet IPv4 UDP"),
        (in_gre(0x22eb, &erspan_3), "Ethernet IPv4 GRE ERSPAN Ethernet IPv4 UDP"),
        (in_gre(0x6558, &frame), "Ethernet IPv4 GRE Ethernet IPv4 UDP"),
        (in_gre(0x0800, &inner()), "Ethernet IPv4 GRE IPv4 UDP"),
        (ethernet(0x0800, &ipv4(4, &inner())), "Ethernet IPv4 IPv4 UDP"),
        (ethernet(0x86dd, &ipv6(4, &inner())), "Ethernet IPv6 IPv4 UDP"),
        (
            ethernet(0x8903, &[&[0, 0x40][..], &frame].concat()),
            "Ethernet FabricPath Ethernet IPv4 UDP",
        ),
        (ethernet(0x8909, &cisco), "Ethernet Cisco metadata IPv4 UDP"),
        (
            ethernet(0x9200, &vlan(7, 0x8100, &vlan(8, 0x0800, &inner()))),
            "Ethernet VLAN VLAN IPv4 UDP",
        ),
        (ethernet(0x8847, &mpls(17, true, &inner())), "Ethernet MPLS IPv4 UDP"),
        (ethernet(0x8864, &pppoe(0x0021, &inner())), "Ethernet PPPoE PPP IPv4 UDP"),
    ]
}

/// The same of Snort 3 alone.
fn of_snort_3() -> Vec<(Vec<u8>, &'static str)> {
    let frame = ethernet(0x0800, &inner());
    let snap = snap(&inner());
    let length = u16::try_from(snap.len()).unwrap();
    vec![
        (in_udp(4789, &vxlan(&frame)), "Ethernet IPv4 UDP VXLAN Ethernet IPv4 UDP"),
        (in_udp(6081, &geneve(0x6558, &frame)), "Ethernet IPv4 UDP Geneve Ethernet IPv4 UDP"),
        (in_udp(6081, &geneve(0x0800, &inner())), "Ethernet IPv4 UDP Geneve IPv4 UDP"),
        (in_udp(2152, &gtp(&inner())), "Ethernet IPv4 UDP GTP IPv4 UDP"),
        (ethernet(length, &snap), "Ethernet LLC IPv4 UDP"),
    ]
}

/// Frames in which Snort finds the inner packet only where it is configured to.
fn configured() -> Vec<(Vec<u8>, &'static str)> {
    let frame = ethernet(0x0800, &inner());
    let vn_tag = [&[0x80, 2, 0, 3, 8, 0][..], &inner()].concat();
    let backbone = [&[0, 0, 0, 9][..], &frame].concat();
    vec![
        (ethernet(0x8926, &vn_tag), "Ethernet VN-Tag IPv4 UDP"),
        (ethernet(0x88e7, &backbone), "Ethernet PBB Ethernet IPv4 UDP"),
        (ethernet(0x1234, &[&[1, 2, 3, 4, 5, 6][..], &inner()].concat()), "Ethernet IPv4 UDP"),
        (in_udp(5000, &gtp(&inner())), "Ethernet IPv4 UDP IPv4 UDP"),
    ]
}

/// Captures of other links than Ethernet.
fn of_links() -> Vec<(Vec<u8>, LinkType, &'static str)> {
    let fddi = [&[0x50, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2][..], &snap(&inner())].concat();
    vec![
        ([&[2, 0, 0, 0][..], &inner()].concat(), LinkType::NULL, "loopback IPv4 UDP"),
        ([&[0, 0, 0, 2][..], &inner()].concat(), LinkType::NULL, "loopback IPv4 UDP"),
        ([&[0xff, 3, 0, 0x21][..], &inner()].concat(), LinkType::PPP, "PPP IPv4 UDP"),
        ([&[0, 0x21][..], &inner()].concat(), LinkType::PPP, "PPP IPv4 UDP"),
        ([&[0x0f, 0, 8, 0][..], &inner()].concat(), LinkType::C_HDLC, "Cisco HDLC IPv4 UDP"),
        (fddi, LinkType::FDDI, "FDDI LLC IPv4 UDP"),
        (linux_cooked(0x0800, &inner()), LinkType::LINUX_SLL, "Linux cooked capture IPv4 UDP"),
    ]
}

/// Where the inner packet is.
fn ip_of(frame: &[u8]) -> usize {
    frame.len() - inner().len()
}

#[test]
fn the_header_that_snort_names_has_the_ends() {
    let frames = of_both().into_iter().chain(of_snort_3()).chain(configured());
    for (frame, expected) in frames {
        for dialect in [SNORT_2, SNORT_3] {
            let alert = sent(dialect, &frame, Some(ip_of(&frame)));
            assert_eq!((layers(&alert).as_str(), source(&alert).as_str()), (expected, INNER));
            assert_eq!(alert.dissection().flow_source, Some(FlowSource::Datagram));
            assert_eq!(alert.ip_payload(), b"data", "{expected}");
            assert_eq!(alert.dissection().link_type, Some(LinkType::ETHERNET));
        }
    }
}

#[test]
fn what_snort_does_by_default_is_found_without_its_statement() {
    for (frame, expected) in of_both() {
        for dialect in [SNORT_2, SNORT_3] {
            let alert = sent(dialect, &frame, None);
            assert_eq!((layers(&alert).as_str(), source(&alert).as_str()), (expected, INNER));
            assert_eq!(alert.dissection().flow_source, Some(FlowSource::Dissection));
        }
    }
    for (frame, expected) in of_snort_3() {
        let alert = sent(SNORT_3, &frame, None);
        assert_eq!((layers(&alert).as_str(), source(&alert).as_str()), (expected, INNER));
        assert_ne!(source(&sent(SNORT_2, &frame, None)), INNER, "{expected}");
    }
    for (frame, expected) in configured() {
        for dialect in [SNORT_2, SNORT_3] {
            assert_ne!(source(&sent(dialect, &frame, None)), INNER, "{expected}");
        }
    }
}

#[test]
fn the_link_type_is_one_that_leads_where_snort_found_ip() {
    for (frame, link_type, expected) in of_links() {
        for dialect in [SNORT_2, SNORT_3] {
            let alert = sent(dialect, &frame, Some(ip_of(&frame)));
            assert_eq!(alert.dissection().link_type, Some(link_type), "{expected}");
            assert_eq!((layers(&alert).as_str(), source(&alert).as_str()), (expected, INNER));
        }
    }
}

#[test]
fn a_raw_packet_is_told_by_what_follows_its_header() {
    // As Ethernet, the type is IPv4, and an IPv4 header follows.
    let mut packet = ipv4(17, &udp(7, 8, &[0x45; 40]));
    packet[12..16].copy_from_slice(&[8, 0, 0x45, 1]);
    for dialect in [SNORT_2, SNORT_3] {
        let mut alert = sent(dialect, &packet, None);
        (alert.message.transhdr, alert.message.data) = (20, 28);
        assert_eq!(alert.dissection().link_type, Some(LinkType::RAW));
        assert_eq!(source(&alert), "8.0.69.1:7");
    }
}

#[test]
fn a_tunnel_that_snort_did_not_enter_is_closed() {
    for (frame, expected) in of_both().into_iter().chain(of_snort_3()) {
        if !expected.starts_with("Ethernet IPv4 ") || expected.ends_with("LLC IPv4 UDP") {
            continue;
        }
        for dialect in [SNORT_2, SNORT_3] {
            let alert = sent(dialect, &frame, Some(14));
            let port = if expected.contains("IPv4 UDP ") { ":50000" } else { "" };
            assert_eq!(source(&alert), format!("10.0.0.1{port}"), "{expected}");
            let is_entered = source(&sent(dialect, &frame, None)) == INNER;
            assert_eq!(alert.dissection_differs(), is_entered, "{expected}");
            let reason = alert.dissection().stopped.map(|stop| stop.reason);
            assert_eq!(reason == Some(StopReason::NotReadBySnort), is_entered, "{expected}");
        }
    }
}

#[test]
fn a_third_ip_header_is_one_too_many_for_snort_2() {
    let frame = ethernet(0x86dd, &ipv6(4, &ipv4(4, &inner())));
    let alert = sent(SNORT_2, &frame, None);
    assert_eq!(
        (layers(&alert).as_str(), source(&alert).as_str()),
        ("Ethernet IPv6 IPv4", "10.0.0.1")
    );
    let text = "IPv4 at byte 74: more than 2 IP headers, where Snort stops";
    assert_eq!(stopped(alert.dissection()), text);
    assert!(!alert.dissection_differs());
    assert_eq!(source(&sent(SNORT_3, &frame, None)), INNER);
}

#[test]
fn where_snort_3_gave_up_nothing_deeper_is_believed() {
    let frame = in_gre(0x0800, &inner());
    let mut alert = sent(SNORT_3, &frame, None);
    alert.message.data = 14;
    assert_eq!(
        (layers(&alert).as_str(), source(&alert).as_str()),
        ("Ethernet IPv4 GRE", "10.0.0.1")
    );
    assert!(!alert.dissection_differs());
}

#[test]
fn a_named_header_elsewhere_replaces_what_was_read() {
    let frame = ethernet(0x0800, &ipv4(17, &udp(1, 2, &[&[0; 10][..], &inner()].concat())));
    let alert = sent(SNORT_2, &frame, Some(ip_of(&frame)));
    assert_eq!(
        (layers(&alert).as_str(), source(&alert).as_str()),
        ("Ethernet IPv4 UDP IPv4 UDP", INNER)
    );
    assert!(alert.dissection_differs());
    let Header::Ipv4(ip) = alert.dissection().ip().unwrap() else { panic!() };
    assert_eq!(ip.source.to_string(), "10.0.0.8");
}

#[test]
fn an_offset_without_an_ip_header_is_not_believed() {
    let frame = ethernet(0x0800, &inner());
    for offset in [1, 15, 22, 40, frame.len()] {
        let alert = sent(SNORT_2, &frame, Some(offset));
        assert_eq!(source(&alert), INNER, "{offset}");
        assert_eq!(alert.dissection().flow_source, Some(FlowSource::Dissection), "{offset}");
    }
}

#[test]
fn snort_2_calls_ipv4_with_an_authentication_header_by_that() {
    let frame = ethernet(0x0800, &ipv4(51, &authentication(6, &tcp(b"data"))));
    for (dialect, protocol, port) in [(SNORT_2, 51, None), (SNORT_3, 6, Some(1025))] {
        for ip in [None, Some(14)] {
            let alert = sent(dialect, &frame, ip);
            assert_eq!(layers(&alert), "Ethernet IPv4 authentication header TCP");
            let found = (alert.protocol().unwrap().0, alert.src_port());
            assert_eq!(found, (protocol, port), "{dialect}");
        }
    }
    let frame = ethernet(0x86dd, &ipv6(51, &authentication(6, &tcp(b"data"))));
    assert_eq!(sent(SNORT_2, &frame, None).src_port(), Some(1025));
}

#[test]
fn flags_that_snort_refuses_close_a_tunnel() {
    let frame = ethernet(0x0800, &inner());
    let mut flagged = vxlan(&frame);
    flagged[0] = 0x88;
    let mut critical = geneve(0x6558, &frame);
    critical[1] = 0x40;
    let gre = |flags| ethernet(0x0800, &ipv4(47, &gre(flags, 0x0800, &[], &inner())));
    for (frame, text) in [
        (in_udp(4789, &flagged), ""),
        (in_udp(6081, &critical), "Geneve at byte 42: unexpected flags 0x0240"),
        (gre(0x0100), "GRE at byte 34: unexpected flags 0x0100"),
        (gre(0x0008), "GRE at byte 34: unexpected flags 0x0008"),
        (gre(0x0001), "GRE at byte 34: unexpected flags 0x0001"),
    ] {
        let alert = sent(SNORT_3, &frame, None);
        assert_eq!(alert.src_ip().unwrap().to_string(), "10.0.0.1");
        assert_eq!(stopped(alert.dissection()), text);
    }
}

#[test]
fn damaged_headers_of_tunnels_end_the_dissection() {
    let frame = ethernet(0x0800, &inner());
    let with = |mut bytes: Vec<u8>, at: usize, value: u8| {
        bytes[at] = value;
        bytes
    };
    for (frame, text) in [
        (
            in_udp(6081, &with(geneve(0x6558, &frame), 0, 0x42)),
            "Geneve at byte 42: unexpected version 1",
        ),
        (
            in_udp(6081, &with(geneve(0x6558, &[]), 0, 9)),
            "Geneve at byte 42: header length is 44 bytes, but 16 are left",
        ),
        (
            in_udp(6081, &with(geneve(0x6558, &frame), 11, 9)),
            "Geneve at byte 42: unexpected flags 0x0200",
        ),
        (
            in_udp(2152, &with(gtp(&inner()), 12, 0)),
            "GTP at byte 42: header length is 0 bytes, but 4 is the minimum",
        ),
        (
            in_udp(2152, &with(gtp(&inner()), 12, 255)),
            "GTP at byte 42: header length is 1032 bytes, but 48 are left",
        ),
        (in_udp(2152, &with(gtp(&inner()), 3, 7)), ""),
        (in_udp(2152, &with(gtp(&inner()), 1, 26)), ""),
        (in_gre(0x88be, &with(vec![0; 40], 0, 0x20)), "ERSPAN at byte 42: unexpected version 2"),
        (in_gre(0x88be, &[0x10; 7]), "ERSPAN at byte 42: needs 8 bytes, but 7 are left"),
        (in_gre(0x22eb, &[0x30; 60]), "ERSPAN at byte 42: unexpected version 3"),
        (
            ethernet(0x8909, &[1, 0, 0, 1, 0, 9, 8, 0]),
            "Cisco metadata at byte 14: header length is 0 bytes, but 8 is the minimum",
        ),
        (
            ethernet(0x8909, &[1, 2, 0, 1, 0, 9, 8, 0]),
            "Cisco metadata at byte 14: header length is 16 bytes, but 8 are left",
        ),
        (ethernet(0x0003, &[0xaa, 0xaa, 3]), "LLC at byte 14: needs 8 bytes, but 3 are left"),
    ] {
        assert_eq!(stopped(sent(SNORT_3, &frame, None).dissection()), text, "{frame:x?}");
    }
}

/// A frame of a type that isn't dissected, whose addresses look like the header of a cooked capture, and
/// whose contents like what that would announce.
fn disguised_as_cooked(ether_type: u16, forged: &[u8]) -> Vec<u8> {
    let mut frame = ethernet(ether_type, &[&[8, 0], forged].concat());
    frame[..12].copy_from_slice(&[0, 1, 0, 1, 0, 6, 2, 0, 0, 0, 0, 2]);
    frame
}

#[test]
fn no_choice_of_addresses_makes_a_cooked_or_raw_packet_of_a_frame_that_snort_read() {
    for ether_type in [0x8863, 0x888e, 0x88cc, 0x9000] {
        let cooked = disguised_as_cooked(ether_type, &inner());
        let mut raw = cooked.clone();
        raw[..12].copy_from_slice(&[0x45, 0, 0, 50, 0, 0, 0, 0, 64, 17, 0, 0]);
        for frame in [cooked, summed(raw)] {
            for dialect in [SNORT_2, SNORT_3] {
                let mut alert = sent(dialect, &frame, None);
                // Snort read the Ethernet header.
                alert.message.data = 14;
                let link_type = alert.dissection().link_type;
                assert!(
                    link_type.is_none_or(|known| known == LinkType::ETHERNET),
                    "{ether_type:#x}, {dialect}: {link_type:?}"
                );
                assert_eq!(source(&alert), "", "{ether_type:#x}, {dialect}");
            }
        }
    }
}

#[test]
fn what_differs_is_named() {
    let frame = ethernet(0x8100, &vlan(5, 0x0800, &inner()));
    let [source, destination, stranger] = [8, 9, 7].map(|host| [10, 0, 0, host].into());
    let flow = Flow { source, destination, protocol: IpProtocol(17), ports: Some((7, 8)) };
    let difference = |flow: Flow, vlan: u16| {
        let stated = Stated { flow: Some(flow), vlan: Some(vlan), ..Stated::default() };
        Dissector::default().dissect_stated(&frame, &stated).difference()
    };
    assert_eq!(difference(flow, 5), None);
    let other_vlan = "The VLAN is from Snort's log; the packet has another one";
    assert_eq!(difference(flow, 70), Some(other_vlan));
    let other_ports = "Protocol and ports are from Snort's log; the packet's headers differ";
    let flow_of_ports = Flow { ports: Some((7, 9)), ..flow };
    assert_eq!(difference(flow_of_ports, 5), Some(other_ports));
    let other_ends = "Addresses are from Snort's log; the packet's headers differ";
    let flow_of_stranger = Flow { source: stranger, ..flow };
    for vlan in [5, 70] {
        assert_eq!(difference(flow_of_stranger, vlan), Some(other_ends));
    }
}
