//! The stored bytes of an alert, without its signature and origin.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | version of this layout: 3 |
//! | 1 | flags: 1 untrusted, 2 an application's name, 4 what Snort's log has, 8 came from the log |
//! | 4 | `ts_sec`, little-endian |
//! | varints | `ts_usec`, when it was received (nanoseconds after its time), `event_id`, and others of the message, each as what it usually differs little from |
//! | varint | the rule's revision |
//! | | if flagged: length and bytes of the application's name |
//! | | if flagged: length and bytes of what Snort's log has (`record/logged.rs`) |
//! | to the last 4 | the packet |
//! | 4 | CRC-32 of all before, little-endian: a bit that flips on a disk makes no other alert of this one |
//!
//! Older versions are still read. Up to version 2 the revision is the signature's; version 1 has no CRC-32.
//!
//! A varint has seven bits a byte, the lowest first; a number with a sign is folded, as zigzag. Lengths
//! are varints.
//!
//! The layout is our own, because `postcard` was measured to be slower: with the same numbers in the
//! same order, for 1,238 recorded alerts, it takes 30.1 bytes besides the packet instead of 28.9, 220 ns
//! instead of 105 to encode, and 81 ns instead of 45 to decode. The decoder of version 1 would also have
//! to stay.

mod logged;
pub(crate) mod varint;

use jiff::Timestamp;
use pigear_alert::{Alert, AlertMessage, AppName, Medium};

use varint::{
    moved, put, put_bytes, put_difference, put_signed, take_bytes, take_difference, take_signed,
    take_u32,
};

use super::interned::{Provenance, Signature};

const VERSION: u8 = 3;
/// The version without a revision.
const UNREVISED: u8 = 2;
/// The version without a checksum, too.
const UNSUMMED: u8 = 1;
const UNTRUSTED: u8 = 1;
const APP_NAME: u8 = 2;
const LOGGED: u8 = 4;
const UNIFIED2: u8 = 8;

/// Appends an alert.
pub(crate) fn encode(alert: &Alert, out: &mut Vec<u8>) {
    let begin = out.len();
    let message = &alert.message;
    let app_name = message.app_name.as_ref().map(AppName::as_bytes);
    let flags = [
        (alert.untrusted, UNTRUSTED),
        (app_name.is_some(), APP_NAME),
        (alert.log().is_some(), LOGGED),
        (alert.medium == Medium::Unified2, UNIFIED2),
    ];
    let set = flags.into_iter().filter(|(holds, _)| *holds).map(|(_, flag)| flag);
    out.extend([VERSION, set.sum()]);
    out.extend(message.ts_sec.to_le_bytes());
    put(out, message.ts_usec.into());
    let after = alert.received.duration_since(alert.timestamp()).as_nanos();
    put_signed(out, i64::try_from(after).unwrap_or(i64::MAX));
    put(out, message.event_id.into());
    put_difference(out, message.event_reference, message.event_id);
    put_difference(out, message.tv_sec, message.ts_sec);
    put_difference(out, message.tv_usec, message.ts_usec);
    put_difference(out, message.caplen, length(&message.pkt));
    put_difference(out, message.pktlen, message.caplen);
    for number in [message.dlthdr, message.nethdr, message.transhdr, message.data, message.val] {
        put(out, number.into());
    }
    put(out, message.sig_rev.into());
    if let Some(name) = app_name {
        put_bytes(out, name);
    }
    if let Some(log) = alert.log() {
        let mut bytes = Vec::new();
        logged::encode(log, message, &mut bytes);
        put_bytes(out, &bytes);
    }
    out.extend_from_slice(&message.pkt);
    let sum = crc32fast::hash(out.get(begin..).unwrap_or_default());
    out.extend(sum.to_le_bytes());
}

/// Decodes an alert into the memory of another, which is invalid if that fails.
///
/// # Errors
/// What is wrong with the bytes.
pub(crate) fn decode_into(
    alert: &mut Alert,
    bytes: &[u8],
    signature: &Signature,
    provenance: &Provenance,
) -> Result<(), &'static str> {
    let record = match bytes.first() {
        Some(&UNSUMMED) => bytes,
        Some(&VERSION | &UNREVISED) => summed(bytes).ok_or("its checksum is wrong")?,
        Some(_) => return Err("its record has an unknown version"),
        None => return Err("its record is missing"),
    };
    decode_fields(alert, record, signature, provenance).ok_or("its record can't be decoded")
}

/// The second of an alert's packet, since 1970; `None` if the record is too short. Its checksum is not looked at.
pub(super) fn seconds(record: &[u8]) -> Option<u32> {
    record.get(2..)?.first_chunk().copied().map(u32::from_le_bytes)
}

/// Whether a record may have these bytes in its packet, or in what Snort inspected of a stream: they are found in it, or
/// it is one that can't be decoded.
pub(super) fn may_have(bytes: &[u8], has: impl FnOnce(&[u8]) -> bool) -> bool {
    let is_decoded = match bytes.first() {
        Some(&(VERSION | UNREVISED)) => summed(bytes).is_some(),
        _ => false,
    };
    !is_decoded || has(bytes)
}

