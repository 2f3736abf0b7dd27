//! Servers in between: which of them are believed when they say whose request they pass on.
//!
//! Each of them adds the address of its client at the end of `X-Forwarded-For` (or `Forwarded`). Read from the end,
//! the first address that is not a trusted server's is the client's; what is before it may be anything.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName};

use crate::network::Network;

/// The most addresses that are read of a header.
const MOST: usize = 32;

/// The servers in between that are trusted.
#[derive(Debug, Default)]
pub(super) struct Proxies(Vec<Network>);

impl Proxies {
    /// From a list of addresses and networks, with commas between.
    pub(super) fn new(list: Option<&str>) -> Result<Self, String> {
        let listed = list.unwrap_or_default().split(',').map(str::trim);
        let listed = listed.filter(|text| !text.is_empty());
        let parse =
            |text: &str| text.parse().map_err(|error| format!("trusted_proxies={text}: {error}"));
        listed
            .map(parse)
            .map(|it| it.map(Network::to_canonical))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether an address is that of a trusted server.
    pub(super) fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address.to_canonical()))
    }

    /// Whether an address may stand for many clients that can't be told apart.
    pub(super) fn is_shared(&self, peer: IpAddr) -> bool {
        peer.is_loopback() && !self.trust(peer)
    }

    /// The address of the client.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.trust(peer) {
            return peer;
        }
        let listed = |name: &'static str, element: fn(&str) -> Option<IpAddr>| {
            let name = HeaderName::from_static(name);
            let texts = headers.get_all(name).into_iter();
            let texts: Vec<_> = texts.map(|it| String::from_utf8_lossy(it.as_bytes())).collect();
            let elements: Vec<_> = texts.iter().flat_map(|text| text.split(',')).collect();
            (!elements.is_empty()).then(|| self.last_untrusted(peer, &elements, element))
        };
        match (listed("x-forwarded-for", address), listed("forwarded", forwarded)) {
            // A server sets one of them and passes the other on as the client wrote it: it is not known which.
            (Some(one), Some(other)) if one != other => peer,
            (one, other) => one.or(other).unwrap_or(peer),
        }
    }

    fn last_untrusted(
        &self,
        peer: IpAddr,
        elements: &[&str],
        read: fn(&str) -> Option<IpAddr>,
    ) -> IpAddr {
        let mut client = peer;
        for element in elements.iter().rev().take(MOST) {
            // What isn't an address was not written by a trusted server, or hides the client.
            let Some(address) = read(element.trim()) else { return client };
            client = address;
            if !self.trust(address) {
                break;
            }
        }
        client
    }
}

/// An address, with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let found = inner.unwrap_or(text).parse().ok();
    found
        .or_else(|| text.parse().ok().map(|with_port: SocketAddr| with_port.ip()))
        .map(|ip: IpAddr| ip.to_canonical())
}

