use std::net::SocketAddrV4;

use super::step::{Next, Step, fixed};
use super::{EtherType, StopReason, Udp, link};

const TEREDO_PORT: u16 = 3544;
const VXLAN_PORT: u16 = 4789;

/// Whether to look inside VXLAN, UDP to port 4789.
///
/// Snort 3 does, so the addresses it alerts on are the inner ones; Snort 2 doesn't.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Vxlan {
    /// Look inside, as Snort 3 does.
    Enter,
    /// Leave it a payload, as Snort 2 does.
    #[default]
    Ignore,
}

/// A GRE header: version 0, or version 1 as in PPTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gre {
    /// The version, 0 or 1.
    pub version: u8,
    /// What follows.
    pub protocol: EtherType,
    /// The key, if there is one; in version 1 the payload's length and the call's number.
    pub key: Option<u32>,
    /// The packet's number, if there is one.
    pub sequence: Option<u32>,
}

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
pub struct VxlanHeader {
    /// The network's number, 24 bits.
    pub vni: u32,
}

/// What a UDP datagram carries, as far as its ports tell.
pub(super) fn in_udp(udp: &Udp, payload: &[u8], vxlan: Vxlan) -> Next {
    let ports = [udp.source_port, udp.destination_port];
    if vxlan == Vxlan::Enter && udp.destination_port == VXLAN_PORT {
        Next::Vxlan
    } else if ports.contains(&TEREDO_PORT) && carries_ipv6(udp, payload) {
        Next::Teredo
    } else {
        Next::Payload
    }
}

/// Whether an IPv6 packet follows Teredo's indications and fits in the datagram. Anything may use
/// the port, and a small letter begins with IPv6's version.
fn carries_ipv6(udp: &Udp, payload: &[u8]) -> bool {
    let (_, indications) = teredo_indications(payload);
    let Some([first, _, _, _, l0, l1]) = payload.get(indications..).and_then(<[u8]>::first_chunk)
    else {
        return false;
    };
    let needed = indications + 40 + usize::from(u16::from_be_bytes([*l0, *l1]));
    let stated = usize::from(udp.length).checked_sub(8).unwrap_or(payload.len());
    first >> 4 == 6 && needed <= stated
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

/// Reads the header whatever its flags: Snort takes all of the port for VXLAN.
pub(super) fn vxlan(window: &[u8]) -> Result<Step<VxlanHeader>, StopReason> {
    let [_, _, _, _, v0, v1, v2, _] = *fixed(window)?;
    let vni = u32::from_be_bytes([0, v0, v1, v2]);
    Ok(Step::new(VxlanHeader { vni }, 8, Next::Ethernet))
}

/// Reads a header of RFC 2784 and 2890, of RFC 1701 with source routes, or of PPTP (RFC 2637).
pub(super) fn gre(window: &[u8]) -> Result<Step<Gre>, StopReason> {
    let [flags, flags_and_version, t0, t1] = *fixed(window)?;
    let version = flags_and_version & 7;
    if version > 1 {
        return Err(StopReason::Version { found: version });
    }
    let has = |flag: u8| flags & flag != 0;
    let mut fields = Fields { window, at: 4 };
    fields.word(version == 0 && (has(0x80) || has(0x40)))?; // checksum and offset
    let key = fields.word(has(0x20))?;
    let sequence = fields.word(has(0x10))?;
    fields.word(version == 1 && flags_and_version & 0x80 != 0)?; // acknowledgment
    if version == 0 && has(0x40) {
        fields.skip_routes()?;
    }
    let protocol = EtherType(u16::from_be_bytes([t0, t1]));
    let header = Gre { version, protocol, key, sequence };
    Ok(Step::new(header, fields.at, after_gre(protocol)))
}

fn after_gre(protocol: EtherType) -> Next {
    match protocol {
        EtherType::BRIDGED_ETHERNET => Next::Ethernet,
        EtherType::PPP => Next::Ppp,
        _ => link::after(protocol),
    }
}

/// GRE's optional fields, which only its flags tell of.
struct Fields<'a> {
    window: &'a [u8],
    at: usize,
}

impl Fields<'_> {
    fn word(&mut self, present: bool) -> Result<Option<u32>, StopReason> {
        if !present {
            return Ok(None);
        }
        let start = self.at;
        self.skip(4)?;
        let word = fixed(self.window.get(start..).unwrap_or_default())?;
        Ok(Some(u32::from_be_bytes(*word)))
    }

    fn skip(&mut self, len: usize) -> Result<(), StopReason> {
        self.at += len;
        let (needed, actual) = (self.at, self.window.len());
        if needed > actual { Err(StopReason::Truncated { needed, actual }) } else { Ok(()) }
    }

    /// Skips source routes: each has a family, an offset and a length; one of zeros is the last.
    fn skip_routes(&mut self) -> Result<(), StopReason> {
        while let Some(entry) = self.word(true)? {
            let [f0, f1, _, len] = entry.to_be_bytes();
            if [f0, f1, len] == [0, 0, 0] {
                break;
            }
            self.skip(usize::from(len))?;
        }
        Ok(())
    }
}
