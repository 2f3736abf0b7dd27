//! Snort's message: the fields of one alert datagram.

use std::fmt;

/// Snort's message: the fields of one alert datagram, under the names that Pigear has always used.
///
/// The fields follow `Alertpkt` in Snort's `alert_unixsock` (`spo_alert_unixsock.h` in Snort 2,
/// `alert_unixsock.cc` in Snort 3). All numbers are in host order. Times are seconds and
/// microseconds since 1970, UTC.
///
/// Note that `msg` is bytes, because rules may be in any encoding. It has no quotes, which Snort 3 adds,
/// and Snort truncates it at 255 bytes. `caplen` is the length of `pkt`, which may be less than Snort
/// claims.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AlertMessage {
    /// The rule's message.
    pub msg: Box<[u8]>,
    /// When the packet was seen: seconds.
    pub ts_sec: u32,
    /// When the packet was seen: microseconds, below 1,000,000.
    pub ts_usec: u32,
    /// Bytes of the packet that are in [`pkt`](Self::pkt).
    pub caplen: u32,
    /// Bytes of the packet on the wire.
    pub pktlen: u32,
    /// Offset of the link header in `pkt`, from Snort; 0 also if it sent none.
    pub dlthdr: u32,
    /// Offset of the innermost IP header in `pkt`, from Snort; 0 if it sent none.
    pub nethdr: u32,
    /// Offset of the transport header in `pkt`, from Snort; 0 if it sent none.
    pub transhdr: u32,
    /// Offset of the payload in `pkt`, from Snort; 0 if it sent none.
    pub data: u32,
    /// Flags: [`NO_PACKET`](Self::NO_PACKET) and [`NO_TRANSPORT`](Self::NO_TRANSPORT).
    pub val: u32,
    /// The packet, from its link header on.
    pub pkt: Box<[u8]>,
    /// Generator: the part of Snort that raised the alert; 1 for text rules.
    pub sig_generator: u32,
    /// Signature id: the rule, within its generator.
    pub sig_id: u32,
    /// Revision of the rule.
    pub sig_rev: u32,
    /// Class: position in `classification.config`, counted from 1; 0 for none.
    pub classification: u32,
    /// Priority: 1 is the most severe; 0 for none.
    pub priority: u32,
    /// Number of the event in its packet thread. Not unique: it starts over with Snort.
    pub event_id: u32,
    /// The event that this one refers to; its own number, as a rule.
    pub event_reference: u32,
    /// When the event happened that this one refers to: seconds.
    pub tv_sec: u32,
    /// When the event happened that this one refers to: microseconds.
    pub tv_usec: u32,
    /// The application, where Snort was built with `OpenAppID` and knows it.
    pub app_name: Option<AppName>,
}

impl AlertMessage {
    /// Flag in [`val`](Self::val): the alert comes without a packet (`NOPACKET_STRUCT`).
    pub const NO_PACKET: u32 = 0x1;
    /// Flag in [`val`](Self::val): the packet has no transport header (`NO_TRANSHDR`).
    pub const NO_TRANSPORT: u32 = 0x2;

    /// Sets a packet, which is taken for complete.
    pub(crate) fn set_packet(&mut self, pkt: Box<[u8]>) {
        // No packet of Snort's is longer than 65,535 bytes and its headers.
        self.caplen = u32::try_from(pkt.len()).unwrap_or(u32::MAX);
        self.pktlen = self.pktlen.max(self.caplen);
        self.val = if pkt.is_empty() { Self::NO_PACKET } else { 0 };
        self.pkt = pkt;
    }

    /// Whether there is a packet. One of zeros only doesn't count: an unfilled buffer looks like that.
    #[must_use]
    pub fn has_packet(&self) -> bool {
        self.pkt.iter().any(|&byte| byte != 0)
    }
}

/// The name of an application, as `OpenAppID` gives it.
///
/// Kept in place, without an allocation. At most 64 bytes, in any encoding.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AppName {
    len: u8,
    bytes: [u8; Self::MAX_LEN],
}

impl AppName {
    /// Size of Snort's field (`MAX_EVENT_APPNAME_LEN`), in bytes.
    pub const MAX_LEN: usize = 64;

    /// Takes the text before the first NUL, and at most [`MAX_LEN`](Self::MAX_LEN) bytes of it.
    /// `None` if that leaves nothing.
    #[must_use]
    pub fn new(field: &[u8]) -> Option<Self> {
        let text = until_nul(field);
        let text = text.get(..Self::MAX_LEN).unwrap_or(text);
        let mut bytes = [0; Self::MAX_LEN];
        bytes.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
        let len = u8::try_from(text.len()).ok().filter(|&len| len > 0)?;
        Some(Self { len, bytes })
    }

    /// The name's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl fmt::Debug for AppName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AppName({self})")
    }
}

impl fmt::Display for AppName {
    /// Bytes that are not UTF-8 become U+FFFD.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.as_bytes()))
    }
}

/// A time whose microseconds are below 1,000,000: what is above counts as seconds.
pub(crate) fn carried(seconds: u32, microseconds: u32) -> (u32, u32) {
    const SECOND: u32 = 1_000_000;
    (seconds.saturating_add(microseconds / SECOND), microseconds % SECOND)
}

/// The part of a C string's buffer before its NUL; all of it if there is none.
pub(crate) fn until_nul(field: &[u8]) -> &[u8] {
    field.split(|&byte| byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_name_ends_at_its_nul() {
        assert_eq!(AppName::new(b"DNS\0stale").unwrap().as_bytes(), b"DNS");
    }

    #[test]
    fn an_app_name_without_a_nul_is_taken_whole() {
        assert_eq!(AppName::new(&[b'x'; 70]).unwrap().as_bytes(), [b'x'; 64]);
    }

    #[test]
    fn an_empty_app_name_is_none() {
        assert_eq!(AppName::new(b"\0stale"), None);
    }

    #[test]
    fn a_packet_of_zeros_does_not_count() {
        let mut message = AlertMessage { pkt: [0; 60].into(), ..AlertMessage::default() };
        assert!(!message.has_packet());
        message.pkt[59] = 1;
        assert!(message.has_packet());
    }
}
