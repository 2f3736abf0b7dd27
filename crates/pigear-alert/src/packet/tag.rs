use super::step::{Next, Step, fixed};
use super::{EtherType, StopReason, link};

/// What follows the addresses of a Cisco `FabricPath` frame, before the Ethernet frame inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FabricPath {
    /// The forwarding tag: the tree that the frame takes, 10 bits.
    pub forwarding_tag: u16,
    /// The time to live, 6 bits.
    pub ttl: u8,
}

/// Cisco metadata: the security group of a frame's sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CiscoMetadata {
    /// The security group tag.
    pub security_group: u16,
    /// What follows.
    pub ether_type: EtherType,
}

/// A VN-Tag: the virtual interfaces of a frame (802.1BR's predecessor).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VnTag {
    /// The virtual interface that the frame goes to, 14 bits.
    pub destination: u16,
    /// The virtual interface that it comes from, 12 bits.
    pub source: u16,
    /// What follows.
    pub ether_type: EtherType,
}

/// The service tag of a provider backbone bridge (802.1ah), before the Ethernet frame inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackboneTag {
    /// The service's number (I-SID), 24 bits.
    pub service: u32,
}

/// The logical link control header of a frame that has a length instead of an ether type (802.3),
/// and of FDDI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Llc {
    /// The receiver's service access point.
    pub dsap: u8,
    /// The sender's service access point.
    pub ssap: u8,
    /// The control field's first byte.
    pub control: u8,
    /// What follows, where SNAP says so: both access points are 0xaa, and the organization is 0.
    pub ether_type: Option<EtherType>,
}

pub(super) fn fabric_path(window: &[u8]) -> Result<Step<FabricPath>, StopReason> {
    let tag = u16::from_be_bytes(*fixed(window)?);
    let [_, low] = tag.to_be_bytes();
    let header = FabricPath { forwarding_tag: tag >> 6, ttl: low & 0x3f };
    Ok(Step::new(header, 2, Next::Ethernet))
}

/// Reads version, length in units of eight bytes, one option with the security group, and what
/// follows at the end.
pub(super) fn cisco_metadata(window: &[u8]) -> Result<Step<CiscoMetadata>, StopReason> {
    let [_, units, _, _, g0, g1, _, _] = *fixed::<8>(window)?;
    let (stated, actual) = (usize::from(units) * 8, window.len());
    let Some(header) = window.get(..stated) else {
        return Err(StopReason::HeaderCut { stated, actual });
    };
    let Some(ether_type) = header.last_chunk().filter(|_| stated >= 8) else {
        return Err(StopReason::HeaderTooShort { stated, least: 8 });
    };
    let ether_type = EtherType(u16::from_be_bytes(*ether_type));
    let header = CiscoMetadata { security_group: u16::from_be_bytes([g0, g1]), ether_type };
    Ok(Step::new(header, stated, link::after(ether_type)))
}

pub(super) fn vn_tag(window: &[u8]) -> Result<Step<VnTag>, StopReason> {
    let [d0, d1, s0, s1, t0, t1] = *fixed(window)?;
    let ether_type = EtherType(u16::from_be_bytes([t0, t1]));
    let header = VnTag {
        destination: u16::from_be_bytes([d0, d1]) & 0x3fff,
        source: u16::from_be_bytes([s0, s1]) & 0x0fff,
        ether_type,
    };
    Ok(Step::new(header, 6, link::after(ether_type)))
}

pub(super) fn backbone_tag(window: &[u8]) -> Result<Step<BackboneTag>, StopReason> {
    let [_, i0, i1, i2] = *fixed(window)?;
    let header = BackboneTag { service: u32::from_be_bytes([0, i0, i1, i2]) };
    Ok(Step::new(header, 4, Next::Ethernet))
}

pub(super) fn llc(window: &[u8]) -> Result<Step<Llc>, StopReason> {
    const SNAP: u8 = 0xaa;
    let [dsap, ssap, control] = *fixed(window)?;
    let plain = Llc { dsap, ssap, control, ether_type: None };
    if (dsap, ssap) != (SNAP, SNAP) {
        return Ok(Step::new(plain, 3, Next::Payload));
    }
    let [_, _, _, organization @ .., t0, t1] = *fixed::<8>(window)?;
    if organization != [0; 3] {
        return Ok(Step::new(plain, 8, Next::Payload));
    }
    let ether_type = EtherType(u16::from_be_bytes([t0, t1]));
    let header = Llc { ether_type: Some(ether_type), ..plain };
    Ok(Step::new(header, 8, link::after(ether_type)))
}
