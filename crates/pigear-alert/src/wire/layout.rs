//! Where each field lies in each layout.
//!
//! ```text
//! field                          A               B (64-bit)       C (32-bit)
//! alertmsg[256]                  0               0                0
//! ts: seconds, microseconds      256, 260 u32    256, 264 i64     256, 260 u32
//! caplen, len                    264             272              264
//! dlthdr … val (5 × u32)         272             280              272
//! pkt                            292, 65535 B    300, 1514 B      292, 1514 B
//! generator … reference (7)      65828           1816             1808
//! reference time                 65856 2 × u32   1844 2 × u32     1836 2 × u32
//! app_name[]                     65864
//! ```

use std::ffi::CStr;

/// Size of `alertmsg` (`ALERTMSG_LENGTH`), in bytes.
pub(super) const TEXT_LEN: usize = 256;

/// How a time is laid out: seconds, then microseconds.
#[derive(Clone, Copy)]
pub(super) enum TimeLayout {
    /// `struct sf_timeval32`: two u32.
    Narrow,
    /// `struct timeval` of a 64-bit machine: two i64. Only the low halves count: past 2038 old
    /// Snorts read the capture's seconds as signed.
    Wide,
}

/// Who lays out the event, and how.
#[derive(Clone, Copy)]
pub(super) enum EventLayout {
    /// Snort's `Event`: host order, generator first; the reference time as given.
    Snort(TimeLayout),
    /// barnyard2's `Unified2EventCommon`: big-endian, sensor first.
    Barnyard2,
}

/// Where each field lies.
pub(super) struct Layout {
    pub(super) len: usize,
    time: TimeLayout,
    pkt: usize,
    pkt_len: usize,
    event: usize,
    event_kind: EventLayout,
    reference_time: usize,
    app_name: usize,
}

pub(super) static A: Layout = Layout {
    len: 65_864,
    time: TimeLayout::Narrow,
    pkt: 292,
    pkt_len: 65_535,
    event: 65_828,
    event_kind: EventLayout::Snort(TimeLayout::Narrow),
    reference_time: 65_856,
    app_name: 65_864,
};
pub(super) static A_APP_ID: Layout = Layout { len: 65_928, ..A };
pub(super) static A_APP_ID_297: Layout = Layout { len: 65_880, ..A };
pub(super) static B: Layout = Layout {
    len: 1_856,
    time: TimeLayout::Wide,
    pkt: 300,
    pkt_len: 1_514,
    event: 1_816,
    event_kind: EventLayout::Snort(TimeLayout::Narrow),
    reference_time: 1_844,
    app_name: 1_856,
};
pub(super) static B_WIDE: Layout = Layout {
    len: 1_864,
    event_kind: EventLayout::Snort(TimeLayout::Wide),
    reference_time: 1_848,
    app_name: 1_864,
    ..B
};
pub(super) static B_BARNYARD2: Layout = Layout { event_kind: EventLayout::Barnyard2, ..B };
pub(super) static C: Layout = Layout {
    len: 1_844,
    time: TimeLayout::Narrow,
    pkt: 292,
    pkt_len: 1_514,
    event: 1_808,
    event_kind: EventLayout::Snort(TimeLayout::Narrow),
    reference_time: 1_836,
    app_name: 1_844,
};
pub(super) static C_BARNYARD2: Layout = Layout { event_kind: EventLayout::Barnyard2, ..C };

const TIME: usize = TEXT_LEN;

impl TimeLayout {
    fn microseconds(self) -> usize {
        match self {
            Self::Narrow => 4,
            Self::Wide => 8,
        }
    }

    /// Which of the two u32 in an i64 is the low one.
    fn low_half(self) -> usize {
        match self {
            Self::Wide if cfg!(target_endian = "big") => 4,
            _ => 0,
        }
    }
}

impl Layout {
    /// Offset of `caplen`, the first u32 behind the time.
    fn lengths(&self) -> usize {
        TIME + 2 * self.time.microseconds()
    }
}

