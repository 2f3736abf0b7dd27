//! Recordings of encapsulations: each alert has the ends that the same Snort logged, though the
//! datagram has nothing but the packet and where in it Snort found IP.

use std::fs;
use std::sync::Arc;

use pigear_alert::format::{Format, Full};
use pigear_alert::maps::{Classes, Names};
use pigear_alert::packet::FlowSource;
use pigear_alert::wire::{Decoded, Decoder, Dialect};
use pigear_alert::{Alert, AlertMessage};
use serde_json::{Value, json};

use crate::logs::{assembled, held};
use crate::recordings::{data, datagrams, unpacked};

/// The recordings, and how many alerts each has.
const RECORDINGS: [(&str, usize); 7] = [
    ("v2-cisco-fabric-path", 12),
    ("v2-erspan-type-ii-2", 12),
    ("v2-gre-within-gre", 12),
    ("v3-dsize", 2),
    ("v3-geneve", 12),
    ("v3-snap-tcp", 12),
    ("v3-vxlan-reserved", 6),
];

fn alerts(name: &str) -> Vec<Alert> {
    let bytes = unpacked(&data().join(format!("live/{name}.dgrams.gz")));
    let decoded = datagrams(&bytes).into_iter().map(|bytes| Decoder::default().decode(bytes));
    decoded.map(|decoded| Alert::new(decoded.unwrap(), Arc::default(), Arc::default())).collect()
}

fn of_log(name: &str) -> Vec<Alert> {
    let log = fs::read(data().join("live").join(name)).unwrap();
    let alerts = assembled(&log).into_iter();
    alerts.map(|logged| Alert::from_log(logged, Arc::default(), Arc::default())).collect()
}

fn expected(name: &str) -> Vec<Value> {
    let path = data().join(format!("live/{name}.expected.jsonl"));
    fs::read_to_string(path)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// `TCP 10.0.0.1:1 -> 10.0.0.2:2`, as far as known.
fn ends(alert: &Alert) -> String {
    let keyword = alert.protocol().map(|protocol| match protocol.keyword() {
        Some(keyword) => keyword.to_owned(),
        None => protocol.to_string(),
    });
    shown([
        &json!(keyword),
        &json!(alert.src_ip()),
        &json!(alert.src_port()),
        &json!(alert.dst_ip()),
        &json!(alert.dst_port()),
    ])
}

fn logged_ends(expected: &Value) -> String {
    shown(["proto", "src_ip", "src_port", "dst_ip", "dst_port"].map(|field| &expected[field]))
}

fn shown([proto, src_ip, src_port, dst_ip, dst_port]: [&Value; 5]) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    format!("{} {}:{src_port} -> {}:{dst_port}", text(proto), text(src_ip), text(dst_ip))
}

#[test]
fn alerts_have_the_ends_that_snort_logged() {
    for (name, count) in RECORDINGS {
        let (alerts, expected) = (alerts(name), expected(name));
        assert_eq!((alerts.len(), expected.len()), (count, count), "{name}");
        for (n, (alert, expected)) in alerts.iter().zip(&expected).enumerate() {
            let place = format!("{name} alert {n}");
            assert_eq!(json!(alert.message.sig_id), expected["sid"], "{place}");
            if alert.message.has_packet() {
                assert_eq!(ends(alert), logged_ends(expected), "{place}");
                assert_eq!(alert.dissection().flow_source, Some(FlowSource::Datagram), "{place}");
                assert!(!alert.dissection_differs(), "{place}");
            }
        }
    }
}

#[test]
fn the_same_ends_are_found_where_snort_does_not_say_where_ip_is() {
    for (name, _) in RECORDINGS {
        for (n, (alert, expected)) in alerts(name).iter().zip(&expected(name)).enumerate() {
            let mut alert = alert.clone();
            (alert.message.nethdr, alert.message.transhdr, alert.message.data) = (0, 0, 0);
            if alert.message.has_packet() {
                assert_eq!(ends(&alert), logged_ends(expected), "{name} alert {n}");
            }
        }
    }
}

#[test]
fn teredo_without_an_address_of_its_own_is_plain_udp() {
    let [alert] = &alerts("teredo-forged")[..] else { panic!() };
    let plain = "UDP 198.51.100.66:3544 -> 192.0.2.2:53";
    assert_eq!(ends(alert), plain);
    let mut unstated = alert.clone();
    (unstated.message.nethdr, unstated.message.transhdr, unstated.message.data) = (0, 0, 0);
    assert_eq!(ends(&unstated), plain);
}

#[test]
fn an_event_of_a_packet_in_erspan_agrees_with_the_packet() {
    let [alert] = &of_log("erspan-104.u2")[..] else { panic!() };
    assert_eq!(ends(alert), "TCP 10.9.0.1:1111 -> 10.9.0.2:80");
    assert_eq!(alert.dissection().flow_source, Some(FlowSource::Log));
    assert!(!alert.dissection_differs());
    let layers = alert.dissection().layers.iter().map(|layer| layer.header.name());
    let names: Vec<_> = layers.collect();
    assert_eq!(names, ["Ethernet", "IPv4", "GRE", "ERSPAN", "Ethernet", "IPv4", "TCP"]);
}

#[test]
fn an_event_that_disagrees_with_its_packet_wins() {
    let [alert] = &of_log("event-address-differs.u2")[..] else { panic!() };
    assert_eq!(ends(alert), "TCP 203.0.113.9:1111 -> 10.9.0.2:80");
    assert!(alert.dissection_differs());
    let mut full = Vec::new();
    Full::default().write(alert, &mut full);
    let line = "\n[Addresses are from Snort's log; the packet's headers differ]\n";
    assert!(String::from_utf8(full).unwrap().contains(line));
}

#[test]
fn an_event_without_a_packet_has_the_ports_and_the_vlan_of_the_log() {
    let alert = Alert::from_log(held(), Arc::default(), Arc::default());
    assert_eq!(ends(&alert), "255 192.0.2.1:50000 -> 192.0.2.2:445");
    assert_eq!(alert.dissection().vlans().collect::<Vec<_>>(), [70]);
    assert!(alert.is_held() && !alert.is_blocked() && !alert.dissection_differs());
}

#[test]
fn a_logged_packet_is_as_long_as_its_header_says() {
    let mut logged = assembled(&fs::read(data().join("live/erspan-104.u2")).unwrap()).remove(0);
    let whole = logged.packets[0].data.len();
    logged.packets[0].data = logged.packets[0].data[..60].into();
    let alert = Alert::from_log(logged, Arc::default(), Arc::default());
    let lengths = [alert.message.caplen, alert.message.pktlen].map(|len| len as usize);
    assert_eq!(lengths, [60, whole]);
}

#[test]
fn only_the_placeholder_of_snort_2s_decoder_is_no_class() {
    let names = Arc::new(Names { classes: Classes::stock(), ..Names::default() });
    let class = |dialect, generator, classification| {
        let mut message = AlertMessage::default();
        (message.sig_generator, message.classification) = (generator, classification);
        let alert = Alert::new(Decoded::new(message, dialect), Arc::default(), Arc::clone(&names));
        alert.class().is_some()
    };
    assert!(!class(Dialect::Snort29, 116, 25));
    assert!(class(Dialect::Snort29, 116, 24));
    assert!(class(Dialect::Snort29, 1, 25));
    assert!(class(Dialect::Snort3, 116, 25));
}
