//! Suricata's names of application protocols.

/// Names that `OpenAppID` and Suricata have in common, in Suricata's spelling.
const SHARED: [&str; 22] = [
    "dcerpc", "dhcp", "dnp3", "dns", "ftp", "http", "http2", "imap", "ldap", "modbus", "mqtt",
    "nfs", "ntp", "pop3", "quic", "rdp", "sip", "smb", "smtp", "snmp", "ssh", "tftp",
];

/// Suricata's name of an application that `OpenAppID` detected, if Suricata knows it as a protocol.
/// Applications above a protocol, such as a web site, have none.
pub(super) fn app_proto(app_name: &[u8]) -> Option<&'static str> {
    let is = |name: &str| app_name.eq_ignore_ascii_case(name.as_bytes());
    if ["https", "ssl", "ssl client", "tls"].into_iter().any(is) {
        return Some("tls");
    }
    SHARED.into_iter().find(|name| is(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_spelled_as_suricata_does() {
        assert_eq!(app_proto(b"HTTP"), Some("http"));
        assert_eq!(app_proto(b"SSL client"), Some("tls"));
    }

    #[test]
    fn an_application_is_not_a_protocol() {
        assert_eq!(app_proto(b"Facebook"), None);
        assert_eq!(app_proto(b"HTTP tunnel"), None);
    }
}
