use std::net::SocketAddrV4;

use super::step::{Next, Step, fixed};
use super::{EtherType, SnortVersion, StopReason, Udp, link};

const TEREDO_PORT: u16 = 3544;
const VXLAN_PORT: u16 = 4789;
const GENEVE_PORT: u16 = 6081;
const GTP_PORTS: [u16; 2] = [2152, 3386];

/// What Teredo puts before the IPv6 packet it carries in UDP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Teredo {
    /// Whether there is an authentication indication.
    pub authenticated: bool,
    /// The client's address and port as its server saw them, if there is an origin indication.
    pub origin: Option<SocketAddrV4>,
}

/// A VXLAN header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vxlan {
    /// The network's number, 24 bits.
    pub vni: u32,
}

/// A Geneve header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Geneve {
    /// The network's number, 24 bits.
    pub vni: u32,
    /// What follows.
    pub protocol: EtherType,
}

/// The header of a user's packet in a GTP tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gtp {
    /// The version, 0 or 1.
    pub version: u8,
    /// The tunnel's number; of version 0 the flow's label.
    pub tunnel: u32,
}

/// What a UDP datagram carries, as far as its ports tell, and its contents confirm.
///
/// Snort 2 looks inside Teredo only. In doubt it is payload, as it is to Snort: who sends the datagram
/// chooses what stands in it.
pub(super) fn in_udp(udp: &Udp, payload: &[u8], snort: SnortVersion) -> Next {
    let ports = [udp.source_port, udp.destination_port];
    let stated = usize::from(udp.length).checked_sub(8).unwrap_or(payload.len());
    if ports.contains(&TEREDO_PORT) && carries_teredo(stated, payload) {
        return Next::Teredo;
    }
    if snort == SnortVersion::V2 {
        return Next::Payload;
    }
    if udp.destination_port == VXLAN_PORT && payload.first() == Some(&VXLAN_FLAGS) {
        Next::Vxlan
    } else if udp.destination_port == GENEVE_PORT {
        Next::Geneve
    } else if ports.iter().any(|port| GTP_PORTS.contains(port)) && carries_gtp(stated, payload) {
        Next::Gtp
    } else {
        Next::Payload
    }
}

/// Whether an IPv6 packet follows Teredo's indications and fits in the datagram, and one of its
/// addresses is one of Teredo's: anything may use the port, and a small letter begins with IPv6's
/// version.
fn carries_teredo(stated: usize, payload: &[u8]) -> bool {
    let (_, indications) = teredo_indications(payload);
    let rest = payload.get(indications..).unwrap_or_default();
    let Some(header) = rest.first_chunk::<40>() else { return false };
    let needed = indications + 40 + usize::from(u16::from_be_bytes([header[4], header[5]]));
    let addresses = [&header[8..24], &header[24..]];
    header[0] >> 4 == 6 && needed <= stated && addresses.into_iter().any(is_teredo)
}

/// Whether an address is in `2001:0::/32` or `fe80::/64`.
fn is_teredo(address: &[u8]) -> bool {
    address.starts_with(&[0x20, 0x01, 0, 0]) || address.starts_with(&[0xfe, 0x80, 0, 0, 0, 0, 0, 0])
}

/// Reads the indications (RFC 4380, section 5.1.1): authentication first, then the origin.
fn teredo_indications(payload: &[u8]) -> (Teredo, usize) {
    let authentication = match payload {
        [0, 1, id_len, data_len, ..] => 13 + usize::from(*id_len) + usize::from(*data_len),
        _ => 0,
    };
    let rest = payload.get(authentication..).unwrap_or_default();
    let origin = match *rest {
        [0, 0, p0, p1, a0, a1, a2, a3, ..] => {
            let address = [!a0, !a1, !a2, !a3].into();
            Some(SocketAddrV4::new(address, !u16::from_be_bytes([p0, p1])))
        }
        _ => None,
    };
    let len = authentication + if origin.is_some() { 8 } else { 0 };
    (Teredo { authenticated: authentication > 0, origin }, len)
}

pub(super) fn teredo(window: &[u8]) -> Step<Teredo> {
    let (header, len) = teredo_indications(window);
    Step::new(header, len, Next::Ipv6)
}

