mod names;

use std::fmt;

use names::NAMES;

/// What an IP header carries: IANA's protocol number.
///
/// Open: a number without a constant here is as good a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IpProtocol(pub u8);

impl IpProtocol {
    /// IPv6's hop-by-hop options (IPv6 only).
    pub const HOP_BY_HOP: Self = Self(0);
    /// ICMP of IPv4.
    pub const ICMP: Self = Self(1);
    /// An IPv4 packet.
    pub const IPV4: Self = Self(4);
    /// TCP.
    pub const TCP: Self = Self(6);
    /// UDP.
    pub const UDP: Self = Self(17);
    /// An IPv6 packet.
    pub const IPV6: Self = Self(41);
    /// IPv6's routing header.
    pub const ROUTING: Self = Self(43);
    /// IPv6's fragment header.
    pub const FRAGMENT: Self = Self(44);
    /// GRE.
    pub const GRE: Self = Self(47);
    /// An encrypted payload (`IPsec`). Not looked into.
    pub const ESP: Self = Self(50);
    /// The authentication header (`IPsec`).
    pub const AUTHENTICATION: Self = Self(51);
    /// ICMP of IPv6.
    pub const ICMPV6: Self = Self(58);
    /// Nothing follows (IPv6 only).
    pub const NO_NEXT_HEADER: Self = Self(59);
    /// IPv6's destination options.
    pub const DESTINATION_OPTIONS: Self = Self(60);
    /// SCTP.
    pub const SCTP: Self = Self(132);
    /// Reserved. Snort has it for packets that it makes up.
    pub const RESERVED: Self = Self(255);

    /// IANA's keyword for it, such as `IPv6-ICMP`, if it has one.
    #[must_use]
    pub fn keyword(self) -> Option<&'static str> {
        self.named().map(|(_, keyword, _)| *keyword)
    }

    /// What Snort 2 calls it in its logs, such as `IPV6-ICMP`, if it has a name: the one in Debian's file
    /// `protocols`, in capital letters.
    pub(crate) fn log_name(self) -> Option<&'static str> {
        self.named().and_then(|(_, _, log_name)| *log_name)
    }

    fn named(self) -> Option<&'static names::Named> {
        let place = NAMES.binary_search_by_key(&self.0, |(number, _, _)| *number).ok()?;
        const { &NAMES }.get(place)
    }

    /// Whether its header begins with two ports.
    pub(crate) fn has_ports(self) -> bool {
        matches!(self, Self::TCP | Self::UDP | Self::SCTP)
    }

    /// What the extension header of IPv6 is called that has this number.
    pub(super) fn extension_name(self) -> &'static str {
        match self {
            Self::HOP_BY_HOP => "hop-by-hop options",
            Self::ROUTING => "routing header",
            Self::AUTHENTICATION => "authentication header",
            Self::DESTINATION_OPTIONS => "destination options",
            _ => "extension header",
        }
    }

    /// `ICMPv6`, or IANA's keyword: `TCP`, `UDP`, `ICMP`, `SCTP`, `GRE`, …; numbers that IANA has not assigned
    /// have none.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        if self == Self::ICMPV6 { Some("ICMPv6") } else { self.keyword() }
    }
}

impl fmt::Display for IpProtocol {
    /// The name, or the number where there is none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => self.0.fmt(f),
        }
    }
}
