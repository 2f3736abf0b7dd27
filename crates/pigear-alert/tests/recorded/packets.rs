use pigear_alert::packet::{Header, LinkType, frame_length};
use serde_json::json;

use crate::recordings::ALL;

#[test]
fn an_alert_has_its_packet_where_snort_sent_one() {
    for recorded in &*ALL {
        let expected = recorded.expected["has_packet"].as_bool();
        assert_eq!(Some(recorded.alert.message.has_packet()), expected, "{}", recorded.place);
    }
}

#[test]
fn every_packet_gives_the_addresses_ports_and_protocol_that_its_snort_logged() {
    let wrong: Vec<String> = ALL
        .iter()
        .flat_map(|recorded| {
            let packet = recorded.alert.dissection();
            recorded.flow_mismatches(|field| match field {
                "src_ip" => json!(packet.src_ip()),
                "dst_ip" => json!(packet.dst_ip()),
                "src_port" => json!(packet.src_port()),
                "dst_port" => json!(packet.dst_port()),
                _ => json!(packet.protocol().map(|protocol| protocol.0)),
            })
        })
        .collect();
    assert!(wrong.is_empty(), "{} mismatches:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_packet_that_was_not_cut_is_read_to_its_end() {
    for recorded in &*ALL {
        let was_cut = recorded.place.contains("/truncated/") || recorded.is_garbled();
        if recorded.alert.message.has_packet() && !was_cut {
            assert_eq!(recorded.alert.dissection().stopped, None, "{}", recorded.place);
        }
    }
}

#[test]
fn the_link_type_is_told_from_every_packet() {
    for recorded in &*ALL {
        let is_raw = recorded.place.contains("rawip");
        let link_type = if is_raw { LinkType::RAW } else { LinkType::ETHERNET };
        if recorded.alert.message.pkt.len() >= 34 {
            let found = recorded.alert.dissection().link_type;
            assert_eq!(found, Some(link_type), "{}", recorded.place);
        }
    }
}

#[test]
fn the_length_of_every_frame_is_told_also_from_its_first_headers() {
    for recorded in &*ALL {
        let packet = &*recorded.alert.message.pkt;
        let link_type = recorded.alert.dissection().link_type;
        let Some(length) = frame_length(packet, link_type) else { continue };
        let name = format!("{}: {length}", recorded.place);
        let was_cut = recorded.is_garbled() || packet.len() < length;
        assert!(was_cut || packet.len() == length, "{name}, not {}", packet.len());
        let layers = &recorded.alert.dissection().layers;
        let network = layers.iter().find(|layer| {
            matches!(layer.header, Header::Ipv4(_) | Header::Ipv6(_) | Header::Arp(_))
        });
        let end = network.map_or(packet.len(), |layer| layer.range.end);
        assert_eq!(frame_length(&packet[..end], link_type), Some(length), "{name}");
    }
}
