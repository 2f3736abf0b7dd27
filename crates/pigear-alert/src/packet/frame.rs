use super::step::{Next, Step, fixed};
use super::{EtherType, StopReason, link};

/// What BSD's loopback interface puts before a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loopback {
    /// The address family, in the byte order of the machine that captured: 2 is IPv4.
    pub family: u32,
}

/// The header of an FDDI frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fddi {
    /// The kind of frame.
    pub frame_control: u8,
    /// The sender's address.
    pub source: [u8; 6],
    /// The receiver's address.
    pub destination: [u8; 6],
}

/// The header of a Cisco HDLC frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CiscoHdlc {
    /// 0x0f to one receiver, 0x8f to all.
    pub address: u8,
    /// What follows.
    pub ether_type: EtherType,
}

/// Reads the family, which is in one byte order or the other. IP is told by its version, as Snort
/// does.
pub(super) fn loopback(window: &[u8]) -> Result<Step<Loopback>, StopReason> {
    let bytes = *fixed(window)?;
    let family = u32::from_be_bytes(bytes).min(u32::from_le_bytes(bytes));
    Ok(Step::new(Loopback { family }, 4, Next::Ip))
}

pub(super) fn fddi(window: &[u8]) -> Result<Step<Fddi>, StopReason> {
    let [frame_control, d0, d1, d2, d3, d4, d5, source @ ..] = *fixed::<13>(window)?;
    let header = Fddi { frame_control, source, destination: [d0, d1, d2, d3, d4, d5] };
    Ok(Step::new(header, 13, Next::Llc))
}

pub(super) fn cisco_hdlc(window: &[u8]) -> Result<Step<CiscoHdlc>, StopReason> {
    let [address, _, t0, t1] = *fixed(window)?;
    let ether_type = EtherType(u16::from_be_bytes([t0, t1]));
    Ok(Step::new(CiscoHdlc { address, ether_type }, 4, link::after(ether_type)))
}
