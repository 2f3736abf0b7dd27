use etherparse::{Ethernet2HeaderSlice, SingleVlanHeaderSlice};

use super::step::{Next, Step, fixed};
use super::{EtherType, StopReason};

/// An Ethernet frame's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ethernet {
    /// The sender's address.
    pub source: [u8; 6],
    /// The receiver's address.
    pub destination: [u8; 6],
    /// What follows. A number below [`EtherType::LEAST`] is the length instead (802.3): LLC follows.
    pub ether_type: EtherType,
}

/// The header that Linux puts before a packet captured on the interface `any`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinuxCooked {
    /// 0 to us, 1 broadcast, 2 multicast, 3 to another host, 4 from us.
    pub packet_type: u16,
    /// The kind of interface (`ARPHRD_`): 1 Ethernet, 772 loopback.
    pub hardware_type: u16,
    /// How many bytes of the address count.
    pub address_len: u16,
    /// The sender's link address, padded or cut to eight bytes.
    pub address: [u8; 8],
    /// What follows.
    pub ether_type: EtherType,
}

/// A VLAN tag, of any of its three ether types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vlan {
    /// The VLAN's number, 0 to 4095.
    pub id: u16,
    /// The priority, 0 to 7.
    pub priority: u8,
    /// Whether the frame may be dropped first.
    pub drop_eligible: bool,
    /// What follows.
    pub ether_type: EtherType,
}

/// One entry of an MPLS label stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mpls {
    /// The label, 20 bits.
    pub label: u32,
    /// The traffic class, 0 to 7.
    pub traffic_class: u8,
    /// Whether this is the stack's last entry.
    pub bottom: bool,
    /// The time to live.
    pub ttl: u8,
}

/// The header of a PPPoE session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pppoe {
    /// The session's number.
    pub session: u16,
    /// 0 for a session's data.
    pub code: u8,
    /// Bytes that follow, by the header's account.
    pub length: u16,
}

/// PPP's protocol field, with the two bytes of framing before it where they are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ppp {
    /// What follows: 0x0021 IPv4, 0x0057 IPv6.
    pub protocol: u16,
}

pub(super) fn ethernet(window: &[u8]) -> Result<Step<Ethernet>, StopReason> {
    let slice = Ethernet2HeaderSlice::from_slice(window)?;
    let ether_type = EtherType(slice.ether_type().0);
    let header = Ethernet { source: slice.source(), destination: slice.destination(), ether_type };
    let len = slice.slice().len();
    let step = Step::new(header, len, after_frame(ether_type));
    let is_length = ether_type < EtherType::LEAST;
    Ok(if is_length { step.extent(len + usize::from(ether_type.0)) } else { step })
}

pub(super) fn linux_cooked(window: &[u8]) -> Result<Step<LinuxCooked>, StopReason> {
    let [p0, p1, h0, h1, l0, l1, address @ .., t0, t1] = *fixed::<16>(window)?;
    let ether_type = EtherType(u16::from_be_bytes([t0, t1]));
    let header = LinuxCooked {
        packet_type: u16::from_be_bytes([p0, p1]),
        hardware_type: u16::from_be_bytes([h0, h1]),
        address_len: u16::from_be_bytes([l0, l1]),
        address,
        ether_type,
    };
    Ok(Step::new(header, 16, after(ether_type)))
}

pub(super) fn vlan(window: &[u8]) -> Result<Step<Vlan>, StopReason> {
    let slice = SingleVlanHeaderSlice::from_slice(window)?;
    let ether_type = EtherType(slice.ether_type().0);
    let header = Vlan {
        id: slice.vlan_identifier().value(),
        priority: slice.priority_code_point().value(),
        drop_eligible: slice.drop_eligible_indicator(),
        ether_type,
    };
    Ok(Step::new(header, slice.slice().len(), after_tag(ether_type)))
}

