//! Any bytes are read to their end, record by record, and what is no record is passed by.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pigear_alert::unified2::{Record, find, read};

fuzz_target!(|input: &[u8]| {
    let mut rest = input;
    loop {
        let forward = match read(rest) {
            Ok(Some((record, length))) => {
                check(&record, length);
                length
            }
            Ok(None) => break,
            Err(_) => 1 + find(&rest[1..]).unwrap_or_else(|given_up| given_up),
        };
        assert!((1..=rest.len()).contains(&forward));
        rest = &rest[forward..];
    }
});

fn check(record: &Record<'_>, length: usize) {
    let held = match record {
        Record::Packet(packet) | Record::Buffer(packet) => packet.data,
        Record::ExtraData(extra) => extra.data,
        Record::Unknown { body, .. } => body,
        _ => return,
    };
    assert!(held.len() < length);
}
