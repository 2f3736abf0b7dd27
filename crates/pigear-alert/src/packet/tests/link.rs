use super::super::{EtherType, Header, LinkType, Mpls, Ppp, Pppoe, Vlan, frame_length};
use super::samples::*;
use super::{dissect, names, source, stopped};

const ETHERNET: Option<LinkType> = Some(LinkType::ETHERNET);

#[test]
fn an_ethernet_header_has_both_addresses_and_the_type() {
    let dissection = dissect(&ethernet(0x88cc, &[1, 2, 3]));
    let ethernet = dissection.ethernet().unwrap();
    assert_eq!(ethernet.destination, [2, 0, 0, 0, 0, 1]);
    assert_eq!(ethernet.source, [2, 0, 0, 0, 0, 2]);
    assert_eq!(ethernet.ether_type.to_string(), "0x88cc");
    assert_eq!((dissection.payload, dissection.stopped), (14..17, None));
}

#[test]
fn a_frame_cut_in_its_link_header_has_no_layers() {
    let dissection = dissect(&[0; 13]);
    assert!(dissection.layers.is_empty());
    assert_eq!(stopped(&dissection), "Ethernet at byte 0: needs 14 bytes, but 13 are left");
    assert_eq!(dissection.payload, 0..13);
}

#[test]
fn vlans_are_listed_outermost_first() {
    let packet = ipv4(17, &udp(1, 2, b""));
    let tagged = vlan(30, 0x0800, &packet);
    let frame = ethernet(0x9100, &vlan(10, 0x88a8, &vlan(20, 0x8100, &tagged)));
    let dissection = dissect(&frame);
    assert_eq!(dissection.vlans().collect::<Vec<_>>(), [10, 20, 30]);
    assert_eq!(source(&dissection), "10.0.0.1");
    let outer = Vlan { id: 10, priority: 5, drop_eligible: false, ether_type: EtherType(0x88a8) };
    assert_eq!(dissection.layers[1].header, Header::Vlan(outer));
    assert_eq!(frame_length(&frame[..46], ETHERNET), Some(frame.len()));
}

#[test]
fn labels_are_followed_to_the_bottom_of_the_stack() {
    let packet = ipv6(17, &udp(1, 2, b""));
    let frame = ethernet(0x8848, &mpls(0xfffff, false, &mpls(17, true, &packet)));
    let dissection = dissect(&frame);
    assert_eq!(names(&dissection), ["Ethernet", "MPLS", "MPLS", "IPv6", "UDP"]);
    let inner = Mpls { label: 17, traffic_class: 0, bottom: true, ttl: 64 };
    assert_eq!(dissection.layers[2].header, Header::Mpls(inner));
    assert_eq!(frame_length(&frame, ETHERNET), Some(frame.len()));
}

#[test]
fn what_is_not_ip_under_a_label_is_payload() {
    let dissection = dissect(&ethernet(0x8847, &mpls(17, true, &[0; 60])));
    assert_eq!(names(&dissection), ["Ethernet", "MPLS"]);
    assert_eq!((dissection.payload, dissection.stopped), (18..78, None));
}

#[test]
fn a_session_is_entered_and_its_length_leaves_out_padding() {
    let mut frame = ethernet(0x8864, &pppoe(0x0021, &ipv4(253, b"data")));
    let length = frame.len();
    frame.resize(80, 0);
    let dissection = dissect(&frame);
    assert_eq!(names(&dissection), ["Ethernet", "PPPoE", "PPP", "IPv4"]);
    let session = Pppoe { session: 7, code: 0, length: 26 };
    assert_eq!(dissection.layers[1].header, Header::Pppoe(session));
    assert_eq!(dissection.layers[2].header, Header::Ppp(Ppp { protocol: 0x21 }));
    assert_eq!(dissection.payload, 42..46);
    assert_eq!(frame_length(&frame, ETHERNET), Some(length));
}

#[test]
fn discovery_is_not_a_session() {
    let mut frame = ethernet(0x8864, &pppoe(0x0021, &ipv4(253, b"data")));
    frame[15] = 0x09;
    assert_eq!(names(&dissect(&frame)), ["Ethernet", "PPPoE"]);
    frame[14] = 0x21;
    let text = "PPPoE at byte 14: unexpected version 2";
    assert_eq!(stopped(&dissect(&frame)), text);
}

#[test]
fn link_types_are_read_and_printed_by_name_or_number() {
    for (text, link_type, printed) in [
        ("Ethernet", LinkType::ETHERNET, "ethernet"),
        ("101", LinkType::RAW, "raw"),
        ("linux-sll", LinkType::LINUX_SLL, "linux-sll"),
        ("105", LinkType(105), "105"),
        ("NULL", LinkType::NULL, "null"),
        ("ppp", LinkType(9), "ppp"),
        ("fddi", LinkType(10), "fddi"),
        ("c-hdlc", LinkType(104), "c-hdlc"),
    ] {
        assert_eq!(text.parse(), Ok(link_type));
        assert_eq!(link_type.to_string(), printed);
    }
    let error = "wifi".parse::<LinkType>().unwrap_err().to_string();
    let text = "unknown link type \"wifi\": known are ethernet, raw, linux-sll, null, ppp, fddi, \
                c-hdlc, and libpcap's numbers";
    assert_eq!(error, text);
}
