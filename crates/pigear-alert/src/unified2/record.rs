//! A record: type, length, and what it holds.

use super::fields::Fields;
use super::{Event, EventKey, ExtraData, Packet, RecordType, event, extra, packet};

/// Type and length.
pub(super) const HEADER_LEN: usize = 8;

/// The maximum length of a record: packets have 65,535 bytes at most, extra data too.
const MAX_LEN: usize = 128 << 10;

/// Types that aren't known here are still records if they aren't above this …
const MAX_TYPE: u32 = 255;
/// … and have so many bytes: else any few small numbers would be one.
const MIN_LEN: usize = 8;

/// One record of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Record<'a> {
    /// An alert.
    Event(Box<Event>),
    /// A packet of an alert, or of a session that a rule tagged.
    Packet(Packet<'a>),
    /// What Snort 3 inspected, without headers.
    Buffer(Packet<'a>),
    /// Something more about an alert.
    ExtraData(ExtraData<'a>),
    /// A type that isn't known here.
    Unknown {
        /// The type.
        record_type: RecordType,
        /// What it holds.
        body: &'a [u8],
    },
}

/// Why there is no record at a position. [`find`](fn@super::find) returns where the next one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The type is unknown.
    #[error("unknown record type {}", record_type.0)]
    ImpossibleType {
        /// The value of the type field.
        record_type: RecordType,
    },
    /// The length is impossible for a record of this type.
    #[error("a record of type {} claims {claimed} bytes", record_type.0)]
    ImpossibleLength {
        /// The type.
        record_type: RecordType,
        /// The value of the length field, in bytes.
        claimed: u32,
    },
    /// The data within a record is longer than the record.
    #[error("a record of type {} has {actual} bytes, but its data claims {claimed}", record_type.0)]
    Overrun {
        /// The type.
        record_type: RecordType,
        /// The record's length, in bytes.
        actual: usize,
        /// The length of its data that stands there, in bytes.
        claimed: u32,
    },
    /// There are zeros, as in a file that was extended but not written.
    #[error("zeros instead of a record")]
    Zeros,
}

/// Reads the record that `bytes` begin with, and says how long it is, with its header. `None` if it
/// isn't whole yet.
///
/// # Errors
/// If no record begins here.
pub fn read(bytes: &[u8]) -> Result<Option<(Record<'_>, usize)>, RecordError> {
    let Some((record_type, length)) = header(bytes)? else { return Ok(None) };
    let end = HEADER_LEN + length;
    match bytes.get(HEADER_LEN..end) {
        Some(body) => Ok(Some((Record::parse(record_type, body)?, end))),
        None => Ok(None),
    }
}

/// The length of the record that `bytes` begin with, with its header. `None` if its header isn't whole yet, or
/// if no record begins here.
#[must_use]
pub fn record_length(bytes: &[u8]) -> Option<usize> {
    let (_, length) = header(bytes).ok().flatten()?;
    Some(HEADER_LEN + length)
}

/// Type and length of the record that `bytes` begin with; `None` if they aren't whole yet.
pub(super) fn header(bytes: &[u8]) -> Result<Option<(RecordType, usize)>, RecordError> {
    let Some(header) = bytes.first_chunk::<HEADER_LEN>() else { return Ok(None) };
    let header = Fields(header);
    let (record_type, claimed) = (RecordType(header.u32_at::<0>()), header.u32_at::<4>());
    if (record_type, claimed) == (RecordType(0), 0) {
        return Err(RecordError::Zeros);
    }
    if min_len(record_type).is_none() && record_type.0 > MAX_TYPE {
        return Err(RecordError::ImpossibleType { record_type });
    }
    let min = min_len(record_type).unwrap_or(MIN_LEN);
    usize::try_from(claimed)
        .ok()
        .filter(|length| (min..=MAX_LEN).contains(length))
        .map(|length| Some((record_type, length)))
        .ok_or(RecordError::ImpossibleLength { record_type, claimed })
}

impl<'a> Record<'a> {
    pub(super) fn parse(record_type: RecordType, body: &'a [u8]) -> Result<Self, RecordError> {
        let overrun = |claimed| RecordError::Overrun { record_type, actual: body.len(), claimed };
        // The header has checked that the body is long enough.
        let parsed = match record_type {
            RecordType::PACKET => Packet::parse(body).map_err(overrun)?.map(Self::Packet),
            RecordType::BUFFER => Packet::parse(body).map_err(overrun)?.map(Self::Buffer),
            RecordType::EXTRA_DATA => ExtraData::parse(body).map_err(overrun)?.map(Self::ExtraData),
            _ => Event::parse(record_type, body).map(|event| Self::Event(Box::new(event))),
        };
        Ok(parsed.unwrap_or(Self::Unknown { record_type, body }))
    }

    /// The event that this is, or belongs to.
    #[must_use]
    pub fn key(&self) -> Option<EventKey> {
        match self {
            Self::Event(event) => Some(event.key),
            Self::Packet(packet) | Self::Buffer(packet) => Some(packet.key),
            Self::ExtraData(extra) => Some(extra.key),
            Self::Unknown { .. } => None,
        }
    }
}

/// The bytes that such a record has at least; `None` for types that aren't known.
pub(super) fn min_len(record_type: RecordType) -> Option<usize> {
    match record_type {
        RecordType::PACKET | RecordType::BUFFER => Some(packet::HEAD_LEN),
        RecordType::EXTRA_DATA => Some(extra::HEAD_LEN),
        RecordType::EVENT_SNORT3 => Some(event::SNORT3_LEN),
        RecordType::EVENT_IPV4 | RecordType::EVENT_IPV4_V2 | RecordType::EVENT_IPV4_APPID => {
            Some(event::IPV4_LEN)
        }
        RecordType::EVENT_IPV6 | RecordType::EVENT_IPV6_V2 | RecordType::EVENT_IPV6_APPID => {
            Some(event::IPV6_LEN)
        }
        _ => None,
    }
}
