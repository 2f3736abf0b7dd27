//! An alert, as Snort's own formats look at it.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use jiff::tz::TimeZone;

use crate::alert::Alert;
use crate::packet::{Dissection, Header, IpProtocol};

/// An alert, as Snort's own formats look at it.
pub(super) struct Subject<'a> {
    pub(super) alert: &'a Alert,
    pub(super) packet: &'a Dissection,
    /// Whether the alert is of a Snort 3.
    pub(super) is_snort3: bool,
}

impl<'a> Subject<'a> {
    pub(super) fn of(alert: &'a Alert) -> Self {
        Self { alert, packet: alert.dissection(), is_snort3: alert.dialect.is_snort3() }
    }

    /// Source and destination.
    pub(super) fn addresses(&self) -> Option<(IpAddr, IpAddr)> {
        self.alert.src_ip().zip(self.alert.dst_ip())
    }

    /// Source and destination port. Snort's formats have only those of TCP and UDP.
    pub(super) fn ports(&self) -> Option<(u16, u16)> {
        let protocol = self.alert.protocol()?;
        let ports = self.alert.src_port().zip(self.alert.dst_port());
        ports.filter(|_| matches!(protocol, IpProtocol::TCP | IpProtocol::UDP))
    }

    /// The description of the class.
    pub(super) fn class(&self) -> Option<&'a str> {
        self.alert.class().map(|class| &*class.description)
    }

    /// Whether there is a packet, or at least addresses.
    pub(super) fn is_known(&self) -> bool {
        self.alert.message.has_packet() || self.addresses().is_some()
    }

    /// The numbers of the innermost IP header.
    pub(super) fn ip(&self) -> Option<IpNumbers> {
        match self.packet.ip()? {
            Header::Ipv4(ip) => Some(IpNumbers {
                ttl: ip.ttl,
                tos: ip.tos,
                identification: ip.identification.into(),
                header_len: ip.header_len,
                total_len: ip.total_len.into(),
                payload_len: ip.total_len.saturating_sub(ip.header_len.into()).into(),
            }),
            Header::Ipv6(ip) => Some(IpNumbers {
                ttl: ip.hop_limit,
                tos: ip.traffic_class,
                identification: self.packet.ipv6_fragment().map_or(0, |part| part.identification),
                header_len: IPV6_HEADER_LEN,
                total_len: u32::from(ip.payload_len) + u32::from(IPV6_HEADER_LEN),
                payload_len: ip.payload_len.into(),
            }),
            _ => None,
        }
    }

    pub(super) fn udp_len(&self) -> Option<u16> {
        match self.packet.transport()? {
            Header::Udp(udp) => Some(udp.length),
            _ => None,
        }
    }

    /// Length of the IP packet; without one, of what follows the last header.
    pub(super) fn packet_len(&self) -> Option<u64> {
        if let Some(ip) = self.ip() {
            return Some(ip.total_len.into());
        }
        if let Some(inspected) = self.alert.inspected() {
            return u64::try_from(inspected.len()).ok();
        }
        let has_packet = self.alert.message.has_packet();
        has_packet.then(|| u64::try_from(self.packet.payload.len()).unwrap_or_default())
    }

    /// What follows the last header.
    pub(super) fn data(&self) -> &'a [u8] {
        if let Some(inspected) = self.alert.inspected() {
            return inspected;
        }
        self.alert.message.pkt.get(self.packet.payload.clone()).unwrap_or_default()
    }

    /// The number of the VLAN that Snort names; 0 for none.
    pub(super) fn vlan(&self) -> u16 {
        let logged = self.alert.log().and_then(|log| log.event.vlan);
        logged.or_else(|| self.packet.vlans().last()).unwrap_or_default()
    }

    /// `MM/DD-HH:MM:SS.ffffff`, and the space that Snort 2 adds.
    pub(super) fn put_time(&self, zone: &TimeZone, out: &mut Vec<u8>) {
        let time = zone.to_datetime(self.alert.timestamp());
        let [month, day] = [time.month(), time.day()].map(i8::unsigned_abs);
        let clock = [time.hour(), time.minute(), time.second()].map(i8::unsigned_abs);
        put_two(month, b"/", out);
        put_two(day, b"-", out);
        let [hour, minute, second] = clock;
        put_two(hour, b":", out);
        put_two(minute, b":", out);
        put_two(second, b".", out);
        // Writing to a `Vec` can't fail.
        let _ = write!(out, "{:06}", time.subsec_nanosecond() / 1000);
        if !self.is_snort3 {
            out.push(b' ');
        }
    }

    /// `1:384:8`
    pub(super) fn put_rule(&self, out: &mut Vec<u8>) {
        let message = &self.alert.message;
        put_number(message.sig_generator.into(), out);
        out.push(b':');
        put_number(message.sig_id.into(), out);
        out.push(b':');
        put_number(message.sig_rev.into(), out);
    }

    /// The protocol, in this Snort's words.
    pub(super) fn put_protocol(&self, out: &mut Vec<u8>) {
        if self.is_snort3 {
            out.extend_from_slice(self.packet_type().as_bytes());
            return;
        }
        let protocol = self.alert.protocol().unwrap_or(IpProtocol(0));
        match protocol.log_name() {
            Some(name) => out.extend_from_slice(name.as_bytes()),
            // Writing to a `Vec` can't fail.
            None => drop(write!(out, "PROTO:{:03}", protocol.0)),
        }
    }

    /// Snort 3's word for the packet: what it carries, as far as Snort looked into it.
    pub(super) fn packet_type(&self) -> &'static str {
        if self.addresses().is_some() {
            return match self.decoded() {
                Some(IpProtocol::TCP) => "TCP",
                Some(IpProtocol::UDP) => "UDP",
                Some(IpProtocol::ICMP | IpProtocol::ICMPV6) => "ICMP",
                _ => "IP",
            };
        }
        match self.packet.layers.last().map(|layer| &layer.header) {
            Some(Header::Arp(_)) => "ARP",
            Some(_) => "eth",
            None => "IP",
        }
    }

    /// The protocol whose header was read, or that Snort's log names for want of a packet.
    fn decoded(&self) -> Option<IpProtocol> {
        let protocol = self.alert.protocol();
        if self.packet.ip().is_none() || self.packet.transport().is_some() {
            protocol
        } else {
            None
        }
    }
}