/// The address in an element of `Forwarded`: `for="[2001:db8::1]:4711";proto=https`.
fn forwarded(element: &str) -> Option<IpAddr> {
    let pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
    let mut found = pairs.filter(|(name, _)| name.eq_ignore_ascii_case("for"));
    address(found.next()?.1.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, headers: &[(&'static str, &'static str)]) -> String {
        let proxies = Proxies::new(Some("127.0.0.1, 10.0.0.0/8, ::1")).unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        proxies.client(peer.parse().unwrap(), &map).to_string()
    }

    const FOR: &str = "x-forwarded-for";

    #[test]
    fn the_last_address_that_is_no_trusted_servers_is_the_clients() {
        for (header, expected) in [
            ("203.0.113.5", "203.0.113.5"),
            ("192.0.2.1, 203.0.113.5", "203.0.113.5"),
            ("127.0.0.1, 203.0.113.5, 10.1.1.1", "203.0.113.5"),
            ("203.0.113.5:4711", "203.0.113.5"),
            ("[2001:db8::1]:80", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("::ffff:203.0.113.5", "203.0.113.5"),
            ("10.1.1.1", "10.1.1.1"),
            ("203.0.113.5, unknown", "127.0.0.1"),
            ("203.0.113.5, x, 10.1.1.1", "10.1.1.1"),
            ("", "127.0.0.1"),
            ("203.0.113.5,", "127.0.0.1"),
        ] {
            assert_eq!(client("127.0.0.1", &[(FOR, header)]), expected, "{header:?}");
        }
        let two = [(FOR, "192.0.2.1"), (FOR, "203.0.113.5")];
        assert_eq!(client("::1", &two), "203.0.113.5");
        assert_eq!(client("::1", &[]), "::1");
    }

    #[test]
    fn forwarded_is_read_as_well() {
        for (header, expected) in [
            ("for=203.0.113.5;proto=https;by=10.1.1.1", "203.0.113.5"),
            ("For=\"[2001:db8::1]:4711\"", "2001:db8::1"),
            ("for=192.0.2.1, for=203.0.113.5", "203.0.113.5"),
            ("for=_hidden", "127.0.0.1"),
            ("proto=https", "127.0.0.1"),
        ] {
            assert_eq!(client("127.0.0.1", &[("forwarded", header)]), expected, "{header:?}");
        }
    }

    #[test]
    fn an_untrusted_address_is_not_believed_and_two_headers_that_differ_neither() {
        assert_eq!(client("192.0.2.9", &[(FOR, "203.0.113.5")]), "192.0.2.9");
        assert_eq!(client("192.0.2.9", &[("forwarded", "for=203.0.113.5")]), "192.0.2.9");
        let both = [(FOR, "203.0.113.5"), ("forwarded", "for=203.0.113.5")];
        assert_eq!(client("127.0.0.1", &both), "203.0.113.5");
        let both = [(FOR, "203.0.113.5"), ("forwarded", "for=192.0.2.1")];
        assert_eq!(client("127.0.0.1", &both), "127.0.0.1");
        assert!(Proxies::new(Some("nginx")).unwrap_err().starts_with("trusted_proxies=nginx: "));
    }

    #[test]
    fn an_address_is_trusted_however_it_is_written() {
        let trust = |list: &str, address: &str| {
            Proxies::new(Some(list)).unwrap().trust(address.parse().unwrap())
        };
        assert!(trust("::ffff:127.0.0.1", "127.0.0.1"));
        assert!(trust("::ffff:10.0.0.0/104", "10.1.1.1"));
        assert!(trust("::ffff:10.1.1.1", "::ffff:10.1.1.1"));
        assert!(!trust("::ffff:10.0.0.0/104", "11.1.1.1"));
        assert!(!trust("::/64", "10.1.1.1") && trust("::/64", "::1"));
    }

    #[test]
    fn what_is_no_text_hides_only_what_is_before_it() {
        let proxies = Proxies::new(Some("127.0.0.1")).unwrap();
        for (header, expected) in [
            (&b"\xff, 203.0.113.5"[..], "203.0.113.5"),
            (b"192.0.2.1, \xff, 203.0.113.5", "203.0.113.5"),
            (b"203.0.113.5, \xff", "127.0.0.1"),
        ] {
            let mut map = HeaderMap::new();
            map.append(FOR, axum::http::HeaderValue::from_bytes(header).unwrap());
            let client = proxies.client("127.0.0.1".parse().unwrap(), &map);
            assert_eq!(client.to_string(), expected);
        }
    }

    #[test]
    fn loopback_is_many_clients_only_if_no_server_there_is_known() {
        let local = "127.0.0.1".parse().unwrap();
        assert!(Proxies::default().is_shared(local));
        assert!(!Proxies::new(Some("127.0.0.1")).unwrap().is_shared(local));
        assert!(!Proxies::default().is_shared("192.0.2.1".parse().unwrap()));
    }
}
