//! The headers of a packet, as Snort's `alert_full` prints them (`log_text.c`).

use std::fmt::{self, Display};

use super::icmp::IcmpLine;
use super::tcp::TcpLines;
use crate::alert::Alert;
use crate::packet::{Dissection, Header, Ipv4, Ipv6, Layer};

/// The lines of the innermost IP header, and of the header that it carries.
pub(super) struct Headers<'a>(pub(super) &'a Alert);

impl Display for Headers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let packet = self.0.dissection();
        let (Some(layers), Some(protocol)) = (packet.innermost_ip(), packet.protocol()) else {
            return Ok(());
        };
        write!(f, "{protocol} ")?;
        match layers.first().map(|layer| &layer.header) {
            Some(Header::Ipv4(ip)) => write_ipv4(ip, f)?,
            Some(Header::Ipv6(ip)) => write_ipv6(ip, packet, f)?,
            _ => {}
        }
        layers.iter().try_for_each(|layer| write_transport(self.0, layer, f))
    }
}

fn write_ipv4(ip: &Ipv4, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Ipv4 { ttl, tos, identification, header_len, total_len, .. } = *ip;
    write!(f, "TTL:{ttl} TOS:{tos:#X} ID:{identification} IpLen:{header_len} DgmLen:{total_len}")?;
    let flags = [(ip.reserved, " RB"), (ip.dont_fragment, " DF"), (ip.more_fragments, " MF")];
    flags.iter().filter(|(set, _)| *set).try_for_each(|(_, name)| f.write_str(name))?;
    f.write_str("\n")?;
    if !ip.is_fragment() {
        return Ok(());
    }
    write_fragment(ip.fragment_offset, total_len.saturating_sub(header_len.into()), f)
}

fn write_ipv6(ip: &Ipv6, packet: &Dissection, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    const HEADER_LEN: u32 = 40;
    let Ipv6 { hop_limit, traffic_class, payload_len, .. } = *ip;
    let total_len = HEADER_LEN + u32::from(payload_len);
    let fragment = packet.ipv6_fragment();
    let identification = fragment.map_or(0, |fragment| fragment.identification);
    write!(f, "TTL:{hop_limit} TOS:{traffic_class:#X} ID:{identification}")?;
    write!(f, " IpLen:{HEADER_LEN} DgmLen:{total_len}")?;
    if fragment.is_some_and(|fragment| fragment.more_fragments) {
        f.write_str(" MF")?;
    }
    f.write_str("\n")?;
    match fragment.filter(|fragment| fragment.is_fragment()) {
        Some(fragment) => write_fragment(fragment.fragment_offset, payload_len, f),
        None => Ok(()),
    }
}

/// The offset is in units of eight bytes, as in Snort 2.
fn write_fragment(offset: u16, size: u16, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "Frag Offset: {offset:#06X}   Frag Size: {size:#06X}")
}

fn write_transport(alert: &Alert, layer: &Layer, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match &layer.header {
        Header::Tcp(tcp) => {
            let bytes = alert.message.pkt.get(layer.range.clone()).unwrap_or_default();
            TcpLines { tcp, bytes }.fmt(f)
        }
        Header::Udp(udp) => writeln!(f, "Len: {}", udp.length.saturating_sub(8)),
        Header::Icmpv4(icmp) => writeln!(f, "{}", IcmpLine::V4(icmp)),
        Header::Icmpv6(icmp) => writeln!(f, "{}", IcmpLine::V6(icmp)),
        Header::Sctp(sctp) => writeln!(f, "Tag: {:#X}", sctp.verification_tag),
        _ => Ok(()),
    }
}
