//! The fields of `alert_csv` and `alert_json` of Snort 3 (`alert_csv.cc`, `alert_json.cc`).

use super::subject::Subject;
use super::transport_field::{IcmpField, TcpField};
use super::value::{Plain, Value};
use crate::unified2::Verdict;

/// A field of `alert_csv` and `alert_json` of Snort 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Snort3Field {
    Action,
    B64Data,
    Class,
    DstAddr,
    DstAp,
    DstPort,
    EthDst,
    EthLen,
    EthSrc,
    EthType,
    Gid,
    IpId,
    IpLen,
    Mpls,
    Msg,
    Icmp(IcmpField),
    Tcp(TcpField),
    PktLen,
    Priority,
    Proto,
    Rev,
    Rule,
    Seconds,
    Sid,
    SrcAddr,
    SrcAp,
    SrcPort,
    Timestamp,
    Tos,
    Ttl,
    UdpLen,
    Vlan,
    /// A field that neither the socket nor the log has: of the flow, the rule or Snort's own state.
    Unknown(&'static str),
}

use Snort3Field as F;

const NAMED: [(&str, F); 51] = [
    ("action", F::Action),
    ("b64_data", F::B64Data),
    ("class", F::Class),
    ("client_bytes", F::Unknown("client_bytes")),
    ("client_pkts", F::Unknown("client_pkts")),
    ("dir", F::Unknown("dir")),
    ("dst_addr", F::DstAddr),
    ("dst_ap", F::DstAp),
    ("dst_port", F::DstPort),
    ("eth_dst", F::EthDst),
    ("eth_len", F::EthLen),
    ("eth_src", F::EthSrc),
    ("eth_type", F::EthType),
    ("flowstart_time", F::Unknown("flowstart_time")),
    ("geneve_vni", F::Unknown("geneve_vni")),
    ("gid", F::Gid),
    ("icmp_code", F::Icmp(IcmpField::Code)),
    ("icmp_id", F::Icmp(IcmpField::Id)),
    ("icmp_seq", F::Icmp(IcmpField::Seq)),
    ("icmp_type", F::Icmp(IcmpField::Type)),
    ("iface", F::Unknown("iface")),
    ("ip_id", F::IpId),
    ("ip_len", F::IpLen),
    ("mpls", F::Mpls),
    ("msg", F::Msg),
    ("pkt_gen", F::Unknown("pkt_gen")),
    ("pkt_len", F::PktLen),
    ("pkt_num", F::Unknown("pkt_num")),
    ("priority", F::Priority),
    ("proto", F::Proto),
    ("rev", F::Rev),
    ("rule", F::Rule),
    ("seconds", F::Seconds),
    ("server_bytes", F::Unknown("server_bytes")),
    ("server_pkts", F::Unknown("server_pkts")),
    ("service", F::Unknown("service")),
    ("sgt", F::Unknown("sgt")),
    ("sid", F::Sid),
    ("src_addr", F::SrcAddr),
    ("src_ap", F::SrcAp),
    ("src_port", F::SrcPort),
    ("target", F::Unknown("target")),
    ("tcp_ack", F::Tcp(TcpField::Ack)),
    ("tcp_flags", F::Tcp(TcpField::Flags)),
    ("tcp_len", F::Tcp(TcpField::Len)),
    ("tcp_seq", F::Tcp(TcpField::Seq)),
    ("tcp_win", F::Tcp(TcpField::Window)),
    ("timestamp", F::Timestamp),
    ("tos", F::Tos),
    ("ttl", F::Ttl),
    ("udp_len", F::UdpLen),
];

/// Snort's list ends with this one.
const VLAN: (&str, F) = ("vlan", F::Vlan);

impl Snort3Field {
    pub(super) const DEFAULT: [Self; 10] = [
        F::Timestamp,
        F::Unknown("pkt_num"),
        F::Proto,
        F::Unknown("pkt_gen"),
        F::PktLen,
        F::Unknown("dir"),
        F::SrcAp,
        F::DstAp,
        F::Rule,
        F::Action,
    ];

    /// The field of this name.
    pub(super) fn of(name: &str) -> Option<Self> {
        let mut all = NAMED.iter().chain([&VLAN]);
        all.find(|(known, _)| *known == name).map(|(_, field)| *field)
    }

    pub(super) fn names() -> String {
        let names: Vec<_> = NAMED.iter().chain([&VLAN]).map(|(name, _)| *name).collect();
        names.join(", ")
    }