/// `pcap_pkthdr` and the offsets behind it, as sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PacketHeader {
    pub(super) ts_sec: u32,
    pub(super) ts_usec: u32,
    pub(super) caplen: u32,
    pub(super) len: u32,
    pub(super) dlthdr: u32,
    pub(super) nethdr: u32,
    pub(super) transhdr: u32,
    pub(super) data: u32,
    pub(super) val: u32,
}

/// Snort's `Event`, as sent.
#[expect(clippy::struct_field_names, reason = "Snort's names")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) sig_generator: u32,
    pub(super) sig_id: u32,
    pub(super) sig_rev: u32,
    pub(super) classification: u32,
    pub(super) priority: u32,
    pub(super) event_id: u32,
    pub(super) event_reference: u32,
    pub(super) tv_sec: u32,
    pub(super) tv_usec: u32,
}

/// A datagram, read by a layout of its length.
#[derive(Clone, Copy)]
pub(super) struct Record<'a> {
    bytes: &'a [u8],
    layout: &'static Layout,
}

impl<'a> Record<'a> {
    /// `bytes` should be as long as the layout says: what lies beyond their end reads as 0.
    pub(super) fn new(bytes: &'a [u8], layout: &'static Layout) -> Self {
        Self { bytes, layout }
    }

    /// The message, with quotes and all; `None` if no NUL ends it.
    pub(super) fn text(self) -> Option<&'a [u8]> {
        text(self.bytes)
    }

    pub(super) fn packet_header(self) -> PacketHeader {
        let lengths = self.layout.lengths();
        let (ts_sec, ts_usec) = self.time_at(TIME, self.layout.time);
        PacketHeader {
            ts_sec,
            ts_usec,
            caplen: self.u32_at(lengths),
            len: self.u32_at(lengths + 4),
            dlthdr: self.u32_at(lengths + 8),
            nethdr: self.u32_at(lengths + 12),
            transhdr: self.u32_at(lengths + 16),
            data: self.u32_at(lengths + 20),
            val: self.u32_at(lengths + 24),
        }
    }

    /// The bytes that a packet may fill.
    pub(super) fn packet_area(self) -> &'a [u8] {
        let Layout { pkt, pkt_len, .. } = *self.layout;
        self.bytes.get(pkt..pkt + pkt_len).unwrap_or_default()
    }

    pub(super) fn event(self) -> Event {
        match self.layout.event_kind {
            EventLayout::Snort(time) => self.snort_event(time),
            EventLayout::Barnyard2 => self.barnyard2_event(),
        }
    }

    fn snort_event(self, time: TimeLayout) -> Event {
        let at = self.layout.event;
        let (tv_sec, tv_usec) = self.time_at(self.layout.reference_time, time);
        Event {
            sig_generator: self.u32_at(at),
            sig_id: self.u32_at(at + 4),
            sig_rev: self.u32_at(at + 8),
            classification: self.u32_at(at + 12),
            priority: self.u32_at(at + 16),
            event_id: self.u32_at(at + 20),
            event_reference: self.u32_at(at + 24),
            tv_sec,
            tv_usec,
        }
    }

    /// After the sensor's number: event id, seconds, microseconds, signature, generator, revision,
    /// class, priority.
    fn barnyard2_event(self) -> Event {
        let at = self.layout.event;
        let field = |n: usize| u32::from_be_bytes(self.bytes_at(at + 4 * n));
        Event {
            sig_generator: field(5),
            sig_id: field(4),
            sig_rev: field(6),
            classification: field(7),
            priority: field(8),
            event_id: field(1),
            event_reference: field(1),
            tv_sec: field(2),
            tv_usec: field(3),
        }
    }

    /// The application's name with what is behind it, where the layout has one.
    pub(super) fn app_name(self) -> Option<&'a [u8]> {
        self.bytes.get(self.layout.app_name..).filter(|field| !field.is_empty())
    }

    fn time_at(self, offset: usize, layout: TimeLayout) -> (u32, u32) {
        let low = offset + layout.low_half();
        (self.u32_at(low), self.u32_at(low + layout.microseconds()))
    }

    fn u32_at(self, offset: usize) -> u32 {
        u32::from_ne_bytes(self.bytes_at(offset))
    }

    fn bytes_at(self, offset: usize) -> [u8; 4] {
        self.bytes.get(offset..).and_then(<[u8]>::first_chunk).copied().unwrap_or_default()
    }
}

