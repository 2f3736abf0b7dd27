use super::super::{
    Dissector, EtherType, Gre, Header, MAX_LAYERS, SnortVersion, Teredo, Vxlan, frame_length,
};
use super::samples::*;
use super::{dissect, names, source, stopped};

/// A packet that is told from the one around it by its addresses and ports.
fn inner() -> Vec<u8> {
    ipv4_between(8, 9, 17, &udp(7, 8, b"data"))
}

fn in_gre(flags: u16, protocol: u16, fields: &[u8], inner: &[u8]) -> Vec<u8> {
    ethernet(0x0800, &ipv4(47, &gre(flags, protocol, fields, inner)))
}

#[test]
fn ip_in_ip_gives_the_innermost_addresses() {
    let six = ipv6(4, &inner());
    for frame in [ethernet(0x0800, &ipv4(4, &inner())), ethernet(0x0800, &ipv4(41, &six))] {
        let dissection = dissect(&frame);
        assert_eq!((source(&dissection).as_str(), dissection.src_port()), ("10.0.0.8", Some(7)));
        assert_eq!(frame_length(&frame, None), Some(frame.len()));
    }
}

#[test]
fn an_inner_packet_that_was_cut_leaves_the_outer_addresses() {
    let frame = ethernet(0x0800, &ipv4(4, &inner()));
    let dissection = dissect(&frame[..50]);
    assert_eq!(source(&dissection), "10.0.0.1");
    assert_eq!(stopped(&dissection), "IPv4 at byte 34: needs 20 bytes, but 16 are left");
}

#[test]
fn gre_is_entered_whatever_optional_fields_it_has() {
    let routes = [0, 2, 0, 4, 1, 1, 1, 1, 0, 0, 0, 0];
    for (flags, fields) in [
        (0, vec![]),
        (0x8000, vec![0; 4]),
        (0x3000, vec![0, 0, 0, 5, 0, 0, 0, 6]),
        (0xb000, vec![0; 12]),
        (0x4000, [&[0; 4][..], &routes].concat()),
    ] {
        let dissection = dissect(&in_gre(flags, 0x0800, &fields, &inner()));
        assert_eq!(names(&dissection), ["Ethernet", "IPv4", "GRE", "IPv4", "UDP"], "{flags:x}");
        assert_eq!(source(&dissection), "10.0.0.8");
    }
}

#[test]
fn a_key_and_a_sequence_number_are_kept() {
    let dissection = dissect(&in_gre(0x3000, 0x0800, &[0, 0, 0, 5, 0, 0, 0, 6], &inner()));
    let gre = Gre { version: 0, protocol: EtherType::IPV4, key: Some(5), sequence: Some(6) };
    assert_eq!(dissection.layers[2].header, Header::Gre(gre));
}

#[test]
fn ethernet_and_vlans_in_gre_are_entered() {
    let bridged = ethernet(0x8100, &vlan(4, 0x0800, &inner()));
    let dissection = dissect(&in_gre(0x2000, 0x6558, &[0; 4], &bridged));
    assert_eq!(source(&dissection), "10.0.0.8");
    assert_eq!(dissection.vlans().collect::<Vec<_>>(), [4]);
    assert_eq!(dissection.ethernet().unwrap().ether_type, EtherType::IPV4);
}

#[test]
fn a_call_of_pptp_is_entered() {
    for (ppp, packet) in [
        (vec![0xff, 3, 0, 0x21], inner()),
        (vec![0, 0x21], inner()),
        (vec![0x21], inner()),
        (vec![0x57], ipv6(17, &udp(7, 8, b""))),
    ] {
        let contents = [ppp, packet].concat();
        let dissection = dissect(&in_gre(0x3081, 0x880b, &[0; 12], &contents));
        assert_eq!(dissection.src_port(), Some(7), "{dissection:?}");
    }
}

#[test]
fn other_contents_of_gre_are_payload() {
    let dissection = dissect(&in_gre(0x1000, 0x88cc, &[0; 4], &[0; 60]));
    assert_eq!(names(&dissection), ["Ethernet", "IPv4", "GRE"]);
    assert_eq!((dissection.payload, dissection.stopped), (42..102, None));
}