    pub(super) fn name(self) -> &'static str {
        let mut all = NAMED.iter().chain([&VLAN]);
        all.find(|(_, field)| *field == self).map_or("", |(name, _)| *name)
    }

    pub(super) fn value<'a>(self, subject: &Subject<'a>) -> Value<'a> {
        let message = &subject.alert.message;
        match self {
            F::Timestamp => Value::Plain(Plain::Time),
            F::Seconds => Value::Number(message.ts_sec.into()),
            F::Rule => Value::Plain(Plain::Rule),
            F::Gid => Value::Number(message.sig_generator.into()),
            F::Sid => Value::Number(message.sig_id.into()),
            F::Rev => Value::Number(message.sig_rev.into()),
            F::Priority => Value::Number(message.priority.into()),
            F::Class => class(subject),
            F::Msg => Value::Msg(subject.alert.msg()),
            F::Action => Value::Plain(Plain::Word(action(subject.alert.verdict()))),
            F::SrcAddr | F::SrcAp | F::SrcPort | F::DstAddr | F::DstAp | F::DstPort => {
                self.of_flow(subject)
            }
            F::EthSrc | F::EthDst | F::EthLen | F::EthType => self.of_ethernet(subject),
            F::Tcp(field) => field.value(subject),
            F::Ttl | F::Tos | F::IpId | F::IpLen => self.of_ip(subject),
            F::Icmp(field) => field.value(subject),
            F::UdpLen => Value::number(subject.udp_len()),
            F::Proto | F::PktLen | F::B64Data | F::Mpls | F::Vlan => self.of_packet(subject),
            F::Unknown(_) => Value::Absent,
        }
    }

    fn of_packet<'a>(self, subject: &Subject<'a>) -> Value<'a> {
        let alert = subject.alert;
        match self {
            F::Proto if subject.is_known() => Value::Plain(Plain::Word(subject.packet_type())),
            F::PktLen => Value::number(subject.packet_len()),
            F::B64Data if !subject.data().is_empty() => Value::Plain(Plain::Base64(subject.data())),
            F::Vlan => Value::Number(subject.vlan().into()),
            F::Mpls if subject.addresses().is_some() => {
                let label = alert.log().and_then(|log| log.event.mpls_label);
                Value::Number(label.unwrap_or_default().into())
            }
            _ => Value::Absent,
        }
    }

    fn of_flow<'a>(self, subject: &Subject<'a>) -> Value<'a> {
        let (source, destination) = subject.addresses().unzip();
        let ports = subject.ports();
        let of_source = matches!(self, F::SrcAddr | F::SrcAp | F::SrcPort);
        let address = if of_source { source } else { destination };
        let port = ports.map(|(source, destination)| if of_source { source } else { destination });
        match self {
            F::SrcAddr | F::DstAddr => Value::plain(address.map(Plain::Address)),
            F::SrcPort | F::DstPort => Value::number(port),
            _ if subject.is_known() => {
                Value::Plain(Plain::AddressPort(address, port.unwrap_or_default()))
            }
            _ => Value::Absent,
        }
    }

    fn of_ethernet<'a>(self, subject: &Subject<'a>) -> Value<'a> {
        let Some(ethernet) = subject.packet.ethernet() else { return Value::Absent };
        match self {
            F::EthSrc => Value::Plain(Plain::Mac(ethernet.source)),
            F::EthDst => Value::Plain(Plain::Mac(ethernet.destination)),
            F::EthType => Value::Plain(Plain::Hexadecimal(ethernet.ether_type.0.into())),
            _ => Value::Number(subject.alert.message.pktlen.into()),
        }
    }

    fn of_ip<'a>(self, subject: &Subject<'a>) -> Value<'a> {
        let Some(ip) = subject.ip() else { return Value::Absent };
        Value::Number(match self {
            F::Ttl => ip.ttl.into(),
            F::Tos => ip.tos.into(),
            F::IpId => ip.identification.into(),
            _ => ip.payload_len.into(),
        })
    }
}

/// The class's description. A class whose name isn't known is not none.
fn class<'a>(subject: &Subject<'a>) -> Value<'a> {
    match subject.class() {
        Some(description) => Value::Text(description),
        None if subject.alert.message.classification == 0 => Value::Text("none"),
        None => Value::Absent,
    }
}

/// Snort's word for what became of the packet. The socket doesn't say it: then it is what happens to most packets.
fn action(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        None | Some(Verdict::Allowed) => "allow",
        Some(Verdict::Held) => "hold",
        Some(Verdict::Blocked) => "drop",
        Some(Verdict::WouldBlock) => "would_drop",
        Some(Verdict::CannotBlock) => "cant_drop",
    }
}
