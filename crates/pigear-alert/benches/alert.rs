//! What an alert costs: decoding its datagram, dissecting its packet, writing it.
//!
//! `cargo bench -p pigear-alert`. As in the program, the datagram is still in the cache from having
//! been received, and the buffer that a format writes to is used again.

use std::sync::Arc;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box, black_box_drop};
use pigear_alert::format::{Colour, FormatName};
use pigear_alert::packet::{Dissector, SnortVersion};
use pigear_alert::wire::{DecodeError, Decoded, Decoder, Dialect, encode};
use pigear_alert::{Alert, AlertMessage};

/// Length of the packet, in bytes.
const PACKET_LEN: u16 = 300;

fn main() {
    divan::Divan::default().sample_size(100).config_with_args().main();
}

/// Includes the two allocations, and giving them back.
#[divan::bench(args = [Dialect::Snort3, Dialect::Snort29AppId, Dialect::Snort27])]
fn decode(bencher: Bencher, dialect: Dialect) {
    let datagram = encode(&message(), dialect);
    decode_again_and_again(bencher, &datagram);
}

/// As Snort 2.9.3 to 2.9.7 send it: the length is taken from the packet.
#[divan::bench]
fn decode_shifted(bencher: Bencher) {
    let message = message();
    let mut datagram = encode(&message, Dialect::Snort29);
    for (offset, value) in [(260, 0), (264, message.ts_usec), (268, 0)] {
        datagram[offset..offset + 4].copy_from_slice(&value.to_ne_bytes());
    }
    decode_again_and_again(bencher, &datagram);
}

/// Ethernet, IPv4 and TCP.
#[divan::bench]
fn dissect(bencher: Bencher) {
    let packet = packet();
    let dissector = Dissector { link_type: None, snort: SnortVersion::V3 };
    bencher
        .counter(ItemsCount::new(1_usize))
        .bench(|| black_box_drop(dissector.dissect(black_box(&packet))));
}

/// Each alert is new, so that its packet has yet to be dissected.
#[divan::bench(args = FormatName::ALL)]
fn format(bencher: Bencher, name: FormatName) {
    let format = name.format(Colour::Never);
    let decoded = decoded();
    let (origin, names) = (Arc::default(), Arc::default());
    let alert = || Alert::new(decoded.clone(), Arc::clone(&origin), Arc::clone(&names));
    let mut out = Vec::new();
    bencher.counter(ItemsCount::new(1_usize)).with_inputs(alert).bench_local_refs(|alert| {
        out.clear();
        format.write(alert, &mut out);
        black_box(&out);
    });
}

fn decode_again_and_again(bencher: Bencher, datagram: &[u8]) {
    let decode = || -> Result<Decoded, DecodeError> {
        black_box(Decoder::default()).decode(black_box(datagram))
    };
    let whole = decode().is_ok_and(|decoded| decoded.message.caplen == u32::from(PACKET_LEN));
    assert!(whole, "the datagram is not decoded as it should be");
    bencher.counter(ItemsCount::new(1_usize)).bench(|| black_box_drop(decode()));
}

fn decoded() -> Decoded {
    let decoded = Decoder::default().decode(&encode(&message(), Dialect::Snort3));
    let Ok(decoded) = decoded else { unreachable!("an encoded message is decoded") };
    decoded
}

fn message() -> AlertMessage {
    let mut message = AlertMessage::default();
    message.msg = b"WEB-IIS cmd.exe access, with a body".as_slice().into();
    (message.ts_sec, message.ts_usec) = (1_795_000_000, 83_506);
    (message.caplen, message.pktlen) = (PACKET_LEN.into(), PACKET_LEN.into());
    (message.nethdr, message.transhdr, message.data) = (14, 34, 54);
    message.pkt = packet().into();
    (message.sig_generator, message.sig_id, message.sig_rev) = (1, 1_002, 8);
    (message.classification, message.priority) = (22, 1);
    (message.event_id, message.event_reference) = (7, 7);
    (message.tv_sec, message.tv_usec) = (message.ts_sec, message.ts_usec);
    message
}

/// Ethernet, IPv4 and TCP to port 80, with a payload that is half text.
fn packet() -> Vec<u8> {
    let mut packet = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    let [l0, l1] = (PACKET_LEN - 14).to_be_bytes();
    packet.extend([0x45, 0, l0, l1, 0, 1, 0x40, 0, 64, 6, 0, 0]);
    packet.extend([192, 0, 2, 1, 198, 51, 100, 9]);
    packet.extend([0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x18, 0x20, 0, 0, 0, 0, 0]);
    packet.extend((0..=u8::MAX).cycle().take(usize::from(PACKET_LEN) - packet.len()));
    packet
}