/// The message at a datagram's start; `None` if no NUL ends it.
pub(super) fn text(datagram: &[u8]) -> Option<&[u8]> {
    let field = datagram.get(..TEXT_LEN)?;
    CStr::from_bytes_until_nul(field).ok().map(CStr::to_bytes)
}

/// A datagram that is being written, by a layout of its length.
pub(super) struct Draft {
    bytes: Vec<u8>,
    layout: &'static Layout,
}

impl Draft {
    pub(super) fn new(layout: &'static Layout) -> Self {
        Self { bytes: vec![0; layout.len], layout }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Writes as much of the message as leaves room for its NUL.
    pub(super) fn put_text(&mut self, text: &[u8]) {
        self.put(0, text.get(..TEXT_LEN - 1).unwrap_or(text));
    }

    pub(super) fn put_packet_header(&mut self, header: &PacketHeader) {
        self.put_time(TIME, self.layout.time, header.ts_sec, header.ts_usec);
        let fields = [
            header.caplen,
            header.len,
            header.dlthdr,
            header.nethdr,
            header.transhdr,
            header.data,
            header.val,
        ];
        self.put_u32s(self.layout.lengths(), fields);
    }

    /// Writes as much of the packet as fits.
    pub(super) fn put_packet(&mut self, pkt: &[u8]) {
        self.put(self.layout.pkt, pkt.get(..self.layout.pkt_len).unwrap_or(pkt));
    }

    pub(super) fn put_event(&mut self, event: &Event) {
        match self.layout.event_kind {
            EventLayout::Snort(time) => self.put_snort_event(event, time),
            EventLayout::Barnyard2 => self.put_barnyard2_event(event),
        }
    }

    fn put_snort_event(&mut self, event: &Event, time: TimeLayout) {
        let fields = [
            event.sig_generator,
            event.sig_id,
            event.sig_rev,
            event.classification,
            event.priority,
            event.event_id,
            event.event_reference,
        ];
        self.put_u32s(self.layout.event, fields);
        self.put_time(self.layout.reference_time, time, event.tv_sec, event.tv_usec);
    }

    fn put_barnyard2_event(&mut self, event: &Event) {
        let fields = [
            0,
            event.event_id,
            event.tv_sec,
            event.tv_usec,
            event.sig_id,
            event.sig_generator,
            event.sig_rev,
            event.classification,
            event.priority,
        ];
        self.put_u32s(self.layout.event, fields.map(u32::to_be));
    }

    /// Writes as much of the application's name as the layout has room for.
    pub(super) fn put_app_name(&mut self, name: &[u8]) {
        self.put(self.layout.app_name, name);
    }

    fn put_time(&mut self, offset: usize, layout: TimeLayout, seconds: u32, microseconds: u32) {
        let low = offset + layout.low_half();
        self.put(low, &seconds.to_ne_bytes());
        self.put(low + layout.microseconds(), &microseconds.to_ne_bytes());
    }

    fn put_u32s<const N: usize>(&mut self, offset: usize, fields: [u32; N]) {
        for (n, field) in fields.into_iter().enumerate() {
            self.put(offset + 4 * n, &field.to_ne_bytes());
        }
    }

    fn put(&mut self, offset: usize, from: &[u8]) {
        let to = self.bytes.get_mut(offset..).unwrap_or_default();
        to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_lies_beyond_the_end() {
        for layout in [&A, &A_APP_ID, &A_APP_ID_297, &B, &B_WIDE, &B_BARNYARD2, &C, &C_BARNYARD2] {
            assert!(layout.lengths() + 28 == layout.pkt);
            assert!(layout.pkt + layout.pkt_len <= layout.event);
            assert!(layout.event + 28 <= layout.reference_time);
            assert!(layout.reference_time + 8 <= layout.len);
            assert!(layout.app_name <= layout.len);
        }
    }
}
