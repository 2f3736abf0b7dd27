use etherparse::{TcpHeaderSlice, UdpHeaderSlice};

use super::StopReason;
use super::step::{Next, Step, fixed};

/// A TCP header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// The sender's port.
    pub source_port: u16,
    /// The receiver's port.
    pub destination_port: u16,
    /// The number of the first byte carried.
    pub sequence: u32,
    /// The number of the byte that is awaited.
    pub acknowledgment: u32,
    /// The header's length in bytes, by its own account: below 20 it is nonsense.
    pub header_len: u8,
    /// From the highest bit: CWR, ECE, URG, ACK, PSH, RST, SYN, FIN.
    pub flags: u8,
    /// The window, unscaled.
    pub window: u16,
    /// Where urgent data ends.
    pub urgent: u16,
}

/// A UDP header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Udp {
    /// The sender's port.
    pub source_port: u16,
    /// The receiver's port.
    pub destination_port: u16,
    /// The datagram's length in bytes, header included, by its own account.
    pub length: u16,
}

/// An ICMP or `ICMPv6` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Icmp {
    /// The message's type.
    pub icmp_type: u8,
    /// What it is about, within the type.
    pub code: u8,
    /// The four bytes after the checksum, which mean something else in every type.
    pub rest: [u8; 4],
    /// What `rest` holds in an echo request or reply.
    pub echo: Option<Echo>,
}

/// What tells one ping from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo {
    /// As a rule one for each run of `ping`.
    pub id: u16,
    /// Counts the requests of a run.
    pub sequence: u16,
}

/// SCTP's common header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sctp {
    /// The sender's port.
    pub source_port: u16,
    /// The receiver's port.
    pub destination_port: u16,
    /// What the association's receiver chose; 0 in an INIT.
    pub verification_tag: u32,
}

/// Reads the fixed part, so that the ports are had whatever the header's length says.
pub(super) fn tcp(window: &[u8]) -> Result<Step<Tcp>, StopReason> {
    let mut fixed = *fixed::<20>(window)?;
    let header_len = (fixed[12] >> 4) * 4;
    // As if there were no options: cut or impossible ones mustn't hide the rest.
    fixed[12] = fixed[12] & 0x0f | 0x50;
    let slice = TcpHeaderSlice::from_slice(&fixed)?;
    let header = Tcp {
        source_port: slice.source_port(),
        destination_port: slice.destination_port(),
        sequence: slice.sequence_number(),
        acknowledgment: slice.acknowledgment_number(),
        header_len,
        flags: fixed[13],
        window: slice.window_size(),
        urgent: slice.urgent_pointer(),
    };
    let step = Step::new(header, 20, Next::Payload);
    Ok(step.stated_len(usize::from(header_len), window))
}

/// Reads the header. What follows isn't told here.
pub(super) fn udp(window: &[u8]) -> Result<Step<Udp>, StopReason> {
    let slice = UdpHeaderSlice::from_slice(window)?;
    let header = Udp {
        source_port: slice.source_port(),
        destination_port: slice.destination_port(),
        length: slice.length(),
    };
    let length = usize::from(header.length);
    Ok(Step::new(header, 8, Next::Payload).extent(length))
}

pub(super) fn icmpv4(window: &[u8]) -> Result<Step<Icmp>, StopReason> {
    let header = icmp(window, [0, 8])?;
    Ok(Step::new(header, 8, Next::Payload))
}

pub(super) fn icmpv6(window: &[u8]) -> Result<Step<Icmp>, StopReason> {
    let header = icmp(window, [128, 129])?;
    Ok(Step::new(header, 8, Next::Payload))
}

/// Reads the eight bytes all messages have: etherparse's slices refuse a timestamp without times.
fn icmp(window: &[u8], echo_types: [u8; 2]) -> Result<Icmp, StopReason> {
    let [icmp_type, code, _, _, rest @ ..] = *fixed::<8>(window)?;
    let [i0, i1, s0, s1] = rest;
    let echo = echo_types.contains(&icmp_type).then_some(Echo {
        id: u16::from_be_bytes([i0, i1]),
        sequence: u16::from_be_bytes([s0, s1]),
    });
    Ok(Icmp { icmp_type, code, rest, echo })
}

pub(super) fn sctp(window: &[u8]) -> Result<Step<Sctp>, StopReason> {
    let [s0, s1, d0, d1, t0, t1, t2, t3, _, _, _, _] = *fixed(window)?;
    let header = Sctp {
        source_port: u16::from_be_bytes([s0, s1]),
        destination_port: u16::from_be_bytes([d0, d1]),
        verification_tag: u32::from_be_bytes([t0, t1, t2, t3]),
    };
    Ok(Step::new(header, 12, Next::Payload))
}
