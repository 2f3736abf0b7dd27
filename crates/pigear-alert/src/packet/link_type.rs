use std::fmt;
use std::str::FromStr;

use super::step::Next;

/// What a packet begins with: a number out of libpcap's `LINKTYPE_` list.
///
/// Open: any number can be named, though only those with a constant are dissected. Snort's
/// unified2 calls raw IP 12, as libpcap's own `DLT_RAW` is on Linux; that is understood as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkType(pub u16);

impl LinkType {
    /// The four bytes of BSD's loopback interface: an address family.
    pub const NULL: Self = Self(0);
    /// An Ethernet header.
    pub const ETHERNET: Self = Self(1);
    /// PPP, with or without the two bytes of HDLC before it.
    pub const PPP: Self = Self(9);
    /// An FDDI header.
    pub const FDDI: Self = Self(10);
    /// An IPv4 or IPv6 header.
    pub const RAW: Self = Self(101);
    /// Cisco's HDLC.
    pub const C_HDLC: Self = Self(104);
    /// The header of a "cooked" capture on Linux, as from the interface `any`.
    pub const LINUX_SLL: Self = Self(113);

    /// The names that are parsed, beside numbers.
    #[must_use]
    pub fn names() -> [&'static str; 7] {
        Self::NAMES.map(|(_, name)| name)
    }

    const NAMES: [(Self, &'static str); 7] = [
        (Self::ETHERNET, "ethernet"),
        (Self::RAW, "raw"),
        (Self::LINUX_SLL, "linux-sll"),
        (Self::NULL, "null"),
        (Self::PPP, "ppp"),
        (Self::FDDI, "fddi"),
        (Self::C_HDLC, "c-hdlc"),
    ];

    /// Those that are detected where Snort says where IP begins; the more specific before the others.
    pub(super) const DETECTED: [Self; 6] =
        [Self::ETHERNET, Self::LINUX_SLL, Self::NULL, Self::C_HDLC, Self::PPP, Self::FDDI];

    /// `ethernet`, `raw`, `linux-sll`, `null`, `ppp`, `fddi` or `c-hdlc`; the others go by their
    /// number.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        Self::NAMES.iter().find(|(link_type, _)| *link_type == self).map(|(_, name)| *name)
    }

    /// What to read first, where it is known how.
    pub(super) fn first(self) -> Option<Next> {
        match self.0 {
            // 108 is OpenBSD's loopback interface.
            0 | 108 => Some(Next::Loopback),
            1 => Some(Next::Ethernet),
            // 50 is PPP that always has HDLC's bytes.
            9 | 50 => Some(Next::Ppp),
            10 => Some(Next::Fddi),
            104 => Some(Next::CiscoHdlc),
            // 12 and 14 are DLT_RAW on most systems and on OpenBSD.
            12 | 14 | 101 => Some(Next::Ip),
            113 => Some(Next::LinuxCooked),
            _ => None,
        }
    }
}

impl fmt::Display for LinkType {
    /// The name, or the number where there is none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => self.0.fmt(f),
        }
    }
}

/// A text that names no link type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown link type {0:?}: known are ethernet, raw, linux-sll, null, ppp, fddi, c-hdlc, and libpcap's numbers"
)]
pub struct UnknownLinkType(pub String);

impl FromStr for LinkType {
    type Err = UnknownLinkType;

    /// Reads a name, in upper or lower case, or a number.
    ///
    /// # Errors
    ///
    /// [`UnknownLinkType`] if the text is neither.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::NAMES.iter().find(|(_, name)| name.eq_ignore_ascii_case(text));
        match named {
            Some((link_type, _)) => Ok(*link_type),
            None => text.parse().map(Self).map_err(|_| UnknownLinkType(text.to_owned())),
        }
    }
}
