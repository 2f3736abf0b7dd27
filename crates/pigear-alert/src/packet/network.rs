use std::net::{Ipv4Addr, Ipv6Addr};

use etherparse::{
    ArpPacketSlice, IpAuthHeaderSlice, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice,
    Ipv6RawExtHeaderSlice,
};

use super::step::{Next, Step, fixed};
use super::{IpProtocol, StopReason};

/// An ARP packet for Ethernet and IPv4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arp {
    /// 1 request, 2 reply.
    pub operation: u16,
    /// The sender's Ethernet address.
    pub sender_mac: [u8; 6],
    /// The sender's IPv4 address.
    pub sender_ip: Ipv4Addr,
    /// The Ethernet address asked for: zeros in a request.
    pub target_mac: [u8; 6],
    /// The IPv4 address asked for.
    pub target_ip: Ipv4Addr,
}

/// An IPv4 header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ipv4 {
    /// The sender.
    pub source: Ipv4Addr,
    /// The receiver.
    pub destination: Ipv4Addr,
    /// Type of service: DSCP and ECN.
    pub tos: u8,
    /// The packet's length in bytes, header included, by its own account.
    pub total_len: u16,
    /// The header's length in bytes, by its own account: below 20 it is nonsense.
    pub header_len: u8,
    /// The number that fragments of one packet share.
    pub identification: u16,
    /// The flag that must be 0 ("RB" in Snort's logs).
    pub reserved: bool,
    /// Must not be fragmented.
    pub dont_fragment: bool,
    /// Fragments follow this one.
    pub more_fragments: bool,
    /// Where this fragment's bytes belong, in units of eight bytes.
    pub fragment_offset: u16,
    /// Time to live.
    pub ttl: u8,
    /// What follows.
    pub protocol: IpProtocol,
}

impl Ipv4 {
    /// Whether this is a part of a packet, the first one included.
    #[must_use]
    pub fn is_fragment(&self) -> bool {
        self.more_fragments || self.fragment_offset > 0
    }
}

/// An IPv6 header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ipv6 {
    /// The sender.
    pub source: Ipv6Addr,
    /// The receiver.
    pub destination: Ipv6Addr,
    /// DSCP and ECN.
    pub traffic_class: u8,
    /// The flow's label, 20 bits.
    pub flow_label: u32,
    /// Bytes after this header, by its own account.
    pub payload_len: u16,
    /// What follows: an extension header, or the protocol.
    pub next_header: IpProtocol,
    /// Time to live.
    pub hop_limit: u8,
}

/// An extension header of IPv6, or an authentication header after IPv4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// Which one it is.
    pub kind: IpProtocol,
    /// What follows.
    pub next_header: IpProtocol,
}

/// IPv6's fragment header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ipv6Fragment {
    /// What the whole packet carries.
    pub next_header: IpProtocol,
    /// Where this fragment's bytes belong, in units of eight bytes.
    pub fragment_offset: u16,
    /// Fragments follow this one.
    pub more_fragments: bool,
    /// The number that fragments of one packet share.
    pub identification: u32,
}

impl Ipv6Fragment {
    /// Whether this is a part of a packet. An "atomic" fragment is all of it.
    #[must_use]
    pub fn is_fragment(&self) -> bool {
        self.more_fragments || self.fragment_offset > 0
    }
}

pub(super) fn arp(window: &[u8]) -> Result<Step<Arp>, StopReason> {
    let [.., hardware, protocol] = *fixed::<6>(window)?;
    if (hardware, protocol) != (6, 4) {
        return Err(StopReason::AddressLengths { hardware, protocol });
    }
    let slice = ArpPacketSlice::from_slice(window)?;
    let header = Arp {
        operation: slice.operation().0,
        sender_mac: *fixed(slice.sender_hw_addr())?,
        sender_ip: Ipv4Addr::from(*fixed(slice.sender_protocol_addr())?),
        target_mac: *fixed(slice.target_hw_addr())?,
        target_ip: Ipv4Addr::from(*fixed(slice.target_protocol_addr())?),
    };
    let len = slice.slice().len();
    Ok(Step::new(header, len, Next::Payload).extent(len))
}

/// Which header it is, by its version.
pub(super) fn version(window: &[u8]) -> Result<Next, StopReason> {
    let [first] = *fixed(window)?;
    match first >> 4 {
        4 => Ok(Next::Ipv4),
        6 => Ok(Next::Ipv6),
        found => Err(StopReason::Version { found }),
    }
}

