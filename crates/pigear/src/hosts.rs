//! By which names the page, or the metrics, may be called.
//!
//! A page of an attacker may have a name of its own resolve to this machine's address; a browser then takes both
//! for the same site. So the name in a request must be one that is known to be meant.

use std::net::{IpAddr, SocketAddr};

/// The names by which a server may be called.
#[derive(Debug)]
pub(crate) struct Hosts {
    /// Each with its port, if it was given.
    configured: Vec<(String, Option<u16>)>,
}

impl Hosts {
    /// From a list with commas between, and the address that is listened on.
    pub(crate) fn new(list: Option<&str>, listen: SocketAddr) -> Self {
        let listed = list.unwrap_or_default().split(',').map(str::trim);
        let listed = listed.filter(|host| !host.is_empty()).map(named);
        let own = (!listen.ip().is_unspecified()).then(|| named(&listen.to_string()));
        Self { configured: listed.chain(own).collect() }
    }

    /// Whether a host (with or without a port) is one of them. An address that the connection was made to can't be
    /// another's name.
    pub(crate) fn allows(&self, host: &str, local: Option<IpAddr>) -> bool {
        let name = name(host).trim_end_matches('.').to_lowercase();
        let address = name.parse::<IpAddr>().ok();
        name == "localhost"
            || name.ends_with(".localhost")
            || address.is_some_and(|ip| ip.is_loopback() || Some(ip) == local)
            || self.configures(&name)
    }

    /// Whether a host was configured, with whatever port.
    fn configures(&self, name: &str) -> bool {
        self.configured.iter().any(|(configured, _)| configured == name)
    }

    /// Whether a host is one of them with its port: that which was configured, or that of the scheme.
    #[cfg(feature = "web")]
    pub(crate) fn has_origin(&self, host: &str) -> bool {
        self.configured.contains(&named(host))
    }
}

/// The name of a host, as names are compared, and its port.
fn named(host: &str) -> (String, Option<u16>) {
    let name = name(host);
    let port = host.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    let is_bare = !host.starts_with('[') && host.len() == name.len();
    (name.trim_end_matches('.').to_lowercase(), port.filter(|_| !is_bare))
}

/// A host without its port, and without the brackets around an address.
fn name(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split_once(']').map_or(rest, |(name, _)| name);
    }
    match host.rsplit_once(':') {
        // Several colons are an address without brackets.
        Some((name, port)) if !name.contains(':') && port.bytes().all(|it| it.is_ascii_digit()) => {
            name
        }
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_and_what_was_configured_is_allowed() {
        let hosts = Hosts::new(Some("ids.example, Sensor1:8080"), "192.0.2.7:80".parse().unwrap());
        let local = Some("192.0.2.7".parse().unwrap());
        for allowed in [
            "localhost",
            "localhost:8080",
            "LOCALHOST.",
            "127.0.0.1:1",
            "[::1]:8080",
            "a.localhost:1",
            "ids.example",
            "IDS.example:443",
            "sensor1",
            "192.0.2.7:80",
        ] {
            assert!(hosts.allows(allowed, local), "{allowed}");
        }
        for refused in [
            "evil.example",
            "ids.example.evil",
            "",
            "192.0.2.8",
            "localhost.evil",
            "127.0.0.1.evil:80",
            "[::2]",
            "127.0.0.1@evil",
            "localhost:80@evil",
        ] {
            assert!(!hosts.allows(refused, local), "{refused}");
        }
        for (origin, is_own) in [
            ("ids.example", true),
            ("ids.example:8080", false),
            ("Sensor1:8080", true),
            ("sensor1", false),
            ("sensor1:80", false),
            ("192.0.2.7:80", true),
            ("192.0.2.7:81", false),
            ("localhost", false),
        ] {
            assert_eq!(hosts.has_origin(origin), is_own, "{origin}");
        }
        assert_eq!(named("[::1]:80"), ("::1".to_owned(), Some(80)));
        assert_eq!(named("[::1]"), ("::1".to_owned(), None));
        assert_eq!(named("::1"), ("::1".to_owned(), None));
        let any = Hosts::new(None, "0.0.0.0:80".parse().unwrap());
        assert!(!any.allows("0.0.0.0", local) && any.allows("192.0.2.7", local));
    }
}