/// The bytes before the checksum, if that is correct.
fn summed(bytes: &[u8]) -> Option<&[u8]> {
    let (record, sum) = bytes.split_last_chunk()?;
    (crc32fast::hash(record) == u32::from_le_bytes(*sum)).then_some(record)
}

fn decode_fields(
    alert: &mut Alert,
    bytes: &[u8],
    signature: &Signature,
    provenance: &Provenance,
) -> Option<()> {
    let mut rest = bytes;
    let &[version, flags] = rest.split_off(..2)?.first_chunk()?;
    alert.reuse(&provenance.origin, &signature.names);
    let message = &mut alert.message;
    message.ts_sec = u32::from_le_bytes(*rest.split_off(..4)?.first_chunk()?);
    message.ts_usec = take_u32(&mut rest)?;
    let after = take_signed(&mut rest)?;
    message.event_id = take_u32(&mut rest)?;
    message.event_reference = take_difference(&mut rest, message.event_id)?;
    message.tv_sec = take_difference(&mut rest, message.ts_sec)?;
    message.tv_usec = take_difference(&mut rest, message.ts_usec)?;
    let caplen = take_signed(&mut rest)?;
    let pktlen = take_signed(&mut rest)?;
    message.dlthdr = take_u32(&mut rest)?;
    message.nethdr = take_u32(&mut rest)?;
    message.transhdr = take_u32(&mut rest)?;
    message.data = take_u32(&mut rest)?;
    message.val = take_u32(&mut rest)?;
    signature.put_into(message);
    if version > UNREVISED {
        message.sig_rev = take_u32(&mut rest)?;
    }
    message.app_name = match flags & APP_NAME {
        0 => None,
        _ => AppName::new(take_bytes(&mut rest)?),
    };
    let log = if flags & LOGGED != 0 { Some(take_bytes(&mut rest)?) } else { None };
    message.caplen = moved(length(rest), caplen)?;
    message.pktlen = moved(message.caplen, pktlen)?;
    // In place, if it is as long as the last one.
    if message.pkt.len() == rest.len() {
        message.pkt.copy_from_slice(rest);
    } else {
        message.pkt = rest.into();
    }
    let log = log.map(|bytes| logged::decode(bytes, message).ok_or(())).transpose().ok()?;
    provenance.put_into(alert);
    if let Some(log) = log {
        alert.put_back_log(log);
    }
    if flags & UNIFIED2 != 0 {
        alert.medium = Medium::Unified2;
    }
    alert.untrusted = flags & UNTRUSTED != 0;
    alert.received = received(&alert.message, after)?;
    Some(())
}

/// When an alert's packet was seen, in microseconds since 1970.
pub(super) fn microseconds(time: Timestamp) -> i64 {
    time.as_microsecond()
}

/// The time so many nanoseconds after the packet was seen, as `checked_add` says it in several times the time.
fn received(message: &AlertMessage, nanoseconds: i64) -> Option<Timestamp> {
    const SECOND: i64 = 1_000_000_000;
    let rest = nanoseconds.rem_euclid(SECOND) + i64::from(message.ts_usec) * 1_000;
    let seconds = i64::from(message.ts_sec) + nanoseconds.div_euclid(SECOND) + rest / SECOND;
    Timestamp::new(seconds, i32::try_from(rest % SECOND).ok()?).ok()
}

fn length(packet: &[u8]) -> u32 {
    u32::try_from(packet.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;
    use crate::store::row::empty_alert;

    fn decode(
        bytes: &[u8],
        signature: &Signature,
        provenance: &Provenance,
    ) -> Result<Alert, &'static str> {
        let mut alert = empty_alert();
        decode_into(&mut alert, bytes, signature, provenance).map(|()| alert)
    }

    proptest! {
        #[test]
        fn when_an_alert_was_received_is_its_time_and_what_is_between(
            ts_sec: u32,
            ts_usec: u32,
            between in prop_oneof![any::<i64>(), Just(i64::MIN), Just(i64::MAX), -2_000_000_000..2_000_000_000i64],
        ) {
            let mut alert = empty_alert();
            (alert.message.ts_sec, alert.message.ts_usec) = (ts_sec, ts_usec);
            let expected = alert.timestamp().checked_add(SignedDuration::from_nanos(between)).ok();
            prop_assert_eq!(received(&alert.message, between), expected);
        }

        #[test]
        fn bytes_that_are_no_record_are_none(bytes: Vec<u8>) {
            let (signature, provenance) = (Signature::default(), Provenance::default());
            let decoded = |bytes: &[u8]| decode(bytes, &signature, &provenance);
            // Only the first version has no checksum that bytes by chance don't have.
            prop_assert!(bytes.first() == Some(&UNSUMMED) || decoded(&bytes).is_err());
            let mut bytes = bytes;
            if let Some(version) = bytes.first_mut() {
                *version = UNSUMMED;
            }
            // What is one by chance can be kept again.
            if let Ok(alert) = decoded(&bytes) {
                let mut again = Vec::new();
                encode(&alert, &mut again);
                prop_assert_eq!(decoded(&again).map(|alert| alert.message), Ok(alert.message));
            }
        }
    }
}
