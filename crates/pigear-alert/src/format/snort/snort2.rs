//! The fields of `alert_csv` of Snort 2 (`spo_csv.c`).

use super::subject::Subject;
use super::transport_field::{IcmpField, TcpField};
use super::value::{Plain, Value};
use crate::packet::Header;
use crate::wire::Dialect;

/// A field of `alert_csv` of Snort 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Snort2Field {
    Timestamp,
    SigGenerator,
    SigId,
    SigRev,
    Msg,
    Icmp(IcmpField),
    Tcp(TcpField),
    Proto,
    Src,
    SrcPort,
    Dst,
    DstPort,
    EthSrc,
    EthDst,
    EthLen,
    EthType,
    Ttl,
    Tos,
    Id,
    DgmLen,
    IpLen,
    UdpLength,
    /// A field that Snort leaves empty.
    Empty(&'static str),
}

use Snort2Field as F;

/// Snort's default list has the first of these instead of `tcplen`, and it stays empty; the second is of token ring.
const EMPTY: [F; 2] = [F::Empty("tcpln"), F::Empty("trheader")];

const NAMED: [(&str, F); 29] = [
    ("timestamp", F::Timestamp),
    ("sig_generator", F::SigGenerator),
    ("sig_id", F::SigId),
    ("sig_rev", F::SigRev),
    ("msg", F::Msg),
    ("proto", F::Proto),
    ("src", F::Src),
    ("srcport", F::SrcPort),
    ("dst", F::Dst),
    ("dstport", F::DstPort),
    ("ethsrc", F::EthSrc),
    ("ethdst", F::EthDst),
    ("ethlen", F::EthLen),
    ("ethtype", F::EthType),
    ("tcpflags", F::Tcp(TcpField::Flags)),
    ("tcpseq", F::Tcp(TcpField::Seq)),
    ("tcpack", F::Tcp(TcpField::Ack)),
    ("tcplen", F::Tcp(TcpField::Len)),
    ("tcpwindow", F::Tcp(TcpField::Window)),
    ("ttl", F::Ttl),
    ("tos", F::Tos),
    ("id", F::Id),
    ("dgmlen", F::DgmLen),
    ("iplen", F::IpLen),
    ("icmptype", F::Icmp(IcmpField::Type)),
    ("icmpcode", F::Icmp(IcmpField::Code)),
    ("icmpid", F::Icmp(IcmpField::Id)),
    ("icmpseq", F::Icmp(IcmpField::Seq)),
    ("udplength", F::UdpLength),
];

impl Snort2Field {
    pub(super) const DEFAULT: [Self; 27] = [
        F::Timestamp,
        F::SigGenerator,
        F::SigId,
        F::SigRev,
        F::Msg,
        F::Proto,
        F::Src,
        F::SrcPort,
        F::Dst,
        F::DstPort,
        F::EthSrc,
        F::EthDst,
        F::EthLen,
        F::Tcp(TcpField::Flags),
        F::Tcp(TcpField::Seq),
        F::Tcp(TcpField::Ack),
        F::Empty("tcpln"),
        F::Tcp(TcpField::Window),
        F::Ttl,
        F::Tos,
        F::Id,
        F::DgmLen,
        F::IpLen,
        F::Icmp(IcmpField::Type),
        F::Icmp(IcmpField::Code),
        F::Icmp(IcmpField::Id),
        F::Icmp(IcmpField::Seq),
    ];

