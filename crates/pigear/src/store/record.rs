//! What is kept of an alert besides its signature and origin, as bytes.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | version of this layout: 1 |
//! | 1 | flags: 1 untrusted, 2 an application's name follows |
//! | 4 | `ts_sec`, little-endian |
//! | varints | `ts_usec`, when it was received (nanoseconds after its time), `event_id`, and others of the message, each as what it usually differs little from |
//! | | if flagged: length (1) and bytes of the application's name |
//! | rest | the packet |
//!
//! A varint has seven bits a byte, the lowest first; a number with a sign is folded, as zigzag.

use jiff::{SignedDuration, Timestamp};
use pigear_alert::wire::Decoded;
use pigear_alert::{Alert, AlertMessage, AppName};

use super::sides::{Signature, Whence};

const VERSION: u8 = 1;
const UNTRUSTED: u8 = 1;
const APP_NAME: u8 = 2;

/// Appends what is kept of an alert.
pub(super) fn encode(alert: &Alert, out: &mut Vec<u8>) {
    let message = &alert.message;
    let app_name = message.app_name.as_ref().map(AppName::as_bytes);
    let flags = if alert.untrusted { UNTRUSTED } else { 0 };
    out.extend([VERSION, flags | if app_name.is_some() { APP_NAME } else { 0 }]);
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
    if let Some(name) = app_name {
        out.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        out.extend_from_slice(name);
    }
    out.extend_from_slice(&message.pkt);
}

/// The alert that was kept; `None` if the bytes are none.
pub(super) fn decode(bytes: &[u8], signature: &Signature, whence: &Whence) -> Option<Alert> {
    let mut rest = bytes;
    let &[version, flags] = rest.split_off(..2)?.first_chunk()?;
    if version != VERSION {
        return None;
    }
    let mut message = AlertMessage::default();
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
    if flags & APP_NAME != 0 {
        let len = *rest.split_off_first()?;
        message.app_name = AppName::new(rest.split_off(..usize::from(len))?);
    }
    message.caplen = moved(length(rest), caplen)?;
    message.pktlen = moved(message.caplen, pktlen)?;
    message.pkt = rest.into();
    signature.put_into(&mut message);
    let decoded = Decoded::new(message, whence.dialect);
    let mut alert = Alert::new(decoded, whence.origin.clone(), signature.names.clone());
    alert.untrusted = flags & UNTRUSTED != 0;
    alert.sender = whence.sender;
    alert.received = alert.timestamp().checked_add(SignedDuration::from_nanos(after)).ok()?;
    Some(alert)
}

/// When an alert's packet was seen, in microseconds since 1970.
pub(super) fn microseconds(time: Timestamp) -> i64 {
    time.as_microsecond()
}

fn length(packet: &[u8]) -> u32 {
    u32::try_from(packet.len()).unwrap_or(u32::MAX)
}

fn put(out: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

fn put_signed(out: &mut Vec<u8>, number: i64) {
    put(out, (number.cast_unsigned() << 1) ^ (number >> 63).cast_unsigned());
}

fn put_difference(out: &mut Vec<u8>, number: u32, from: u32) {
    put_signed(out, i64::from(number) - i64::from(from));
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.split_off_first()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    take(bytes)?.try_into().ok()
}

fn take_signed(bytes: &mut &[u8]) -> Option<i64> {
    let folded = take(bytes)?;
    Some((folded >> 1).cast_signed() ^ -(folded & 1).cast_signed())
}

fn take_difference(bytes: &mut &[u8], from: u32) -> Option<u32> {
    let difference = take_signed(bytes)?;
    moved(from, difference)
}

fn moved(from: u32, by: i64) -> Option<u32> {
    i64::from(from).checked_add(by)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_come_back(number: i64, from: u32, to: u32) {
            let mut bytes = Vec::new();
            put_signed(&mut bytes, number);
            put_difference(&mut bytes, to, from);
            let mut rest = &*bytes;
            prop_assert_eq!(take_signed(&mut rest), Some(number));
            prop_assert_eq!(take_difference(&mut rest, from), Some(to));
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn bytes_that_are_no_record_are_none(bytes: Vec<u8>) {
            let (signature, whence) = (Signature::default(), Whence::default());
            let mut bytes = bytes;
            let _ = decode(&bytes, &signature, &whence);
            if let Some(version) = bytes.first_mut() {
                *version = VERSION;
            }
            let _ = decode(&bytes, &signature, &whence);
        }
    }
}
