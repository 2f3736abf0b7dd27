//! The three blocks of pcapng that are written, in the byte order of this machine.
//!
//! ```text
//! any block   u32 type · u32 length · body · u32 length       length: of all of it, a multiple of 4
//! section     type 0x0a0d0d0a; u32 byte order 0x1a2b3c4d · u16 major 1 · u16 minor 0 ·
//!             i64 length of the section, -1: not known · options
//! interface   type 1; u16 link type · u16 reserved · u32 longest packet, 0: any · options
//! packet      type 6; u32 interface, counted from 0 · u32 time, high · u32 time, low (µs since 1970) ·
//!             u32 captured length · u32 original length · the captured bytes, padded · options
//! option      u16 code · u16 length · value, padded to a multiple of 4; the last is code 0, length 0
//!             code 1: a comment; of a section 4: the program that wrote it
//! ```
//!
//! From draft-ietf-opsawg-pcapng.

use pigear_alert::packet::LinkType;

pub(super) const SECTION: u32 = 0x0a0d_0d0a;
pub(super) const INTERFACE: u32 = 1;
const PACKET: u32 = 6;
pub(super) const BYTE_ORDER: u32 = 0x1a2b_3c4d;
const COMMENT: u16 = 1;
const PROGRAM: u16 = 4;

/// The program name in a section that this handler writes.
pub(super) const WRITER_NAME: &[u8] = b"pigear";

/// The maximum length of a comment, in bytes.
pub(super) const MAX_COMMENT: usize = 4_096;

/// The largest block, in bytes: a packet of 65,535 bytes with the longest comment.
pub(super) const LARGEST: u64 = 12 + 20 + 65_536 + 4 + MAX_COMMENT as u64 + 4;

/// A packet with its comment.
pub(super) struct Packet<'a> {
    pub(super) interface: u32,
    /// Microseconds since 1970.
    pub(super) time: u64,
    pub(super) captured: &'a [u8],
    /// The packet's original length.
    pub(super) original_len: u32,
    pub(super) comment: &'a str,
}

/// The header of a file.
pub(super) fn section() -> Vec<u8> {
    let mut out = Vec::new();
    block(&mut out, SECTION, |body| {
        put_u32(body, BYTE_ORDER);
        put_u16(body, 1);
        put_u16(body, 0);
        body.extend_from_slice(&(-1_i64).to_ne_bytes());
        option(body, PROGRAM, WRITER_NAME);
        end_of_options(body);
    });
    out
}

/// The description of an interface.
pub(super) fn interface(out: &mut Vec<u8>, link_type: LinkType) {
    block(out, INTERFACE, |body| {
        put_u16(body, link_type.0);
        put_u16(body, 0);
        put_u32(body, 0);
    });
}

/// A packet.
pub(super) fn packet(out: &mut Vec<u8>, packet: &Packet<'_>) {
    block(out, PACKET, |body| {
        put_u32(body, packet.interface);
        let [high, low] = [packet.time >> 32, packet.time & u64::from(u32::MAX)];
        put_u32(body, u32::try_from(high).unwrap_or(u32::MAX));
        put_u32(body, u32::try_from(low).unwrap_or(u32::MAX));
        put_u32(body, len_u32(packet.captured));
        put_u32(body, packet.original_len);
        body.extend_from_slice(packet.captured);
        pad(body);
        option(body, COMMENT, packet.comment.as_bytes());
        end_of_options(body);
    });
}

/// Puts type and length around a body, which is a multiple of 4 bytes.
fn block(out: &mut Vec<u8>, kind: u32, put: impl FnOnce(&mut Vec<u8>)) {
    let mut body = Vec::with_capacity(256);
    put(&mut body);
    let len = len_u32(&body).saturating_add(12);
    put_u32(out, kind);
    put_u32(out, len);
    out.append(&mut body);
    put_u32(out, len);
}

/// Options are short, and bodies a multiple of 4 where they begin.
fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    put_u16(body, code);
    put_u16(body, u16::try_from(value.len()).unwrap_or(u16::MAX));
    body.extend(value.iter().take(usize::from(u16::MAX)));
    pad(body);
}

fn end_of_options(body: &mut Vec<u8>) {
    put_u32(body, 0);
}

fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

fn len_u32(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

fn put_u16(out: &mut Vec<u8>, number: u16) {
    out.extend_from_slice(&number.to_ne_bytes());
}

fn put_u32(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(&number.to_ne_bytes());
}
