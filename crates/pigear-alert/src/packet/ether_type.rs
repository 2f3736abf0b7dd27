use std::fmt;

/// What an Ethernet frame, a VLAN tag or a GRE header carries: IANA's "ether type".
///
/// Open: a number without a constant here is as good a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EtherType(pub u16);

impl EtherType {
    /// IPv4.
    pub const IPV4: Self = Self(0x0800);
    /// ARP.
    pub const ARP: Self = Self(0x0806);
    /// Ethernet frames inside GRE ("transparent Ethernet bridging").
    pub const BRIDGED_ETHERNET: Self = Self(0x6558);
    /// A VLAN tag (802.1Q).
    pub const VLAN: Self = Self(0x8100);
    /// IPv6.
    pub const IPV6: Self = Self(0x86dd);
    /// PPP, inside GRE.
    pub const PPP: Self = Self(0x880b);
    /// An MPLS label stack.
    pub const MPLS: Self = Self(0x8847);
    /// An MPLS label stack, upstream-assigned ("multicast").
    pub const MPLS_MULTICAST: Self = Self(0x8848);
    /// A PPPoE session.
    pub const PPPOE_SESSION: Self = Self(0x8864);
    /// A provider's VLAN tag (802.1ad, the outer one of QinQ).
    pub const PROVIDER_VLAN: Self = Self(0x88a8);
    /// The outer tag of QinQ before 802.1ad.
    pub const OLD_PROVIDER_VLAN: Self = Self(0x9100);
    /// Another tag of QinQ before 802.1ad.
    pub const OLD_PROVIDER_VLAN_2: Self = Self(0x9200);
    /// A VLAN tag of some switches.
    pub const PRIVATE_VLAN: Self = Self(0x8200);
    /// A copied frame in ERSPAN, type II, inside GRE.
    pub const ERSPAN_2: Self = Self(0x88be);
    /// A copied frame in ERSPAN, type III, inside GRE.
    pub const ERSPAN_3: Self = Self(0x22eb);
    /// A provider backbone bridge's service tag (802.1ah), and an Ethernet frame.
    pub const BACKBONE: Self = Self(0x88e7);
    /// Cisco `FabricPath`: two bytes, and an Ethernet frame.
    pub const FABRIC_PATH: Self = Self(0x8903);
    /// Cisco metadata (a security group's tag).
    pub const CISCO_METADATA: Self = Self(0x8909);
    /// A VN-Tag.
    pub const VN_TAG: Self = Self(0x8926);
    /// The least number of a type: a smaller one is the frame's length (802.3).
    pub const LEAST: Self = Self(0x0600);

    /// What the type is called, where it is one that is dissected.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::IPV4 => "IPv4",
            Self::ARP => "ARP",
            Self::BRIDGED_ETHERNET => "Ethernet",
            Self::VLAN
            | Self::PROVIDER_VLAN
            | Self::OLD_PROVIDER_VLAN
            | Self::OLD_PROVIDER_VLAN_2
            | Self::PRIVATE_VLAN => "VLAN",
            Self::ERSPAN_2 | Self::ERSPAN_3 => "ERSPAN",
            Self::BACKBONE => "PBB",
            Self::FABRIC_PATH => "FabricPath",
            Self::CISCO_METADATA => "Cisco metadata",
            Self::VN_TAG => "VN-Tag",
            Self::IPV6 => "IPv6",
            Self::PPP => "PPP",
            Self::MPLS | Self::MPLS_MULTICAST => "MPLS",
            Self::PPPOE_SESSION => "PPPoE",
            _ => return None,
        })
    }
}

impl fmt::Display for EtherType {
    /// The number as it is usually written, `0x0800`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#06x}", self.0)
    }
}
