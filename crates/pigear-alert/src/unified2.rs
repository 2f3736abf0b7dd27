//! Snort's unified2 log: its records, of Snort 2.8 to 3.
//!
//! A file is a sequence of records, without a header of its own: type and length, 32 bits each in network
//! byte order, then that many bytes. An event comes first, then its packets, and other data about it. All
//! of them identify the event by sensor, event id and second ([`EventKey`]).
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
//! Note that a log that is still written can end anywhere, also within a record; [`read`] returns `None`
//! there. A record may be longer than expected: the rest is ignored. And after a crash or a full disk a
//! file may contain anything: [`find`] returns where records continue. An [`Assembler`] joins an event and
//! its records.
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
mod record;
#[cfg(test)]
mod tests;

pub use assembler::Assembler;
pub use event::{Event, Verdict};
pub use extra::{ExtraData, InfoType};
pub use find::find;
pub use logged::{Extra, Logged, LoggedPacket};
pub use packet::Packet;
pub use record::{Record, RecordError, read, record_length};

/// Identifies an event in a log, and the event that a packet belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct EventKey {
    /// Which sensor: 0, as a rule.
    pub sensor_id: u32,
    /// Number of the event in its packet thread.
    pub event_id: u32,
    /// When: seconds since 1970.
    pub second: u32,
}

/// The type of a record. Open: unknown types are kept as numbers.
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
}