/// Reads one label. Nothing says what follows the last: IP is told by its version, as Snort does.
pub(super) fn mpls(window: &[u8]) -> Result<Step<Mpls>, StopReason> {
    let entry = u32::from_be_bytes(*fixed(window)?);
    let [_, _, class_and_bottom, ttl] = entry.to_be_bytes();
    let bottom = class_and_bottom & 1 == 1;
    let header = Mpls { label: entry >> 12, traffic_class: class_and_bottom >> 1 & 7, bottom, ttl };
    let next = match window.get(4).map(|byte| byte >> 4) {
        _ if !bottom => Next::Mpls,
        Some(4 | 6) | None => Next::Ip,
        Some(_) => Next::Payload,
    };
    Ok(Step::new(header, 4, next))
}

pub(super) fn pppoe(window: &[u8]) -> Result<Step<Pppoe>, StopReason> {
    let [version_and_type, code, s0, s1, l0, l1] = *fixed(window)?;
    if version_and_type != 0x11 {
        return Err(StopReason::Version { found: version_and_type >> 4 });
    }
    let length = u16::from_be_bytes([l0, l1]);
    let header = Pppoe { session: u16::from_be_bytes([s0, s1]), code, length };
    let next = if code == 0 { Next::Ppp } else { Next::Payload };
    Ok(Step::new(header, 6, next).extent(6 + usize::from(length)))
}

/// Reads the protocol field: one byte if its lowest bit is set, else two (RFC 1661, section 6.5).
/// No protocol has the number 0xff: that is framing.
pub(super) fn ppp(window: &[u8]) -> Result<Step<Ppp>, StopReason> {
    let framing = if window.starts_with(&[0xff, 0x03]) { 2 } else { 0 };
    let field = window.get(framing..).unwrap_or_default();
    let (protocol, len) = match field.first() {
        Some(byte) if byte & 1 == 1 && *byte != 0xff => (u16::from(*byte), 1),
        _ => (u16::from_be_bytes(*fixed(field)?), 2),
    };
    let next = match protocol {
        0x0021 => Next::Ipv4,
        0x0057 => Next::Ipv6,
        0x0281 | 0x0283 => Next::Mpls,
        _ => Next::Payload,
    };
    Ok(Step::new(Ppp { protocol }, framing + len, next))
}

/// What follows an Ethernet frame's header.
fn after_frame(ether_type: EtherType) -> Next {
    match ether_type {
        EtherType::FABRIC_PATH => Next::FabricPath,
        _ => after_tag(ether_type),
    }
}

/// What follows where a length may stand for the type.
fn after_tag(ether_type: EtherType) -> Next {
    if ether_type < EtherType::LEAST { Next::Llc } else { after(ether_type) }
}

/// Whether a known ether type is at this offset.
pub(super) fn is_known_type_at(bytes: &[u8], offset: usize) -> bool {
    let ether_type = bytes.get(offset..).and_then(<[u8]>::first_chunk);
    ether_type.is_some_and(|bytes| {
        let ether_type = EtherType(u16::from_be_bytes(*bytes));
        after(ether_type) != Next::Payload || ether_type == EtherType::FABRIC_PATH
    })
}

/// What an ether type announces.
pub(super) fn after(ether_type: EtherType) -> Next {
    match ether_type {
        EtherType::IPV4 => Next::Ipv4,
        EtherType::IPV6 => Next::Ipv6,
        EtherType::ARP => Next::Arp,
        EtherType::VLAN
        | EtherType::PROVIDER_VLAN
        | EtherType::OLD_PROVIDER_VLAN
        | EtherType::OLD_PROVIDER_VLAN_2
        | EtherType::PRIVATE_VLAN => Next::Vlan,
        EtherType::CISCO_METADATA => Next::CiscoMetadata,
        EtherType::VN_TAG => Next::VnTag,
        EtherType::BACKBONE => Next::BackboneTag,
        EtherType::MPLS | EtherType::MPLS_MULTICAST => Next::Mpls,
        EtherType::PPPOE_SESSION => Next::Pppoe,
        _ => Next::Payload,
    }
}
