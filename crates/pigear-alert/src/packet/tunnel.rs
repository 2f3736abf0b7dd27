use super::step::{Next, Step, fixed};
use super::{EtherType, StopReason, link};

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

/// The header of a frame that a switch copied (ERSPAN).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erspan {
    /// The type by its Roman number: 2 or 3.
    pub erspan_type: u8,
    /// The frame's VLAN.
    pub vlan: u16,
    /// The session that copies, 10 bits.
    pub session: u16,
}

/// Reads a header of RFC 2784 and 2890, of RFC 1701 with source routes, or of PPTP (RFC 2637).
pub(super) fn gre(window: &[u8]) -> Result<Step<Gre>, StopReason> {
    let [flags, flags_and_version, t0, t1] = *fixed(window)?;
    let version = flags_and_version & 7;
    if version > 1 {
        return Err(StopReason::Version { found: version });
    }
    let has = |flag: u8| flags & flag != 0;
    let protocol = EtherType(u16::from_be_bytes([t0, t1]));
    if !is_valid(version, flags, flags_and_version, protocol) {
        return Err(StopReason::Flags { found: u16::from_be_bytes([flags, flags_and_version]) });
    }
    let mut fields = Fields { window, at: 4 };
    fields.word(version == 0 && (has(0x80) || has(0x40)))?; // checksum and offset
    let key = fields.word(has(0x20))?;
    let sequence = fields.word(has(0x10))?;
    fields.word(version == 1 && flags_and_version & 0x80 != 0)?; // acknowledgment
    if version == 0 && has(0x40) {
        fields.skip_routes()?;
    }
    let header = Gre { version, protocol, key, sequence };
    Ok(Step::new(header, fields.at, after_gre(protocol)))
}

/// Whether only flags are set that Snort accepts. Version 1 is for PPP alone, and always has a key.
fn is_valid(version: u8, flags: u8, flags_and_version: u8, protocol: EtherType) -> bool {
    const KEY: u16 = 0x2000;
    let flags = u16::from_be_bytes([flags, flags_and_version]);
    if version == 0 {
        flags & 0x07f8 == 0
    } else {
        flags & 0xcf78 == 0 && flags & KEY != 0 && protocol == EtherType::PPP
    }
}

/// Reads a header of version 1 (type II), or of version 2 (type III).
pub(super) fn erspan(version: u8, window: &[u8]) -> Result<Step<Erspan>, StopReason> {
    let [v0, v1, s0, s1] = *fixed(window)?;
    if v0 >> 4 != version {
        return Err(StopReason::Version { found: v0 >> 4 });
    }
    let len = if version == 1 { 8 } else { 20 };
    if window.len() < len {
        return Err(StopReason::Truncated { needed: len, actual: window.len() });
    }
    let header = Erspan {
        erspan_type: version + 1,
        vlan: u16::from_be_bytes([v0, v1]) & 0x0fff,
        session: u16::from_be_bytes([s0, s1]) & 0x03ff,
    };
    Ok(Step::new(header, len, Next::Ethernet))
}

fn after_gre(protocol: EtherType) -> Next {
    match protocol {
        EtherType::ERSPAN_2 => Next::Erspan(1),
        EtherType::ERSPAN_3 => Next::Erspan(2),
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