const IPV6_HEADER_LEN: u8 = 40;

/// The numbers of an IP header.
pub(super) struct IpNumbers {
    pub(super) ttl: u8,
    pub(super) tos: u8,
    pub(super) identification: u32,
    pub(super) header_len: u8,
    /// With the header.
    pub(super) total_len: u32,
    /// Without the header.
    pub(super) payload_len: u32,
}

/// An address, with its port where there is one. Nothing without an address.
pub(super) fn put_endpoint(address: Option<IpAddr>, port: Option<u16>, out: &mut Vec<u8>) {
    let Some(address) = address else { return };
    put_address(address, out);
    if let Some(port) = port {
        out.push(b':');
        put_number(port.into(), out);
    }
}

/// An address as the C library writes it: that of IPv4 inside IPv6 with dots, also without `ffff`.
pub(super) fn put_address(address: IpAddr, out: &mut Vec<u8>) {
    // Writing to a `Vec` can't fail.
    let _ = match address {
        IpAddr::V4(address) => return put_ipv4(address, out),
        IpAddr::V6(address) => match embedded_ipv4(address) {
            Some(ipv4) => write!(out, "::{ipv4}"),
            None => write!(out, "{address}"),
        },
    };
}

fn put_ipv4(address: Ipv4Addr, out: &mut Vec<u8>) {
    let [a, b, c, d] = address.octets();
    put_number(a.into(), out);
    for byte in [b, c, d] {
        out.push(b'.');
        put_number(byte.into(), out);
    }
}

fn embedded_ipv4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let bits = u32::try_from(address.to_bits()).ok()?;
    Some(Ipv4Addr::from_bits(bits)).filter(|_| bits > u32::from(u16::MAX))
}

/// A number in decimal.
pub(super) fn put_number(mut number: u64, out: &mut Vec<u8>) {
    let start = out.len();
    loop {
        let digit = u8::try_from(number % 10).unwrap_or_default();
        out.push(b'0' + digit);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    if let Some(digits) = out.get_mut(start..) {
        digits.reverse();
    }
}

fn put_two(number: u8, after: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&[b'0' + number / 10 % 10, b'0' + number % 10]);
    out.extend_from_slice(after);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_as_the_c_library_writes_them() {
        let texts = [
            ("::1", "::1"),
            ("::", "::"),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
            ("::c000:201", "::192.0.2.1"),
            ("::1:2", "::0.1.0.2"),
            ("2001:db8::1:0:0:1", "2001:db8::1:0:0:1"),
        ];
        for (address, expected) in texts {
            let mut out = Vec::new();
            put_address(address.parse().unwrap(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