/// The only flags that Snort accepts.
const VXLAN_FLAGS: u8 = 0x08;

pub(super) fn vxlan(window: &[u8]) -> Result<Step<Vxlan>, StopReason> {
    let [_, _, _, _, v0, v1, v2, _] = *fixed(window)?;
    let vni = u32::from_be_bytes([0, v0, v1, v2]);
    Ok(Step::new(Vxlan { vni }, 8, Next::Ethernet))
}

/// Reads the header with its options (RFC 8926).
pub(super) fn geneve(window: &[u8]) -> Result<Step<Geneve>, StopReason> {
    let [version_and_len, flags, p0, p1, v0, v1, v2, _] = *fixed(window)?;
    let version = version_and_len >> 6;
    if version != 0 {
        return Err(StopReason::Version { found: version });
    }
    let (stated, actual) = (8 + usize::from(version_and_len & 0x3f) * 4, window.len());
    let Some(options) = window.get(8..stated) else {
        return Err(StopReason::HeaderCut { stated, actual });
    };
    if has_critical(options) != Some(flags & 0x40 != 0) {
        return Err(StopReason::Flags { found: u16::from_be_bytes([version_and_len, flags]) });
    }
    let protocol = EtherType(u16::from_be_bytes([p0, p1]));
    let header = Geneve { vni: u32::from_be_bytes([0, v0, v1, v2]), protocol };
    let next = match protocol {
        EtherType::BRIDGED_ETHERNET => Next::Ethernet,
        _ => link::after(protocol),
    };
    Ok(Step::new(header, stated, next))
}

/// Whether there is a critical option; `None` if the options don't fit.
fn has_critical(mut options: &[u8]) -> Option<bool> {
    let mut found = false;
    while let Some(([_, _, kind, len], rest)) = options.split_first_chunk() {
        found |= kind & 0x80 != 0;
        options = rest.get(usize::from(len & 0x1f) * 4..)?;
    }
    Some(found)
}

const GTP_PACKET: u8 = 255;
const GTP_V0_LEN: usize = 20;
const GTP_V1_LEN: usize = 8;

/// Whether it is a user's packet (not a message of the tunnel, nor of GTP') and its length fits.
fn carries_gtp(stated: usize, payload: &[u8]) -> bool {
    let [flags, GTP_PACKET, l0, l1, ..] = *payload else { return false };
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    let least = match flags >> 5 {
        0 => GTP_V0_LEN,
        1 => GTP_V1_LEN,
        _ => return false,
    };
    flags & 0x10 != 0 && least + length == stated
}

/// Reads the header: of version 1 with its optional fields and extension headers, if any flag tells
/// of some.
pub(super) fn gtp(window: &[u8]) -> Result<Step<Gtp>, StopReason> {
    let [flags, _, _, _, t0, t1, t2, t3] = *fixed::<8>(window)?;
    let version = flags >> 5;
    let len = match (version, flags & 0x07) {
        (0, _) => GTP_V0_LEN,
        (_, 0) => GTP_V1_LEN,
        _ => gtp_extensions(window)?,
    };
    if window.len() < len {
        return Err(StopReason::HeaderCut { stated: len, actual: window.len() });
    }
    let tunnel = u32::from_be_bytes(if version == 0 { [0, 0, t2, t3] } else { [t0, t1, t2, t3] });
    let header = Gtp { version, tunnel };
    let next = match window.get(len).map(|byte| byte >> 4) {
        Some(4) => Next::Ipv4,
        Some(6) => Next::Ipv6,
        _ => Next::Payload,
    };
    Ok(Step::new(header, len, next))
}

/// The length of a header with extensions. Each has its length first, in units of four bytes, and the
/// next one's type last.
fn gtp_extensions(window: &[u8]) -> Result<usize, StopReason> {
    let mut len = 12;
    while let Some(1..) = window.get(len - 1) {
        match window.get(len) {
            Some(&units @ 1..) => len += usize::from(units) * 4,
            Some(0) => return Err(StopReason::HeaderTooShort { stated: 0, least: 4 }),
            None => break,
        }
    }
    Ok(len)
}