#[test]
fn a_bad_gre_header_ends_the_dissection() {
    let frame = in_gre(7, 0x0800, &[], &inner());
    assert_eq!(stopped(&dissect(&frame)), "GRE at byte 34: unexpected version 7");
    let frame = in_gre(0x8000, 0x0800, &[], &[0; 3]);
    assert_eq!(stopped(&dissect(&frame)), "GRE at byte 34: needs 8 bytes, but 7 are left");
    let endless = in_gre(0x4000, 0x0800, &[0; 4], &[0, 1, 0, 0].repeat(9));
    assert_eq!(stopped(&dissect(&endless)), "GRE at byte 34: needs 48 bytes, but 44 are left");
}

#[test]
fn teredo_is_entered_on_either_port_with_or_without_indications() {
    let packet = teredo_ipv6(17, &udp(7, 8, b"data"));
    let authentication = [&[0, 1, 2, 3][..], &[9; 5], &[7; 8], &[0]].concat();
    let origin = [0, 0, !0x13, !0x88, !192, !0, !2, !33];
    for (authenticated, before) in [
        (false, vec![]),
        (false, origin.to_vec()),
        (true, authentication.clone()),
        (true, [&authentication[..], &origin].concat()),
    ] {
        let datagram = udp(3544, 5000, &[&before[..], &packet].concat());
        let dissection = dissect(&ethernet(0x0800, &ipv4(17, &datagram)));
        assert_eq!(dissection.src_port(), Some(7));
        assert_eq!(dissection.layers[3].range.len(), before.len());
        let has_origin = before.ends_with(&origin);
        let origin = has_origin.then(|| "192.0.2.33:5000".parse().unwrap());
        assert_eq!(dissection.layers[3].header, Header::Teredo(Teredo { authenticated, origin }));
    }
    let dissection = dissect(&ethernet(0x0800, &ipv4(17, &udp(5000, 3544, &packet))));
    assert_eq!(source(&dissection), "2001:0:b8::1");
}

#[test]
fn other_data_on_the_port_of_teredo_is_payload() {
    let mut too_long = teredo_ipv6(17, b"data");
    too_long[5] = 5;
    let foreign = ipv6(17, &udp(7, 8, b"data"));
    let text = b"a line of text, long enough for a header and more".to_vec();
    for payload in
        [too_long, foreign, text, ipv4(17, &[0; 40]), vec![0x60; 3], vec![], vec![0, 1, 9]]
    {
        let dissection = dissect(&ethernet(0x0800, &ipv4(17, &udp(5000, 3544, &payload))));
        assert_eq!(names(&dissection), ["Ethernet", "IPv4", "UDP"], "{payload:?}");
        assert_eq!((source(&dissection).as_str(), dissection.stopped), ("10.0.0.1", None));
    }
}

#[test]
fn vxlan_is_entered_only_where_snort_does() {
    let datagram = udp(5000, 4789, &vxlan(&ethernet(0x0800, &inner())));
    let frame = ethernet(0x0800, &ipv4(17, &datagram));
    let inside = Dissector { snort: SnortVersion::V3, ..Dissector::default() }.dissect(&frame);
    assert_eq!(names(&inside), ["Ethernet", "IPv4", "UDP", "VXLAN", "Ethernet", "IPv4", "UDP"]);
    assert_eq!(inside.layers[3].header, Header::Vxlan(Vxlan { vni: 77 }));
    assert_eq!((source(&inside).as_str(), inside.src_port()), ("10.0.0.8", Some(7)));

    let outside = Dissector { snort: SnortVersion::V2, ..Dissector::default() }.dissect(&frame);
    assert_eq!(names(&outside), ["Ethernet", "IPv4", "UDP"]);
    assert_eq!((source(&outside).as_str(), outside.dst_port()), ("10.0.0.1", Some(4789)));
}

#[test]
fn the_number_of_layers_is_bounded() {
    let nested = (0..200).fold(inner(), |packet, _| ipv4(4, &packet));
    let dissection = dissect(&ethernet(0x0800, &nested));
    assert_eq!(dissection.layers.len(), MAX_LAYERS);
    assert_eq!(stopped(&dissection), "IPv4 at byte 1274: more than 64 layers");
    assert_eq!(dissection.payload.start, 1274);

    let labels = mpls(3, false, b"").repeat(5000);
    assert_eq!(frame_length(&ethernet(0x8847, &labels), None), None);
}

#[test]
fn as_many_layers_as_there_may_be_are_no_trouble() {
    let packet = ipv4(253, b"data");
    let nested = (2..MAX_LAYERS).fold(packet, |packet, _| ipv4(4, &packet));
    let dissection = dissect(&ethernet(0x0800, &nested));
    assert_eq!((dissection.layers.len(), dissection.stopped), (MAX_LAYERS, None));
}
