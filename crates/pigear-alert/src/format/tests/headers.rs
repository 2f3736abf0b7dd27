use super::super::headers::Headers;
use super::*;
use crate::packet::tests::samples::{fragment, sctp};

fn headers(ether_type: u16, packet: &[u8]) -> String {
    Headers(&alert(carrying(&ethernet(ether_type, packet)))).to_string()
}

/// An IPv4 packet whose flags and offset are set.
fn flagged(flags_and_offset: u16, inner: &[u8]) -> Vec<u8> {
    let mut packet = ipv4(17, inner);
    packet[6..8].copy_from_slice(&flags_and_offset.to_be_bytes());
    packet
}

/// A TCP header with ACK and the given flags, an urgent pointer of 3, and options.
fn tcp_with(flags: u8, options: &[u8]) -> Vec<u8> {
    let mut header = tcp(options);
    header[12] = u8::try_from(5 + options.len() / 4).unwrap() << 4;
    header[13] = 0x10 | flags;
    header[19] = 3;
    header
}

fn tcp_lines(flags: u8, options: &[u8]) -> String {
    let lines = headers(0x0800, &ipv4(6, &tcp_with(flags, options)));
    lines.split_once('\n').unwrap().1.to_owned()
}

fn icmp_line(icmp_type: u8, code: u8) -> String {
    let mut message = icmp(icmp_type, b"");
    message[1] = code;
    let lines = headers(0x0800, &ipv4(1, &message));
    lines.split_once('\n').unwrap().1.trim_end().to_owned()
}

#[test]
fn tcp_has_its_flags_numbers_and_window() {
    assert_eq!(
        headers(0x0800, &ipv4(6, &tcp(b"data"))),
        "\
TCP TTL:64 TOS:0x10 ID:4660 IpLen:20 DgmLen:44 DF
12****S* Seq: 0x1  Ack: 0x2  Win: 0x200  TcpLen: 20
"
    );
    assert_eq!(tcp_lines(0x08, b""), "***AP*** Seq: 0x1  Ack: 0x2  Win: 0x200  TcpLen: 20\n");
}

#[test]
fn tcp_has_its_urgent_pointer_if_it_says_so() {
    let expected = "**UA**** Seq: 0x1  Ack: 0x2  Win: 0x200  TcpLen: 20  UrgPtr: 0x3\n";
    assert_eq!(tcp_lines(0x20, b""), expected);
}

#[test]
fn tcp_options_have_a_line_of_their_own() {
    let options = [
        &[2, 4, 5, 0xb4][..],
        &[4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2],
        &[1, 3, 3, 7],
        &[34, 5, 0xaa, 0xbb, 0xcc, 0, 0, 0],
    ];
    let lines = tcp_lines(0, &options.concat());
    let expected =
        "TCP Options (7) => MSS: 1460 SackOK TS: 1 2 NOP WS: 7 Opt 34 (3): AABB CC EOL\n";
    assert_eq!(lines.split_once('\n').unwrap().1, expected);
}

#[test]
fn a_selective_acknowledgement_has_its_blocks() {
    let lines = tcp_lines(0, &[1, 1, 5, 10, 0, 0, 1, 0, 0, 1, 0, 0]);
    assert!(lines.ends_with("TCP Options (3) => NOP NOP Sack: 256@65536\n"), "{lines}");
}

#[test]
fn broken_tcp_options_end_the_list() {
    for broken in [[1, 2, 1, 9], [1, 2, 0, 9], [1, 2, 40, 9]] {
        assert!(tcp_lines(0, &broken).ends_with("TCP Options (1) => NOP\n"));
    }
}

#[test]
fn udp_has_the_length_of_its_payload() {
    assert_eq!(
        headers(0x86dd, &ipv6(17, &udp(5000, 53, b"query"))),
        "\
UDP TTL:64 TOS:0xAB ID:0 IpLen:40 DgmLen:53
Len: 5
"
    );
}

#[test]
fn sctp_has_its_tag() {
    assert_eq!(
        headers(0x0800, &ipv4(132, &sctp())),
        "\
SCTP TTL:64 TOS:0x10 ID:4660 IpLen:20 DgmLen:32 DF
Tag: 0x9
"
    );
}

#[test]
fn a_fragment_has_its_place_and_size_and_nothing_of_what_it_carries() {
    assert_eq!(
        headers(0x0800, &flagged(0x20b9, &[0; 1480])),
        "\
UDP TTL:64 TOS:0x10 ID:4660 IpLen:20 DgmLen:1500 MF
Frag Offset: 0x00B9   Frag Size: 0x05C8
"
    );
    assert_eq!(
        headers(0x86dd, &ipv6(44, &fragment(17, 0xb9 << 3 | 1, &[0; 8]))),
        "\
UDP TTL:64 TOS:0xAB ID:7 IpLen:40 DgmLen:56 MF
Frag Offset: 0x00B9   Frag Size: 0x0010
"
    );
}

#[test]
fn all_three_flags_of_ip_are_told() {
    let lines = headers(0x0800, &flagged(0xe000, &[0; 8]));
    let first = "UDP TTL:64 TOS:0x10 ID:4660 IpLen:20 DgmLen:28 RB DF MF\n";
    assert!(lines.starts_with(first), "{lines}");
}

#[test]
fn icmp_is_told_in_words() {
    // The four bytes after the checksum are 1, 2, 0, 3 in all of these.
    let lines = [
        (0, 0, "ID:258  Seq:3  ECHO REPLY"),
        (3, 3, "DESTINATION UNREACHABLE: PORT UNREACHABLE"),
        (3, 4, "DESTINATION UNREACHABLE: FRAGMENTATION NEEDED, DF SET\nNEXT LINK MTU: 3"),
        (3, 16, "DESTINATION UNREACHABLE: UNKNOWN"),
        (4, 0, "SOURCE QUENCH"),
        (5, 1, "REDIRECT HOST NEW GW: 1.2.0.3"),
        (8, 0, "ID:258   Seq:3  ECHO"),
        (9, 0, "ROUTER ADVERTISMENT: Num addrs: 1 Addr entry size: 2 Lifetime: 3"),
        (11, 0, "TTL EXCEEDED IN TRANSIT"),
        (12, 0, "PARAMETER PROBLEM: BAD IP HEADER BYTE 1"),
        (12, 1, "PARAMETER PROBLEM: OPTION MISSING"),
        (13, 0, "ID: 258  Seq: 3  TIMESTAMP REQUEST"),
        (18, 0, "ID: 258  Seq: 3  ADDRESS REPLY"),
        (40, 0, "UNKNOWN"),
    ];
    for (icmp_type, code, expected) in lines {
        assert_eq!(
            icmp_line(icmp_type, code),
            format!("Type:{icmp_type}  Code:{code}  {expected}")
        );
    }
}

#[test]
fn icmp_of_ipv6_is_not_told_in_the_words_of_ipv4() {
    assert_eq!(
        headers(0x86dd, &ipv6(58, &icmp(3, b""))),
        "\
ICMPv6 TTL:64 TOS:0xAB ID:0 IpLen:40 DgmLen:48
Type:3  Code:0
"
    );
}
