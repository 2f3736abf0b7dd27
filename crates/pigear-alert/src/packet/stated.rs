use super::Flow;
use crate::message::AlertMessage;

/// What Snort states of a packet, beside its bytes: it is believed before the dissection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stated {
    /// Offset of the innermost IP header, if Snort names one and one stands there.
    pub ip: Option<usize>,
    /// Offset of what follows the last header that Snort read, if it says so.
    pub data: Option<usize>,
    /// Addresses, protocol and ports in Snort's log.
    pub flow: Option<Flow>,
    /// The VLAN in Snort's log.
    pub vlan: Option<u16>,
}

impl Stated {
    /// What a datagram states of its packet.
    #[must_use]
    pub fn by(message: &AlertMessage) -> Self {
        let [nethdr, transhdr, data] =
            [message.nethdr, message.transhdr, message.data].map(|offset| offset as usize);
        let data = Some(data).filter(|&data| data > 0);
        Self { ip: ip_header(&message.pkt, nethdr, transhdr), data, ..Self::default() }
    }
}

/// An offset of 0 stands for "none" too. A raw packet is then told by `transhdr`, which Snort sets only if it
/// found IP. `data` alone tells nothing: a frame's own headers may end where an IP header in its addresses would.
fn ip_header(pkt: &[u8], nethdr: usize, transhdr: usize) -> Option<usize> {
    let len = header_len(pkt.get(nethdr..)?)?;
    let is_stated = nethdr > 0 || transhdr >= len;
    is_stated.then_some(nethdr)
}

/// The length of the IP header that begins these bytes, if one does.
fn header_len(bytes: &[u8]) -> Option<usize> {
    match *bytes {
        [first @ 0x45..=0x4f, _, l0, l1, ..] if bytes.len() >= 20 => {
            let len = usize::from(first & 0x0f) * 4;
            (usize::from(u16::from_be_bytes([l0, l1])) >= len).then_some(len)
        }
        [0x60..=0x6f, ..] if bytes.len() >= 40 => Some(40),
        _ => None,
    }
}
