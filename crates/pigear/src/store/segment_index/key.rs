//! The keys of the index.

use std::net::IpAddr;

/// The kind of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) enum KeyKind {
    Signature = 0,
    Source = 1,
    Destination = 2,
    SourcePort = 3,
    DestinationPort = 4,
    /// The bytes of the packet that were captured.
    CapturedLength = 5,
    /// The bytes of the packet on the wire, where these are others.
    WireLength = 6,
}

impl KeyKind {
    pub(super) const ALL: [Self; 7] = [
        Self::Signature,
        Self::Source,
        Self::Destination,
        Self::SourcePort,
        Self::DestinationPort,
        Self::CapturedLength,
        Self::WireLength,
    ];

    /// The kinds that a segment need not have: an older version wrote none.
    pub(in crate::store) const NUMBERS: [Self; 4] =
        [Self::SourcePort, Self::DestinationPort, Self::CapturedLength, Self::WireLength];

    /// Whether a segment need not have this kind. One that has it has a first chunk with an empty first key.
    pub(super) fn is_number(self) -> bool {
        Self::NUMBERS.contains(&self)
    }

    /// The key of a number; `None` for one that is too large, or of another kind.
    pub(in crate::store) fn key(self, number: u32) -> Option<Key> {
        match self {
            Self::SourcePort | Self::DestinationPort => u16::try_from(number).ok().map(Key::port),
            Self::CapturedLength | Self::WireLength => Key::new(&number.to_be_bytes()),
            _ => None,
        }
    }
}

/// A signature's id, an address, a port or a length: 8, 4 or 16, 2, or 4 bytes, in network byte order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::store) struct Key {
    bytes: [u8; 16],
    pub(super) len: u8,
}

impl Key {
    pub(super) fn new(bytes: &[u8]) -> Option<Self> {
        let mut key = Self { bytes: [0; 16], len: u8::try_from(bytes.len()).ok()? };
        key.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(key)
    }

    pub(in crate::store) fn signature(id: i64) -> Self {
        Self::new(&id.to_be_bytes()).unwrap_or_default()
    }

    /// The signature's id; `None` for another key.
    pub(in crate::store) fn as_signature(&self) -> Option<i64> {
        self.as_bytes().try_into().ok().map(i64::from_be_bytes)
    }

    pub(super) fn port(port: u16) -> Self {
        Self::new(&port.to_be_bytes()).unwrap_or_default()
    }

    /// The port; `None` for another key.
    pub(in crate::store) fn as_port(&self) -> Option<u16> {
        self.as_bytes().try_into().ok().map(u16::from_be_bytes)
    }

    /// The address; `None` for another key. A length would be one.
    pub(in crate::store) fn as_ip(&self) -> Option<IpAddr> {
        let v4 = <[u8; 4]>::try_from(self.as_bytes()).map(IpAddr::from);
        v4.or_else(|_| <[u8; 16]>::try_from(self.as_bytes()).map(IpAddr::from)).ok()
    }

    /// Numbers that have the order of keys.
    pub(super) fn order(&self) -> (u128, u8) {
        (u128::from_be_bytes(self.bytes), self.len)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len.into()).unwrap_or_default()
    }
}

impl From<IpAddr> for Key {
    fn from(ip: IpAddr) -> Self {
        let key = match ip {
            IpAddr::V4(ip) => Self::new(&ip.octets()),
            IpAddr::V6(ip) => Self::new(&ip.octets()),
        };
        key.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_order_of_their_bytes() {
        let keys = ["9.0.0.0", "10.0.0.1", "a00:1::", "10.0.0.2", "a00:2::", "192.168.0.1"];
        let keys = keys.map(|ip| Key::from(ip.parse::<IpAddr>().unwrap()));
        assert!(keys.is_sorted() && keys.is_sorted_by_key(|key| key.as_bytes().to_vec()));
        assert_eq!(keys[1].as_ip(), "10.0.0.1".parse().ok());
        assert_eq!(keys[2].as_ip(), "a00:1::".parse().ok());
        assert_eq!(Key::signature(7).as_signature(), Some(7));
        assert_eq!((Key::signature(7).as_ip(), keys[0].as_signature()), (None, None));
        assert_eq!((Key::port(80).as_port(), Key::port(80).as_ip()), (Some(80), None));
        assert_eq!((Key::signature(7).as_port(), keys[0].as_port()), (None, None));
    }

    #[test]
    fn a_number_has_a_key_if_its_kind_can_have_it() {
        let ports = [0, 255, 256, 65_535].map(|port| KeyKind::SourcePort.key(port));
        assert!(ports.iter().all(Option::is_some) && ports.is_sorted());
        assert_eq!(KeyKind::DestinationPort.key(65_536), None);
        assert!(KeyKind::WireLength.key(u32::MAX) > KeyKind::CapturedLength.key(65_536));
        assert_eq!(KeyKind::Source.key(1), None);
    }
}
