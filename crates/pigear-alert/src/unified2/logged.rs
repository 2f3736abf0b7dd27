use std::net::IpAddr;

use jiff::Timestamp;

use super::extra::address;
use super::{Event, ExtraData, InfoType, Packet};
use crate::packet::LinkType;

/// The data of one alert in Snort's log: its event, and the records that belong to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Logged {
    /// The event.
    pub event: Event,
    /// What the packets begin with, if there are any. Raw IP is 12 here.
    pub link_type: Option<LinkType>,
    /// The packets, in the order in which they were logged.
    pub packets: Vec<LoggedPacket>,
    /// What Snort 3 inspected where that is no packet: parts of streams, without headers.
    pub inspected: Vec<Box<[u8]>>,
    /// What else Snort knows.
    pub extra: Vec<Extra>,
    /// How many bytes of packets and extra data were left out because of the limit.
    pub left_out: usize,
}

/// A packet of an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedPacket {
    /// When it was seen: seconds since 1970.
    pub second: u32,
    /// When it was seen: microseconds.
    pub microsecond: u32,
    /// The packet's bytes, as many as were captured.
    pub data: Box<[u8]>,
}

impl LoggedPacket {
    /// When it was seen.
    #[must_use]
    pub fn timestamp(&self) -> Timestamp {
        let microseconds = i64::from(self.second) * 1_000_000 + i64::from(self.microsecond);
        // Seconds of 32 bits end in 2106, long before those of a `Timestamp`.
        Timestamp::from_microsecond(microseconds).unwrap_or(Timestamp::MAX)
    }
}

/// Something more that Snort knows of an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extra {
    /// What it is.
    pub info: InfoType,
    /// The thing itself: text in any encoding, or an address in network byte order.
    pub data: Box<[u8]>,
}

impl Extra {
    /// The address, where the information is one.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        address(self.info, &self.data)
    }
}

impl Logged {
    /// The most bytes of packets, parts of streams and extra data of one alert: an alert that tags a
    /// session may be followed by any number of packets.
    const MAX_BYTES: usize = 512 << 10;

    pub(super) fn new(event: Event) -> Self {
        Self { event, ..Self::default() }
    }

    pub(super) fn add_packet(&mut self, packet: &Packet<'_>) {
        self.link_type.get_or_insert(packet.link_type);
        let Packet { second, microsecond, data, .. } = *packet;
        if self.has_room(data.len()) {
            self.packets.push(LoggedPacket { second, microsecond, data: data.into() });
        }
    }

    pub(super) fn add_inspected(&mut self, buffer: &Packet<'_>) {
        if self.has_room(buffer.data.len()) {
            self.inspected.push(buffer.data.into());
        }
    }

    pub(super) fn add_extra(&mut self, extra: &ExtraData<'_>) {
        let extra = Extra { info: extra.info, data: extra.data.into() };
        // Events of one packet share extra data, and Snort writes it again for each.
        if !self.extra.contains(&extra) && self.has_room(extra.data.len()) {
            self.extra.push(extra);
        }
    }

    fn has_room(&mut self, more: usize) -> bool {
        let fits = self.bytes() + more <= Self::MAX_BYTES;
        if !fits {
            self.left_out += more;
        }
        fits
    }

    /// The bytes of packets, parts of streams and extra data.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let packets = self.packets.iter().map(|packet| packet.data.len());
        let inspected = self.inspected.iter().map(|data| data.len());
        let extra = self.extra.iter().map(|extra| extra.data.len());
        packets.chain(inspected).chain(extra).sum()
    }
}
