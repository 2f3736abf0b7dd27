use super::super::{Echo, Header, IpProtocol, Sctp, Tcp, Udp};
use super::samples::*;
use super::{dissect, names, source, stopped};

#[test]
fn a_tcp_header_is_read_field_by_field() {
    let dissection = dissect(&ethernet(0x0800, &ipv4(6, &tcp(b"data"))));
    let tcp = Tcp {
        source_port: 1025,
        destination_port: 80,
        sequence: 1,
        acknowledgment: 2,
        header_len: 20,
        flags: 0xc2,
        window: 512,
        urgent: 3,
    };
    assert_eq!(dissection.transport(), Some(&Header::Tcp(tcp)));
    assert_eq!((dissection.payload, dissection.stopped), (54..58, None));
}

#[test]
fn ports_are_had_whatever_the_tcp_header_length_says() {
    for (offset, reason) in [
        (0x40, "TCP at byte 34: header length is 16 bytes, but 20 is the minimum"),
        (0xf0, "TCP at byte 34: header length is 60 bytes, but 24 are left"),
    ] {
        let mut frame = ethernet(0x0800, &ipv4(6, &tcp(b"data")));
        frame[46] = offset;
        let dissection = dissect(&frame);
        assert_eq!((dissection.src_port(), dissection.dst_port()), (Some(1025), Some(80)));
        assert_eq!(stopped(&dissection), reason);
    }
}

#[test]
fn udp_has_ports_whatever_its_length_says() {
    for (length, payload) in [(0, 42..46), (7, 42..46), (10, 42..44), (999, 42..46)] {
        let mut frame = ethernet(0x0800, &ipv4(17, &udp(0, 65535, b"data")));
        frame[38..40].copy_from_slice(&u16::to_be_bytes(length));
        let dissection = dissect(&frame);
        let udp = Udp { source_port: 0, destination_port: 65535, length };
        assert_eq!(dissection.transport(), Some(&Header::Udp(udp)));
        assert_eq!((dissection.src_port(), dissection.dst_port()), (Some(0), Some(65535)));
        assert_eq!((dissection.payload, dissection.stopped), (payload, None));
    }
}

#[test]
fn sctp_has_ports() {
    let dissection = dissect(&ethernet(0x0800, &ipv4(132, &sctp())));
    let sctp = Sctp { source_port: 2905, destination_port: 2906, verification_tag: 9 };
    assert_eq!(dissection.transport(), Some(&Header::Sctp(sctp)));
    assert_eq!((dissection.src_port(), dissection.dst_port()), (Some(2905), Some(2906)));
    assert_eq!(dissection.protocol(), Some(IpProtocol::SCTP));
}

#[test]
fn a_ping_has_an_identifier_and_no_ports() {
    let ping = Some(Echo { id: 258, sequence: 3 });
    for frame in [
        ethernet(0x0800, &ipv4(1, &icmp(8, b"ping"))),
        ethernet(0x0800, &ipv4(1, &icmp(0, b"ping"))),
        ethernet(0x86dd, &ipv6(58, &icmp(129, b"ping"))),
    ] {
        let dissection = dissect(&frame);
        let Some(Header::Icmpv4(icmp) | Header::Icmpv6(icmp)) = dissection.transport() else {
            panic!("{dissection:?}")
        };
        assert_eq!((icmp.echo, icmp.rest, icmp.code), (ping, [1, 2, 0, 3], 0));
        assert_eq!((dissection.src_port(), dissection.payload.len()), (None, 4));
    }
}

#[test]
fn the_packet_quoted_in_an_icmp_error_is_payload() {
    let quoted = ipv4_between(8, 9, 17, &udp(1, 2, b""));
    let dissection = dissect(&ethernet(0x0800, &ipv4(1, &icmp(3, &quoted))));
    assert_eq!(names(&dissection), ["Ethernet", "IPv4", "ICMP"]);
    assert_eq!((source(&dissection).as_str(), dissection.src_port()), ("10.0.0.1", None));
    let Some(Header::Icmpv4(icmp)) = dissection.transport() else { panic!("{dissection:?}") };
    assert_eq!((icmp.icmp_type, icmp.echo), (3, None));
}

#[test]
fn a_timestamp_request_needs_no_times() {
    let dissection = dissect(&ethernet(0x0800, &ipv4(1, &icmp(13, b""))));
    assert_eq!(names(&dissection), ["Ethernet", "IPv4", "ICMP"]);
}

#[test]
fn an_unknown_protocol_is_payload() {
    let dissection = dissect(&ethernet(0x0800, &ipv4(255, b"Priority Count: 5")));
    assert_eq!(dissection.protocol(), Some(IpProtocol(255)));
    assert_eq!((dissection.transport(), dissection.src_port()), (None, None));
    assert_eq!((dissection.payload, dissection.stopped), (34..51, None));
}