    /// The field of this name.
    pub(super) fn of(name: &str) -> Option<Self> {
        let empty = EMPTY.into_iter().map(|field| match field {
            F::Empty(name) => (name, field),
            _ => ("", field),
        });
        let all = NAMED.into_iter().chain(empty);
        let mut all = all.filter(|(known, _)| known.eq_ignore_ascii_case(name));
        all.next().map(|(_, field)| field)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            F::Empty(name) => name,
            _ => NAMED.iter().find(|(_, field)| *field == self).map_or("", |(name, _)| *name),
        }
    }

    pub(super) fn names() -> String {
        NAMED.map(|(name, _)| name).join(", ")
    }

    pub(super) fn value<'a>(self, subject: &Subject<'a>) -> Value<'a> {
        let message = &subject.alert.message;
        match self {
            F::Timestamp => Value::Plain(Plain::Time),
            F::SigGenerator => Value::Number(message.sig_generator.into()),
            F::SigId => Value::Number(message.sig_id.into()),
            F::SigRev => Value::Number(message.sig_rev.into()),
            F::Msg => Value::Msg(subject.alert.msg()),
            F::Proto => Value::plain(proto(subject).map(Plain::Word)),
            F::Src => Value::plain(subject.addresses().map(|(src, _)| Plain::Address(src))),
            F::Dst => Value::plain(subject.addresses().map(|(_, dst)| Plain::Address(dst))),
            F::SrcPort => Value::number(ports(subject).map(|ports| ports.0)),
            F::DstPort => Value::number(ports(subject).map(|ports| ports.1)),
            F::EthSrc | F::EthDst | F::EthLen | F::EthType => self.of_ethernet(subject),
            F::Tcp(field) => field.value(subject),
            F::Ttl | F::Tos | F::Id | F::DgmLen | F::IpLen => self.of_ip(subject),
            F::Icmp(IcmpField::Id | IcmpField::Seq)
                if subject.alert.dialect == Dialect::Snort22 =>
            {
                Value::Absent
            }
            F::Icmp(field) => field.value(subject),
            F::UdpLength => Value::number(subject.udp_len()),
            F::Empty(_) => Value::Absent,
        }
    }

    fn of_ethernet<'a>(self, subject: &Subject<'a>) -> Value<'a> {
        let Some(ethernet) = subject.packet.ethernet() else { return Value::Absent };
        let mac = if is_old(subject.alert.dialect) { Plain::ShortMac } else { Plain::Mac };
        Value::Plain(match self {
            F::EthSrc => mac(ethernet.source),
            F::EthDst => mac(ethernet.destination),
            F::EthType => Plain::Hexadecimal(ethernet.ether_type.0.into()),
            _ => Plain::Hexadecimal(subject.alert.message.pktlen.into()),
        })
    }

    fn of_ip<'a>(self, subject: &Subject<'a>) -> Value<'a> {
        let Some(ip) = subject.ip() else { return Value::Absent };
        // As it stands in the header: of IPv6 without the header.
        let length =
            if subject.packet.ip_version() == Some(6) { ip.payload_len } else { ip.total_len };
        Value::Number(match self {
            F::Ttl => ip.ttl.into(),
            F::Tos => ip.tos.into(),
            F::Id => ip.identification.into(),
            F::DgmLen => length.into(),
            _ if subject.alert.dialect == Dialect::Snort22 => ip.header_len.into(),
            // Snort shifts the length that it has not yet put into the byte order of the machine.
            _ => u64::from(u16::try_from(length).unwrap_or(u16::MAX).swap_bytes()) << 2,
        })
    }
}

/// Only these have a name in `alert_csv`.
fn proto(subject: &Subject<'_>) -> Option<&'static str> {
    match subject.alert.protocol()?.0 {
        1 => Some("ICMP"),
        6 => Some("TCP"),
        17 => Some("UDP"),
        _ => None,
    }
}

/// The ports. Unlike in all other places, a fragment has some: the first its own, others 0. Snort 2.2 has
/// always 0.
fn ports(subject: &Subject<'_>) -> Option<(u16, u16)> {
    let ports = subject.ports();
    if ports.is_some() || proto(subject)? == "ICMP" || !subject.packet.is_fragment() {
        return ports;
    }
    let is_first = match (subject.packet.ip()?, subject.packet.ipv6_fragment()) {
        (Header::Ipv4(ip), _) => ip.fragment_offset == 0,
        (_, fragment) => fragment?.fragment_offset == 0,
    };
    let first = subject.data().first_chunk::<4>().filter(|_| is_first);
    let first = first.filter(|_| subject.alert.dialect != Dialect::Snort22);
    let [a, b, c, d] = first.copied().unwrap_or_default();
    Some((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
}

/// Whether this Snort is older than 2.9.
fn is_old(dialect: Dialect) -> bool {
    matches!(dialect, Dialect::Snort22 | Dialect::Snort27 | Dialect::Snort2x32)
}
