//! A paragraph an alert, as Snort's `alert_full` writes it.

use std::fmt::{self, Display};
use std::io::Write;

use super::fast::Title;
use super::text::{Endpoints, Tags, Visible};
use super::{Colour, Format, hexdump};
use crate::alert::Alert;
use crate::packet::{Header, Icmp, Ipv4, Ipv6, Tcp};

/// A paragraph an alert, as Snort's `alert_full` writes it, with a hexdump of the packet. Ends with
/// an empty line:
///
/// ```text
/// [**] [1:384:8] ICMP PING [**]
/// [Classification: Misc activity] [Priority: 3]
/// 2026-11-18T16:27:50.083506Z 10.0.0.1 -> 10.0.0.2
/// ICMP TTL:64 TOS:0x0 ID:7 IpLen:20 DgmLen:84 DF
/// Type:8  Code:0  ID:1  Seq:1  ECHO
/// [Xref => https://www.cve.org/CVERecord?id=CVE-2000-0884]
/// 0000  02 00 00 00 00 01 02 00  00 00 00 02 08 00 45 00  ..............E.
/// …
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Full {
    /// Whether to use the colours of a terminal.
    pub colour: Colour,
}

impl Format for Full {
    fn write(&self, alert: &Alert, out: &mut Vec<u8>) {
        // Writing to a `Vec` can't fail.
        let _ = write!(out, "{}", Paragraph(alert, self.colour));
        if alert.message.has_packet() {
            hexdump(&alert.message.pkt, out);
        }
        out.push(b'\n');
    }
}

struct Paragraph<'a>(&'a Alert, Colour);

impl Display for Paragraph<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(alert, colour) = *self;
        writeln!(f, "{}", Title(alert, colour))?;
        let tags = Tags(alert, colour).to_string();
        if !tags.is_empty() {
            writeln!(f, "{}", tags.trim_end())?;
        }
        writeln!(f, "{:.6} {}", alert.timestamp(), Endpoints(alert))?;
        write_ip(alert, f)?;
        write_transport(alert, f)?;
        if let Some(stop) = &alert.dissection().stopped {
            writeln!(f, "[Packet not read to its end: {stop}]")?;
        }
        for url in alert.references() {
            writeln!(f, "[Xref => {}]", Visible(url.as_bytes()))?;
        }
        Ok(())
    }
}

fn write_ip(alert: &Alert, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let packet = alert.dissection();
    let (Some(header), Some(protocol)) = (packet.ip(), packet.protocol()) else { return Ok(()) };
    match header {
        Header::Ipv4(ip) => writeln!(f, "{protocol} {}", Ipv4Line(ip)),
        Header::Ipv6(ip) => writeln!(f, "{protocol} {}", Ipv6Line(ip)),
        _ => Ok(()),
    }
}

struct Ipv4Line<'a>(&'a Ipv4);

impl Display for Ipv4Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ipv4 { ttl, tos, identification, header_len, total_len, .. } = *self.0;
        write!(
            f,
            "TTL:{ttl} TOS:{tos:#X} ID:{identification} IpLen:{header_len} DgmLen:{total_len}"
        )?;
        let flags = [
            (self.0.reserved, " RB"),
            (self.0.dont_fragment, " DF"),
            (self.0.more_fragments, " MF"),
        ];
        flags.iter().filter(|(set, _)| *set).try_for_each(|(_, name)| f.write_str(name))?;
        if self.0.is_fragment() {
            write!(f, "\nFrag Offset: {:#06X}", self.0.fragment_offset)?;
        }
        Ok(())
    }
}

struct Ipv6Line<'a>(&'a Ipv6);

impl Display for Ipv6Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const HEADER_LEN: u32 = 40;
        let Ipv6 { hop_limit, traffic_class, payload_len, flow_label, .. } = *self.0;
        let total_len = HEADER_LEN + u32::from(payload_len);
        write!(
            f,
            "TTL:{hop_limit} TOS:{traffic_class:#X} ID:0 IpLen:{HEADER_LEN} DgmLen:{total_len}"
        )?;
        if flow_label > 0 { write!(f, " Flow:{flow_label:#07X}") } else { Ok(()) }
    }
}

fn write_transport(alert: &Alert, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match alert.dissection().transport() {
        Some(Header::Tcp(tcp)) => writeln!(f, "{}", TcpLine(tcp)),
        Some(Header::Udp(udp)) => writeln!(f, "Len: {}", udp.length.saturating_sub(8)),
        Some(Header::Icmpv4(icmp) | Header::Icmpv6(icmp)) => writeln!(f, "{}", IcmpLine(icmp)),
        Some(Header::Sctp(sctp)) => writeln!(f, "Tag: {:#X}", sctp.verification_tag),
        _ => Ok(()),
    }
}

struct TcpLine<'a>(&'a Tcp);

impl Display for TcpLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tcp { flags, sequence, acknowledgment, window, header_len, .. } = *self.0;
        // As Snort has it: the two reserved bits, then URG to FIN.
        for (n, name) in "12UAPRSF".chars().enumerate() {
            write!(f, "{}", if flags & (0x80 >> n) == 0 { '*' } else { name })?;
        }
        write!(f, " Seq: {sequence:#X}  Ack: {acknowledgment:#X}  Win: {window:#X}")?;
        write!(f, "  TcpLen: {header_len}")
    }
}

struct IcmpLine<'a>(&'a Icmp);

impl Display for IcmpLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Type:{}  Code:{}", self.0.icmp_type, self.0.code)?;
        let Some(echo) = &self.0.echo else { return Ok(()) };
        let name = if matches!(self.0.icmp_type, 8 | 128) { "ECHO" } else { "ECHO REPLY" };
        write!(f, "  ID:{}  Seq:{}  {name}", echo.id, echo.sequence)
    }
}
