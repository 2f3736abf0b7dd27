use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::super::{Dissection, Dissector, LinkType, MAX_LAYERS, SnortVersion, frame_length};
use super::{dissect, samples};

fn dissectors() -> impl Strategy<Value = Dissector> {
    let link_types = [None, Some(1), Some(101), Some(113), Some(105)];
    let link_type = prop::sample::select(link_types.map(|number| number.map(LinkType)).to_vec());
    let snort = prop::sample::select(vec![SnortVersion::V3, SnortVersion::V2]);
    (link_type, snort).prop_map(|(link_type, snort)| Dissector { link_type, snort })
}

/// Sound packets with some bytes changed, and cut.
fn spoiled() -> impl Strategy<Value = Vec<u8>> {
    let changes = vec((any::<Index>(), any::<u8>()), 0..6);
    let sample = prop::sample::select(samples::all());
    (sample, changes, any::<Index>()).prop_map(|(mut packet, changes, end)| {
        for (index, byte) in changes {
            let at = index.index(packet.len());
            packet[at] ^= byte;
        }
        packet.truncate(end.index(packet.len() * 2));
        packet
    })
}

/// Headers follow each other without overlap, the payload comes last, and all is in the packet.
fn assert_ordered(dissection: &Dissection, len: usize) {
    let mut at = 0;
    for layer in &dissection.layers {
        assert_eq!(layer.range.start, at);
        assert!(layer.range.end >= at);
        at = layer.range.end;
    }
    assert_eq!(dissection.payload.start, at);
    assert!(dissection.payload.end >= at && dissection.payload.end <= len);
    assert!(dissection.layers.len() <= MAX_LAYERS);
    assert!(dissection.stopped.is_none_or(|stop| stop.offset <= len));
}

fn assert_sound(dissector: Dissector, bytes: &[u8]) {
    let dissection = dissector.dissect(bytes);
    assert_ordered(&dissection, bytes.len());
    assert_eq!(dissection.src_ip().is_some(), dissection.protocol().is_some());
    assert!(dissection.src_port().is_none() || dissection.src_ip().is_some());
    assert!(!dissection.is_fragment() || dissection.src_port().is_none());
    let text = dissection.stopped.map(|stop| stop.to_string());
    assert!(text.is_none_or(|text| !text.is_empty()));
    let _ = frame_length(bytes, dissector.link_type);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_bytes_can_be_dissected(dissector in dissectors(), bytes in vec(any::<u8>(), 0..200)) {
        assert_sound(dissector, &bytes);
    }

    #[test]
    fn a_spoiled_packet_can_be_dissected(dissector in dissectors(), bytes in spoiled()) {
        assert_sound(dissector, &bytes);
    }
}

#[test]
fn a_sound_packet_is_read_to_its_end() {
    for packet in samples::all() {
        let dissection = dissect(&packet);
        assert_eq!(dissection.stopped, None, "{dissection:?}");
        assert_ordered(&dissection, packet.len());
        assert_eq!(dissection.payload.end, packet.len());
        assert_eq!(frame_length(&packet, None), Some(packet.len()));
    }
}

#[test]
fn a_cut_packet_keeps_the_layers_before_the_cut_and_names_the_one_that_was_cut() {
    for packet in samples::all() {
        let whole = dissect(&packet);
        for (index, layer) in whole.layers.iter().enumerate() {
            for end in layer.range.clone().skip(1) {
                let cut = dissect(&packet[..end]);
                assert_eq!(cut.layers[..], whole.layers[..index.min(cut.layers.len())]);
                let Some(stop) = cut.stopped else { continue };
                let named = [layer.header.name(), "IP"].contains(&stop.layer);
                assert!(named || stop.offset < layer.range.start, "{stop} in {layer:?}");
            }
        }
    }
}
