//! Any datagram is refused, or gives an alert that keeps the promises of `wire` and `format`.
//!
//! The first two bytes of an input choose: see [`decoder`] and [`datagram`].
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use pigear_alert::format::{Colour, FormatName};
use pigear_alert::packet::LinkType;
use pigear_alert::wire::{Decoded, Decoder, Dialect, encode};
use pigear_alert::{Alert, AlertMessage, Origin};

/// Size of the message's field, in bytes.
const TEXT_LEN: usize = 256;

/// Enough for the event and the application's name of every dialect, in bytes.
const TAIL_LEN: usize = 112;

/// How much of a packet the formats see, in bytes: a hexdump of 65,535 would take all the time.
const SHOWN_LEN: usize = 1_024;

const LINK_TYPES: [LinkType; 4] =
    [LinkType::ETHERNET, LinkType::RAW, LinkType::LINUX_SLL, LinkType(12)];

fuzz_target!(|input: &[u8]| {
    let Some((&[reading, shape], bytes)) = input.split_first_chunk() else { return };
    let decoder = decoder(reading);
    let Ok(decoded) = decoder.decode(&datagram(shape, bytes)) else { return };
    check_bounds(&decoded.message);
    check_round_trip(&decoded, decoder.link_type);
    check_formats(decoded, decoder.link_type);
});

/// The low half chooses the dialect, or none; the high half the link type, or none.
fn decoder(reading: u8) -> Decoder {
    let dialect = Dialect::ALL.get(usize::from(reading & 0x0f)).copied();
    let link_type = LINK_TYPES.get(usize::from(reading >> 4)).copied();
    Decoder { dialect, link_type }
}

/// The low two bits say how to make a datagram of the bytes, the others for which dialect:
/// 0 as they are, 1 followed by zeros up to the dialect's length, else [`expanded`].
fn datagram(shape: u8, bytes: &[u8]) -> Vec<u8> {
    let dialects = Dialect::ALL;
    let len = dialects[usize::from(shape >> 2) % dialects.len()].datagram_len();
    match shape & 3 {
        0 => bytes.to_vec(),
        1 => {
            let mut datagram = bytes.to_vec();
            datagram.resize(len, 0);
            datagram
        }
        _ => expanded(bytes, len),
    }
}

/// Spreads the bytes over a datagram of this length: first its end (event and application), then
/// the text behind a byte for its length, then what begins behind the text (packet header and
/// packet).
fn expanded(bytes: &[u8], len: usize) -> Vec<u8> {
    let (tail, rest) = bytes.split_at(bytes.len().min(TAIL_LEN));
    let (text_len, rest) = rest.split_first().unwrap_or((&0, &[]));
    let (text, packet) = rest.split_at(rest.len().min(usize::from(*text_len)));
    let mut datagram = vec![0; len];
    put(&mut datagram, text);
    put(&mut datagram[TEXT_LEN..], packet);
    put(&mut datagram[len - TAIL_LEN..], tail);
    datagram
}

fn put(to: &mut [u8], from: &[u8]) {
    let len = to.len().min(from.len());
    to[..len].copy_from_slice(&from[..len]);
}

fn check_bounds(message: &AlertMessage) {
    let AlertMessage { caplen, dlthdr, nethdr, transhdr, data, .. } = *message;
    assert_eq!(message.pkt.len(), caplen as usize);
    assert!([dlthdr, nethdr, transhdr, data].iter().all(|&offset| offset <= caplen));
    assert!(message.ts_usec < 1_000_000);
    assert!(message.msg.len() < TEXT_LEN && !message.msg.contains(&0));
}

/// What was decoded, encoded, is decoded to the same; see [`is_kept`] for what isn't.
fn check_round_trip(decoded: &Decoded, link_type: Option<LinkType>) {
    let Decoded { ref message, dialect, .. } = *decoded;
    let decoder = Decoder { dialect: Some(dialect), link_type };
    let again = match decoder.decode(&encode(message, dialect)) {
        Ok(again) => again.message,
        Err(error) => panic!("an encoded message of {dialect} is refused: {error}"),
    };
    check_bounds(&again);
    let mut expected = message.clone();
    if !dialect.sends_whole_event() {
        (expected.priority, expected.event_id, expected.event_reference) = (0, 0, 0);
    }
    if is_kept(message, dialect) {
        assert_eq!(again, expected, "{dialect}");
    }
}

/// Whether `encode` can say this. There is no room for Snort 3's quotes around the longest
/// messages; and what has neither length nor microseconds looks like a shifted packet header.
fn is_kept(message: &AlertMessage, dialect: Dialect) -> bool {
    let looks_shifted = message.ts_usec == 0 && message.pktlen == 0;
    match dialect {
        Dialect::Snort3 => message.msg.len() + 2 < TEXT_LEN,
        Dialect::Snort29 => !(looks_shifted && message.caplen == message.tv_usec),
        Dialect::Snort297AppId => !looks_shifted,
        _ => true,
    }
}

fn check_formats(mut decoded: Decoded, link_type: Option<LinkType>) {
    if let Some(shown) = decoded.message.pkt.get(..SHOWN_LEN) {
        decoded.message.pkt = shown.into();
    }
    let origin = Origin { link_type, ..Origin::default() };
    let alert = Alert::new(decoded, Arc::new(origin), Arc::default());
    for name in FormatName::ALL {
        let mut out = Vec::new();
        name.format(Colour::Never).write(&alert, &mut out);
        let Ok(text) = String::from_utf8(out) else { panic!("{name} is not UTF-8") };
        let Some(text) = text.strip_suffix('\n') else { panic!("{name} ends without a newline") };
        let may_have = if name == FormatName::Full { '\n' } else { ' ' };
        let disturbs = |letter: char| letter.is_control() && letter != may_have;
        assert!(!text.contains(disturbs), "{text:?}");
        if name == FormatName::Json {
            check_json(text, &alert.message);
        }
    }
}

fn check_json(text: &str, message: &AlertMessage) {
    let object: serde_json::Map<String, serde_json::Value> = match serde_json::from_str(text) {
        Ok(object) => object,
        Err(error) => panic!("{error}: {text:?}"),
    };
    assert_eq!(object["sig_id"], message.sig_id);
    assert_eq!(object["event_reference"], message.event_reference);
}
