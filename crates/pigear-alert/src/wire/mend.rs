//! Corrects wrong packet headers.
//!
//! Snort 2.9.0 to 2.9.7 on 64-bit machines copies a `pcap_pkthdr`, whose time is two i64 there,
//! onto one whose time is two u32. Everything behind the seconds is thus shifted:
//!
//! ```text
//! field      sent
//! ts_sec     seconds
//! ts_usec    the seconds' high half: 0, or 0xFFFFFFFF past 2^31
//! caplen     microseconds
//! len        the microseconds' high half: 0
//! ```
//!
//! The two lengths are lost, and Snort copies as many bytes of the packet as there were
//! microseconds. Up to 2.9.2 the copy is also too long: the two lengths arrive where `dlthdr` and
//! `nethdr` belong, and the offsets behind them are overwritten with ones.

use super::dialect::Dialect;
use super::layout::{Event, PacketHeader};
use crate::packet::{LinkType, frame_length};

/// The packet header with corrected fields: `caplen` is at most what arrived, and offsets beyond the packet
/// are 0.
pub(super) fn packet_header(
    claimed: PacketHeader,
    event: &Event,
    area: &[u8],
    dialect: Dialect,
    link_type: Option<LinkType>,
) -> PacketHeader {
    let header = if is_shifted(&claimed, event, dialect) {
        let copied = area.get(..claimed.caplen as usize).unwrap_or(area);
        unshift(&claimed, copied, link_type)
    } else {
        claimed
    };
    clamp(header, area)
}

/// The event with corrected fields.
pub(super) fn event(sent: Event, header: &PacketHeader, dialect: Dialect) -> Event {
    if dialect.sends_whole_event() {
        sent
    } else {
        Event { tv_sec: header.ts_sec, tv_usec: header.ts_usec, ..sent }
    }
}

fn is_shifted(header: &PacketHeader, event: &Event, dialect: Dialect) -> bool {
    let high_halves = header.len == 0
        && (header.ts_usec == 0 || (header.ts_usec == u32::MAX && header.ts_sec > u32::MAX / 2));
    match dialect {
        Dialect::Snort297AppId => high_halves,
        Dialect::Snort29 => high_halves && header.caplen == event.tv_usec,
        _ => false,
    }
}

fn unshift(sent: &PacketHeader, copied: &[u8], link_type: Option<LinkType>) -> PacketHeader {
    let mut header = PacketHeader { ts_usec: sent.caplen, ..*sent };
    let overrun = [sent.transhdr, sent.data, sent.val] == [u32::MAX; 3];
    let (captured, on_wire) = if overrun {
        (header.transhdr, header.data, header.val) = (0, 0, 0);
        (header.dlthdr, header.nethdr) = (0, 0);
        (sent.dlthdr, sent.nethdr)
    } else {
        let len = frame_length(copied, link_type).unwrap_or_else(|| without_zeros(copied).len());
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        (len, len)
    };
    header.caplen = captured.min(u32::try_from(copied.len()).unwrap_or(u32::MAX));
    header.len = on_wire;
    header
}

/// The best estimate for a packet without a length: it ends at its last byte that is not 0.
fn without_zeros(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    bytes.get(..end).unwrap_or_default()
}

fn clamp(mut header: PacketHeader, area: &[u8]) -> PacketHeader {
    header.caplen = header.caplen.min(u32::try_from(area.len()).unwrap_or(u32::MAX));
    let caplen = header.caplen;
    let offsets = [&mut header.dlthdr, &mut header.nethdr, &mut header.transhdr, &mut header.data];
    for offset in offsets {
        if *offset > caplen {
            *offset = 0;
        }
    }
    header
}
