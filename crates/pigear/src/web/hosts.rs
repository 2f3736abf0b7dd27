//! By which names the page may be called.
//!
//! A page of an attacker may have a name of its own resolve to this machine's address; a browser then takes both
//! for the same site. So the name in a request must be one that is known to be meant.

use std::net::{IpAddr, SocketAddr};

/// The names by which the page may be called.
#[derive(Debug)]
pub(super) struct Hosts {
    configured: Vec<String>,
}

impl Hosts {
    /// From a list with commas between, and the address that is listened on.
    pub(super) fn new(list: Option<&str>, listen: SocketAddr) -> Self {
        let listed = list.unwrap_or_default().split(',').map(str::trim);
        let listed = listed.filter(|host| !host.is_empty()).map(|host| name(host).to_lowercase());
        let own = (!listen.ip().is_unspecified()).then(|| listen.ip().to_string());
        Self { configured: listed.chain(own).collect() }
    }

    /// Whether a host (with or without a port) is one of them. An address that the connection was made to can't be
    /// another's name.
    pub(super) fn allows(&self, host: &str, local: Option<IpAddr>) -> bool {
        let name = name(host).trim_end_matches('.').to_lowercase();
        let address = name.parse::<IpAddr>().ok();
        name == "localhost"
            || name.ends_with(".localhost")
            || address.is_some_and(|ip| ip.is_loopback() || Some(ip) == local)
            || self.configures(&name)
    }

    /// Whether a host was configured.
    pub(super) fn configures(&self, host: &str) -> bool {
        let name = name(host).trim_end_matches('.').to_lowercase();
        self.configured.contains(&name)
    }
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
        let any = Hosts::new(None, "0.0.0.0:80".parse().unwrap());
        assert!(!any.allows("0.0.0.0", local) && any.allows("192.0.2.7", local));
    }
}
