//! What a filter costs an alert, natively and by the engine, beside the same comparison in Rust.
//!
//! `cargo bench -p pigear --bench filter`. Each alert is new, so that its packet has yet to be
//! dissected where the filter asks for it.

use std::sync::Arc;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use pigear::script::Filter;
use pigear_alert::wire::{Decoded, Decoder, Dialect, encode};
use pigear_alert::{Alert, AlertMessage};

fn main() {
    divan::Divan::default().sample_size(100).config_with_args().main();
}

/// Two fields that came with the datagram.
const FIELDS: &str = "msg.priority <= 2 && msg.sig_generator == 1";

/// Address and port, for which the packet is dissected.
const ADDRESSES: &str = "alert.dst_port == 80 && ip_in(alert.src_ip, \"192.0.2.0/24\")";

/// A text that is compared without case.
const PROTOCOL: &str = "alert.proto == \"tcp\"";

/// A text that is searched.
const TEXT: &str = "msg.msg.contains(\"cmd.exe\")";

/// As filters run: without the engine, because these are simple.
#[divan::bench(args = [FIELDS, ADDRESSES, PROTOCOL, TEXT])]
fn script(bencher: Bencher, script: &str) {
    let mut filter = compiled(script);
    each(bencher, |alert| filter.passes(alert) == Ok(true));
}

/// The same filters, run by the engine.
#[divan::bench(args = [FIELDS, ADDRESSES, PROTOCOL, TEXT])]
fn engine(bencher: Bencher, script: &str) {
    let mut filter = compiled(script).by_engine();
    each(bencher, |alert| filter.passes(alert) == Ok(true));
}

fn compiled(script: &str) -> Filter {
    match Filter::compile(script) {
        Ok(filter) => filter,
        Err(problem) => unreachable!("{problem}"),
    }
}

#[divan::bench]
fn rust_fields(bencher: Bencher) {
    each(bencher, |alert| {
        let AlertMessage { priority, sig_generator, .. } = alert.message;
        priority <= 2 && sig_generator == 1
    });
}

#[divan::bench]
fn rust_addresses(bencher: Bencher) {
    each(bencher, |alert| {
        let in_network =
            |ip| matches!(ip, std::net::IpAddr::V4(ip) if ip.octets()[..3] == [192, 0, 2]);
        alert.dst_port() == Some(80) && alert.src_ip().is_some_and(in_network)
    });
}

fn each(bencher: Bencher, mut passes: impl FnMut(&Arc<Alert>) -> bool) {
    let decoded = decoded();
    let alert = || Arc::new(Alert::new(decoded.clone(), Arc::default(), Arc::default()));
    let bencher = bencher.counter(ItemsCount::new(1_usize)).with_inputs(alert);
    bencher.bench_local_refs(|alert| assert!(passes(black_box(alert))));
}

fn decoded() -> Decoded {
    let mut message = AlertMessage::default();
    message.msg = b"WEB-IIS cmd.exe access".as_slice().into();
    (message.sig_generator, message.sig_id, message.priority) = (1, 1_002, 2);
    let mut packet = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    packet.extend([0x45, 0, 0, 50, 0, 1, 0x40, 0, 64, 6, 0, 0, 192, 0, 2, 1, 198, 51, 100, 9]);
    packet.extend([0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x18, 0x20, 0, 0, 0, 0, 0]);
    packet.extend(*b"GET / HTTP");
    (message.caplen, message.pktlen) = (64, 64);
    message.pkt = packet.into();
    let decoded = Decoder::default().decode(&encode(&message, Dialect::Snort3));
    let Ok(decoded) = decoded else { unreachable!("an encoded message is decoded") };
    decoded
}
