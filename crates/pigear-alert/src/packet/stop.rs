use etherparse::err::{self, LenError};
use thiserror::Error;

/// Where and why a dissection ended before the packet's headers did.
///
/// Prints as a phrase: `TCP at byte 34: needs 20 bytes, but 8 are left`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{layer} at byte {offset}: {reason}")]
pub struct Stop {
    /// Where the failing layer begins, counted from the packet's first byte.
    pub offset: usize,
    /// What was expected there: a name as of [`Header::name`](super::Header::name).
    pub layer: &'static str,
    /// The reason.
    pub reason: StopReason,
}

/// Why a dissection ended early.
///
/// With [`HeaderTooShort`](Self::HeaderTooShort) and [`HeaderCut`](Self::HeaderCut) the layer is present
/// nevertheless: its fixed part was parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StopReason {
    /// The packet, or the layer around, ends before the header's fixed part does.
    #[error("needs {needed} bytes, but {actual} are left")]
    Truncated {
        /// Bytes the header needs at least.
        needed: usize,
        /// Bytes there are.
        actual: usize,
    },
    /// The header is longer than what is left of the packet.
    #[error("header length is {stated} bytes, but {actual} are left")]
    HeaderCut {
        /// The header's length in bytes, by its own account.
        stated: usize,
        /// Bytes there are.
        actual: usize,
    },
    /// The header claims to be shorter than its fixed part.
    #[error("header length is {stated} bytes, but {least} is the minimum")]
    HeaderTooShort {
        /// The header's length in bytes, by its own account.
        stated: usize,
        /// The length of the fixed part.
        least: usize,
    },
    /// Another version of the protocol than the one that should follow, or than any known.
    #[error("unexpected version {found}")]
    Version {
        /// The version the header states.
        found: u8,
    },
    /// ARP for other addresses than Ethernet's and IPv4's.
    #[error("unsupported address lengths: hardware {hardware} bytes, protocol {protocol} bytes")]
    AddressLengths {
        /// Bytes in a hardware address; 6 was expected.
        hardware: u8,
        /// Bytes in a protocol address; 4 was expected.
        protocol: u8,
    },
    /// The link type isn't one that is dissected, or couldn't be told from the bytes.
    #[error("the link type is unknown")]
    UnknownLinkType,
    /// Flags that Snort refuses.
    #[error("unexpected flags {found:#06x}")]
    Flags {
        /// The flags, with the version or length that is among them.
        found: u16,
    },
    /// More IP headers than Snort follows.
    #[error("more than {limit} IP headers, where Snort stops")]
    TooManyIpHeaders {
        /// How many it follows.
        limit: usize,
    },
    /// Snort states that the IP packet before is the innermost.
    #[error("Snort read no further")]
    NotReadBySnort,
    /// More layers than are followed.
    #[error("more than {limit} layers")]
    TooManyLayers {
        /// How many are followed: [`MAX_LAYERS`](super::MAX_LAYERS).
        limit: usize,
    },
}

impl From<LenError> for StopReason {
    fn from(error: LenError) -> Self {
        Self::Truncated { needed: error.required_len, actual: error.len }
    }
}

impl From<err::ipv4::HeaderSliceError> for StopReason {
    fn from(error: err::ipv4::HeaderSliceError) -> Self {
        use err::ipv4::{HeaderError, HeaderSliceError};
        match error {
            HeaderSliceError::Len(error) => error.into(),
            HeaderSliceError::Content(HeaderError::UnexpectedVersion { version_number }) => {
                Self::Version { found: version_number }
            }
            HeaderSliceError::Content(HeaderError::HeaderLengthSmallerThanHeader { ihl }) => {
                Self::HeaderTooShort { stated: usize::from(ihl) * 4, least: 20 }
            }
        }
    }
}

impl From<err::ipv6::HeaderSliceError> for StopReason {
    fn from(error: err::ipv6::HeaderSliceError) -> Self {
        use err::ipv6::{HeaderError, HeaderSliceError};
        match error {
            HeaderSliceError::Len(error) => error.into(),
            HeaderSliceError::Content(HeaderError::UnexpectedVersion { version_number }) => {
                Self::Version { found: version_number }
            }
        }
    }
}

impl From<err::ip_auth::HeaderSliceError> for StopReason {
    fn from(error: err::ip_auth::HeaderSliceError) -> Self {
        use err::ip_auth::{HeaderError, HeaderSliceError};
        match error {
            HeaderSliceError::Len(error) => error.into(),
            HeaderSliceError::Content(HeaderError::ZeroPayloadLen) => {
                Self::HeaderTooShort { stated: 8, least: 12 }
            }
        }
    }
}

impl From<err::tcp::HeaderSliceError> for StopReason {
    fn from(error: err::tcp::HeaderSliceError) -> Self {
        use err::tcp::{HeaderError, HeaderSliceError};
        match error {
            HeaderSliceError::Len(error) => error.into(),
            HeaderSliceError::Content(HeaderError::DataOffsetTooSmall { data_offset }) => {
                Self::HeaderTooShort { stated: usize::from(data_offset) * 4, least: 20 }
            }
        }
    }
}