/// Reads the fixed part, so that the addresses are had whatever the lengths say.
pub(super) fn ipv4(window: &[u8]) -> Result<Step<Ipv4>, StopReason> {
    let mut fixed = *fixed::<20>(window)?;
    let header_len = (fixed[0] & 0x0f) * 4;
    // As if there were no options: cut or impossible ones mustn't hide the rest.
    fixed[0] = fixed[0] & 0xf0 | 5;
    let slice = Ipv4HeaderSlice::from_slice(&fixed)?;
    let header = Ipv4 {
        source: slice.source_addr(),
        destination: slice.destination_addr(),
        tos: fixed[1],
        total_len: slice.total_len(),
        header_len,
        identification: slice.identification(),
        reserved: fixed[6] & 0x80 != 0,
        dont_fragment: slice.dont_fragment(),
        more_fragments: slice.more_fragments(),
        fragment_offset: slice.fragments_offset().value(),
        ttl: slice.ttl(),
        protocol: IpProtocol(slice.protocol().0),
    };
    let next = if header.is_fragment() { Next::Payload } else { after_ipv4(header.protocol) };
    let total_len = usize::from(header.total_len);
    let step = Step::new(header, 20, next);
    Ok(step.stated_len(usize::from(header_len), window).extent(total_len))
}

pub(super) fn ipv6(window: &[u8]) -> Result<Step<Ipv6>, StopReason> {
    let slice = Ipv6HeaderSlice::from_slice(window)?;
    let header = Ipv6 {
        source: slice.source_addr(),
        destination: slice.destination_addr(),
        traffic_class: slice.traffic_class(),
        flow_label: slice.flow_label().value(),
        payload_len: slice.payload_length(),
        next_header: IpProtocol(slice.next_header().0),
        hop_limit: slice.hop_limit(),
    };
    let (payload_len, next) = (header.payload_len, after_ipv6(header.next_header));
    let step = Step::new(header, 40, next);
    // No length: a jumbogram, or a packet whose length the network card was to fill in.
    Ok(if payload_len == 0 { step } else { step.extent(40 + usize::from(payload_len)) })
}

/// Reads one of the extension headers that begin with what follows and a length.
pub(super) fn extension(kind: IpProtocol, window: &[u8]) -> Result<Step<Extension>, StopReason> {
    let (next_header, len) = if kind == IpProtocol::AUTHENTICATION {
        let slice = IpAuthHeaderSlice::from_slice(window)?;
        (IpProtocol(slice.next_header().0), slice.slice().len())
    } else {
        let slice = Ipv6RawExtHeaderSlice::from_slice(window)?;
        (IpProtocol(slice.next_header().0), slice.slice().len())
    };
    Ok(Step::new(Extension { kind, next_header }, len, after_ipv6(next_header)))
}

pub(super) fn ipv6_fragment(window: &[u8]) -> Result<Step<Ipv6Fragment>, StopReason> {
    let slice = Ipv6FragmentHeaderSlice::from_slice(window)?;
    let header = Ipv6Fragment {
        next_header: IpProtocol(slice.next_header().0),
        fragment_offset: slice.fragment_offset().value(),
        more_fragments: slice.more_fragments(),
        identification: slice.identification(),
    };
    let next = if header.is_fragment() { Next::Payload } else { after_ipv6(header.next_header) };
    Ok(Step::new(header, slice.slice().len(), next))
}

fn after_ipv4(protocol: IpProtocol) -> Next {
    match protocol {
        IpProtocol::AUTHENTICATION => Next::Extension(protocol),
        IpProtocol::ICMP => Next::Icmpv4,
        IpProtocol::ICMPV6 => Next::Icmpv6,
        IpProtocol::TCP => Next::Tcp,
        IpProtocol::UDP => Next::Udp,
        IpProtocol::SCTP => Next::Sctp,
        IpProtocol::GRE => Next::Gre,
        IpProtocol::IPV4 => Next::Ipv4,
        IpProtocol::IPV6 => Next::Ipv6,
        _ => Next::Payload,
    }
}

/// The extension headers that Snort 2.9 walks; the others end the walk as a protocol does.
fn after_ipv6(next_header: IpProtocol) -> Next {
    match next_header {
        IpProtocol::HOP_BY_HOP | IpProtocol::ROUTING | IpProtocol::DESTINATION_OPTIONS => {
            Next::Extension(next_header)
        }
        IpProtocol::FRAGMENT => Next::Ipv6Fragment,
        _ => after_ipv4(next_header),
    }
}
