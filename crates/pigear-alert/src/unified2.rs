//! Snort's own log: the records of unified2, of Snort 2.8 to 3.
//!
//! A file is a row of records, without a header of its own: type and length, 32 bits each in network
//! byte order, then so many bytes. An event comes first, then the packets that raised it, and what
//! else Snort knows of it. All of them name it by sensor, event id and second ([`EventKey`]).
//!
//! | type | what | here |
//! |---|---|---|
//! | 7, 72 | IPv4 or IPv6 event of Snort 2 | [`Event`] |
//! | 104, 105 | with MPLS label and VLAN; from a Snort 3 with `legacy_events` with an application too | [`Event`] |
//! | 111, 112 | with MPLS label, VLAN and application | [`Event`] |
//! | 114 | event of Snort 3 | [`Event`] |
//! | 2 | packet | [`Packet`] |
//! | 3 | what Snort 3 inspected where it is no packet, without headers | [`Packet`] |
//! | 110 | extra data: URI, host, names in mail, … | [`ExtraData`] |
//!
//! What surprises: a log that is still written ends anywhere, also within a record; [`read`] says
//! `None` there. A record may be longer than what is known of it: the rest is ignored. And after a
//! crash or a full disk a file may hold anything: [`find`] tells where records go on. An
//! [`Assembler`] puts an event and what belongs to it together.
//!
//! ```
//! use pigear_alert::unified2::{Record, read};
//!
//! let mut log: &[u8] = &[
//!     0, 0, 0, 2, 0, 0, 0, 30, // a packet record of 30 bytes
//!     0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 5, // sensor 0, event 9, second 5
//!     0, 0, 0, 5, 0, 0, 0, 7, // seen at 5.000007
//!     0, 0, 0, 1, 0, 0, 0, 2, 0xab, 0xcd, // Ethernet, two bytes
//!     0, 0, 0, 2, 0, 0, // and the next record, half written
//! ];
//! while let Some((record, length)) = read(log)? {
//!     let Record::Packet(packet) = record else { panic!() };
//!     assert_eq!((packet.key.event_id, packet.data), (9, &[0xab, 0xcd][..]));
//!     log = &log[length..];
//! }
//! # assert_eq!(log.len(), 6);
//! # Ok::<(), pigear_alert::unified2::RecordError>(())
//! ```

mod assembler;
mod event;
mod extra;
mod fields;
mod find;
mod logged;
mod packet;
#[cfg(test)]
mod tests;

pub use assembler::Assembler;
pub use event::{Event, Verdict};
pub use extra::{ExtraData, InfoType};
pub use find::find;
pub use logged::{Extra, Logged, LoggedPacket};
pub use packet::Packet;

/// Type and length.
const HEADER_LEN: usize = 8;

/// No record is longer: packets have 65,535 bytes at most, extra data too.
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

/// What tells an event from others in a log, and says which event a packet belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct EventKey {
    /// Which sensor: 0, as a rule.
    pub sensor_id: u32,
    /// Number of the event in its packet thread.
    pub event_id: u32,
    /// When: seconds since 1970.
    pub second: u32,
}

/// What a record is. Open: unknown types are kept as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RecordType(pub u32);

impl RecordType {
    /// A packet.
    pub const PACKET: Self = Self(2);
    /// What Snort 3 inspected.
    pub const BUFFER: Self = Self(3);
    /// An event over IPv4, first form.
    pub const EVENT_IPV4: Self = Self(7);
    /// An event over IPv6, first form.
    pub const EVENT_IPV6: Self = Self(72);
    /// An event over IPv4, second form.
    pub const EVENT_IPV4_V2: Self = Self(104);
    /// An event over IPv6, second form.
    pub const EVENT_IPV6_V2: Self = Self(105);
    /// Extra data.
    pub const EXTRA_DATA: Self = Self(110);
    /// An event over IPv4 with an application.
    pub const EVENT_IPV4_APPID: Self = Self(111);
    /// An event over IPv6 with an application.
    pub const EVENT_IPV6_APPID: Self = Self(112);
    /// An event of Snort 3.
    pub const EVENT_SNORT3: Self = Self(114);

    /// The bytes that such a record has at least; `None` for types that aren't known.
    fn min_len(self) -> Option<usize> {
        match self {
            Self::PACKET | Self::BUFFER => Some(packet::HEAD_LEN),
            Self::EXTRA_DATA => Some(extra::HEAD_LEN),
            Self::EVENT_SNORT3 => Some(event::SNORT3_LEN),
            Self::EVENT_IPV4 | Self::EVENT_IPV4_V2 | Self::EVENT_IPV4_APPID => {
                Some(event::IPV4_LEN)
            }
            Self::EVENT_IPV6 | Self::EVENT_IPV6_V2 | Self::EVENT_IPV6_APPID => {
                Some(event::IPV6_LEN)
            }
            _ => None,
        }
    }
}

/// Why there is no record where one should begin. [`find`] tells where one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// No record has such a type.
    #[error("no record has the type {}", record_type.0)]
    ImpossibleType {
        /// What stands where the type belongs.
        record_type: RecordType,
    },
    /// No record is as long as this one claims, or as short.
    #[error("a record of type {} claims {claimed} bytes", record_type.0)]
    ImpossibleLength {
        /// The type.
        record_type: RecordType,
        /// The length that stands there, in bytes.
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
    /// There are zeros, as where a file was made longer but not written.
    #[error("there are zeros where a record should begin")]
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

/// Type and length of the record that `bytes` begin with; `None` if they aren't whole yet.
fn header(bytes: &[u8]) -> Result<Option<(RecordType, usize)>, RecordError> {
    let Some(header) = bytes.first_chunk::<HEADER_LEN>() else { return Ok(None) };
    let header = fields::Fields(header);
    let (record_type, claimed) = (RecordType(header.u32_at::<0>()), header.u32_at::<4>());
    if (record_type, claimed) == (RecordType(0), 0) {
        return Err(RecordError::Zeros);
    }
    if record_type.min_len().is_none() && record_type.0 > MAX_TYPE {
        return Err(RecordError::ImpossibleType { record_type });
    }
    let min = record_type.min_len().unwrap_or(MIN_LEN);
    usize::try_from(claimed)
        .ok()
        .filter(|length| (min..=MAX_LEN).contains(length))
        .map(|length| Some((record_type, length)))
        .ok_or(RecordError::ImpossibleLength { record_type, claimed })
}

impl<'a> Record<'a> {
    fn parse(record_type: RecordType, body: &'a [u8]) -> Result<Self, RecordError> {
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
