//! Networks, as written in a filter or a query.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
#[cfg(feature = "web")]
use ipnet::Ipv4Net;

/// A range of addresses: `10.0.0.0/8`, `2001:db8::/32`, or one address. Bits after the prefix are
/// ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(IpNet);

/// The text is not a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an address or a network, such as 10.0.0.1, 10.0.0.0/8 or 2001:db8::/32")]
pub struct NotANetwork;

impl Network {
    /// Whether an address is in the network.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }

    /// The same network; if it has only addresses of IPv4 as IPv6 writes them, as one of IPv4.
    #[cfg(feature = "web")]
    pub(crate) fn to_canonical(self) -> Self {
        let IpNet::V6(network) = self.0 else { return self };
        let address = network.network().to_ipv4_mapped();
        let ipv4 = address.zip(network.prefix_len().checked_sub(96));
        ipv4.and_then(|(address, len)| Ipv4Net::new(address, len).ok())
            .map_or(self, |network| Self(network.into()))
    }

    /// Parses a network; the error has the text.
    #[cfg(feature = "script")]
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error: NotANetwork| format!("{text:?}: {error}"))
    }

    /// The first and the last address.
    #[cfg(feature = "store")]
    pub(crate) fn ends(self) -> (IpAddr, IpAddr) {
        (self.0.network(), self.0.broadcast())
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let address = || text.parse::<IpAddr>().map(IpNet::from);
        text.parse().or_else(|_| address()).map(Self).map_err(|_| NotANetwork)
    }
}

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        Self(address.into())
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(network: &str, address: &str) -> bool {
        network.parse::<Network>().unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn an_address_is_in_a_network_of_its_kind() {
        assert!(contains("10.0.0.0/8", "10.255.0.1") && !contains("10.0.0.0/8", "11.0.0.1"));
        assert!(contains("10.1.2.3/8", "10.9.9.9"), "bits behind the prefix don't count");
        assert!(contains("0.0.0.0/0", "255.255.255.255") && !contains("0.0.0.0/0", "::1"));
        assert!(contains("2001:db8::/32", "2001:db8:1::1"));
        assert!(!contains("2001:db8::/32", "2001:db9::1"));
        assert!(contains("::/0", "::1") && !contains("::/0", "0.0.0.1"));
        assert!(contains("10.0.0.1", "10.0.0.1") && !contains("10.0.0.1", "10.0.0.2"));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in [
            "",
            "x",
            "x/8",
            "10.0.0.0/33",
            "::/129",
            "10.0.0",
            "10.0.0/8",
            "10.0.0.0/",
            "10.0.0.0/-1",
            "10.0.0.0/8/8",
        ] {
            assert_eq!(text.parse::<Network>(), Err(NotANetwork), "{text}");
        }
    }

    #[cfg(feature = "store")]
    #[test]
    fn a_network_has_a_first_and_a_last_address() {
        let ends = |text: &str| {
            let (first, last) = text.parse::<Network>().unwrap().ends();
            format!("{first} {last}")
        };
        assert_eq!(ends("10.1.2.3/8"), "10.0.0.0 10.255.255.255");
        assert_eq!(ends("10.1.2.3/31"), "10.1.2.2 10.1.2.3");
        assert_eq!(ends("10.1.2.3"), "10.1.2.3 10.1.2.3");
        assert_eq!(ends("2001:db8::1/112"), "2001:db8:: 2001:db8::ffff");
    }
}
