//! Any packet is taken apart within its bounds.
//!
//! The first byte of an input chooses: see [`dissector`]. The others are the packet.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pigear_alert::packet::{Dissection, Dissector, LinkType, MAX_LAYERS, SnortVersion, frame_length};

const LINK_TYPES: [LinkType; 5] =
    [LinkType::ETHERNET, LinkType::RAW, LinkType::LINUX_SLL, LinkType(12), LinkType(147)];

fuzz_target!(|input: &[u8]| {
    let Some((&choice, packet)) = input.split_first() else { return };
    let dissector = dissector(choice);
    let dissection = dissector.dissect(packet);
    check_ranges(&dissection, packet.len());
    check_addresses(&dissection);
    if dissector.link_type.is_some() {
        assert_eq!(dissection.link_type, dissector.link_type);
    }
    let _ = frame_length(packet, dissector.link_type);
});

/// The lowest bit says which Snort is followed, the others choose the link type, or none.
fn dissector(choice: u8) -> Dissector {
    let snort = if choice & 1 == 0 { SnortVersion::V2 } else { SnortVersion::V3 };
    Dissector { link_type: LINK_TYPES.get(usize::from(choice >> 1)).copied(), snort }
}

/// Headers follow one another from the packet's first byte on, and the payload follows them.
fn check_ranges(dissection: &Dissection, len: usize) {
    assert!(dissection.layers.len() <= MAX_LAYERS);
    let headers = dissection.layers.iter().map(|layer| &layer.range);
    let mut at = 0;
    for range in headers.chain([&dissection.payload]) {
        assert!(range.start == at && range.end >= at, "{dissection:?}");
        at = range.end;
    }
    assert!(at <= len, "{dissection:?}");
    if let Some(stop) = &dissection.stopped {
        assert!(stop.offset <= len && !stop.to_string().is_empty());
    }
}

/// Addresses come in pairs, ports too, and no ports without addresses.
fn check_addresses(dissection: &Dissection) {
    assert_eq!(dissection.src_ip().is_some(), dissection.dst_ip().is_some());
    assert_eq!(dissection.src_port().is_some(), dissection.dst_port().is_some());
    assert_eq!(dissection.src_ip().is_some(), dissection.protocol().is_some());
    assert!(dissection.src_port().is_none() || dissection.src_ip().is_some());
    assert!(!dissection.is_fragment() || dissection.transport().is_none(), "{dissection:?}");
    assert!(dissection.vlans().all(|id| id < 4_096));
    assert!(dissection.ethernet().is_none() || !dissection.layers.is_empty());
}
