//! The keys of the index.

use std::net::IpAddr;

/// The kind of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) enum KeyKind {
    Signature = 0,
    Source = 1,
    Destination = 2,
}

/// A signature's id, or an address: 8, 4 or 16 bytes, in network byte order.
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

    /// The address; `None` for another key.
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
    }
}
