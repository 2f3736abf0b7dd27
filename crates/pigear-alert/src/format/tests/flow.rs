use std::net::IpAddr;

use super::super::flow::{community_id, id};
use super::*;
use crate::packet::tests::samples::{fragment, sctp, vlan};
use crate::packet::{Dissection, Dissector, LinkType};

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const RSVP: u8 = 46;
const ICMPV6: u8 = 58;
const SCTP: u8 = 132;

/// A packet without a link header. For ICMP, the ports are type and code.
fn between(protocol: u8, source: &str, destination: &str, ports: [u16; 2]) -> Dissection {
    let numbers = ports.map(u16::to_be_bytes).concat();
    let transport = match protocol {
        ICMP | ICMPV6 => vec![numbers[1], numbers[3], 0, 0, 0, 0, 0, 0],
        RSVP => vec![0; 8],
        UDP => [&numbers[..], &[0, 8, 0, 0]].concat(),
        _ => [&numbers[..], &[0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0, 0, 0, 0, 0, 0]].concat(),
    };
    let len = u8::try_from(transport.len()).unwrap();
    let octets = |ip: &str| match ip.parse().unwrap() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let addresses = [octets(source), octets(destination)].concat();
    let head = if addresses.len() == 8 {
        vec![0x45, 0, 0, 20 + len, 0, 0, 0, 0, 64, protocol, 0, 0]
    } else {
        vec![0x60, 0, 0, 0, 0, len, protocol, 64]
    };
    let dissector = Dissector { link_type: Some(LinkType::RAW), ..Dissector::default() };
    dissector.dissect(&[head, addresses, transport].concat())
}

fn dissected(packet: &[u8]) -> Dissection {
    Dissector::default().dissect(packet)
}

/// Those of the specification's own baseline, of both directions where it has both.
#[test]
fn community_ids_are_those_of_the_specification() {
    const HOST_A: &str = "fe80::200:86ff:fe05:80da";
    const HOST_B: &str = "fe80::260:97ff:fe07:69ea";
    const HOST_C: &str = "3ffe:507:0:1:200:86ff:fe05:80da";
    const HOST_D: &str = "3ffe:501:0:1001::2";
    const MAILER: &str = "2001:470:e5bf:dead:4957:2174:e82c:4887";
    const SERVER: &str = "2607:f8b0:400c:c03::1a";
    let vectors = [
        (ICMPV6, HOST_A, HOST_B, [135, 0], "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="),
        (ICMPV6, HOST_B, HOST_A, [136, 0], "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="),
        (ICMPV6, HOST_B, HOST_A, [135, 0], "1:zavyT/cezQr1fmImYCwYnMXbgck="),
        (ICMPV6, HOST_A, HOST_B, [136, 0], "1:zavyT/cezQr1fmImYCwYnMXbgck="),
        (ICMPV6, "3ffe:501:1800:2345::2", HOST_C, [3, 0], "1:2ObVBgIn28oZvibYZhZMBgh7WdQ="),
        (
            ICMPV6,
            "3ffe:501:410:0:2c0:dfff:fe47:33e",
            HOST_C,
            [1, 4],
            "1:hLZd0XGWojozrvxqE0dWB1iM6R0=",
        ),
        (ICMPV6, HOST_C, HOST_D, [128, 0], "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg="),
        (ICMPV6, HOST_D, HOST_C, [129, 0], "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg="),
        (ICMPV6, HOST_A, "ff02::2", [133, 0], "1:hO+sN4H+MG5MY/8hIrXPqc4ZQz0="),
        (ICMPV6, HOST_B, "ff02::1", [134, 0], "1:pkvHqCL88/tg1k4cPigmZXUtL00="),
        (ICMP, "192.168.0.89", "192.168.0.1", [8, 0], "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
        (ICMP, "192.168.0.1", "192.168.0.89", [0, 0], "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
        (ICMP, "10.0.0.1", "10.0.0.2", [11, 0], "1:YHxtAirCG//0OzkcVAukqKQN9xM="),
        (TCP, MAILER, SERVER, [63943, 25], "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="),
        (TCP, SERVER, MAILER, [25, 63943], "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="),
        (SCTP, "192.168.170.8", "192.168.170.56", [7, 7], "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs="),
        (SCTP, "192.168.170.56", "192.168.170.8", [7, 7], "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs="),
        (TCP, "128.232.110.120", "66.35.250.204", [34855, 80], "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
        (TCP, "66.35.250.204", "128.232.110.120", [80, 34855], "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
        (UDP, "192.168.1.52", "8.8.8.8", [54585, 53], "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
        (UDP, "8.8.8.8", "192.168.1.52", [53, 54585], "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
        (RSVP, "10.1.12.1", "10.1.12.2", [0, 0], "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw="),
        (RSVP, "10.1.12.2", "10.1.12.1", [0, 0], "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw="),
    ];
    for (protocol, source, destination, ports, expected) in vectors {
        let packet = between(protocol, source, destination, ports);
        assert_eq!(community_id(&packet).as_deref(), Some(expected), "{source} {ports:?}");
    }
}

#[test]
fn a_flow_has_one_id_in_both_directions() {
    let pairs = [(TCP, [1025, 80]), (UDP, [53, 53]), (SCTP, [7, 9]), (RSVP, [0, 0])];
    for (protocol, [src, dst]) in pairs {
        let there = id(&between(protocol, "10.0.0.1", "10.0.0.2", [src, dst]));
        let back = id(&between(protocol, "10.0.0.2", "10.0.0.1", [dst, src]));
        assert!(there.is_some_and(|id| id < 1 << 51), "{protocol}");
        assert_eq!(there, back, "{protocol}");
    }
    let request = id(&between(ICMP, "10.0.0.1", "10.0.0.2", [8, 0]));
    assert_eq!(request, id(&between(ICMP, "10.0.0.2", "10.0.0.1", [0, 0])));
}

#[test]
fn whatever_differs_in_a_flow_gives_another_id() {
    let inner = ipv4(TCP, &tcp(b""));
    let ids = [
        id(&dissected(&ethernet(0x0800, &inner))),
        id(&dissected(&ethernet(0x8100, &vlan(11, 0x0800, &inner)))),
        id(&dissected(&ethernet(0x8100, &vlan(12, 0x0800, &inner)))),
        id(&dissected(&ethernet(0x0800, &ipv4(UDP, &udp(1025, 80, b""))))),
        id(&dissected(&ethernet(0x0800, &ipv4(UDP, &udp(80, 1025, b""))))),
        id(&dissected(&ethernet(0x0800, &ipv4(SCTP, &sctp())))),
        id(&dissected(&ethernet(0x86dd, &ipv6(TCP, &tcp(b""))))),
    ];
    let different: std::collections::BTreeSet<_> = ids.into_iter().map(Option::unwrap).collect();
    assert_eq!(different.len(), ids.len());
}

#[test]
fn a_flow_id_stays_the_same_for_ever() {
    let packet = dissected(&ethernet(0x0800, &ipv4(TCP, &tcp(b""))));
    assert_eq!(id(&packet), Some(1_009_802_525_853_558));
}

#[test]
fn where_ports_are_not_shown_the_flow_is_not_known() {
    let cut = ethernet(0x0800, &ipv4(TCP, &tcp(b""))[..30]);
    let fragment = ethernet(0x86dd, &ipv6(44, &fragment(UDP, 1, &udp(1, 2, b""))));
    for packet in [&cut[..], &fragment, &ethernet(0x0806, &[0; 28])] {
        let packet = dissected(packet);
        assert_eq!((id(&packet), community_id(&packet)), (None, None));
    }
}
