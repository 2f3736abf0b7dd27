mod cef_parser;
mod count;
mod eve;
mod event_id;
mod fast;
mod flow;
mod full;
mod headers;
mod hostile;
mod json;
mod options;
mod snort;

use std::sync::Arc;

use super::{Colour, Fast, Format, FormatName, Full};
use crate::maps::{Classes, Names, SidMsgMap};
use crate::packet::tests::samples::{ethernet, icmp, ipv4, ipv6, tcp, udp};
use crate::wire::{Decoded, Dialect};
use crate::{Alert, AlertMessage, AppName};

/// A ping in 2009.
fn ping() -> AlertMessage {
    AlertMessage {
        msg: b"ICMP PING".as_slice().into(),
        ts_sec: 1_258_561_670,
        ts_usec: 83_506,
        sig_generator: 1,
        sig_id: 384,
        sig_rev: 8,
        classification: 29,
        priority: 3,
        event_id: 7,
        event_reference: 7,
        tv_sec: 1_258_561_670,
        tv_usec: 83_506,
        ..carrying(&ethernet(0x0800, &ipv4(1, &icmp(8, b"ping"))))
    }
}

/// A message that says nothing, about a packet.
fn carrying(packet: &[u8]) -> AlertMessage {
    let len = u32::try_from(packet.len()).unwrap();
    AlertMessage { caplen: len, pktlen: len, pkt: packet.into(), ..AlertMessage::default() }
}

fn alert(message: AlertMessage) -> Alert {
    named(message, Names::default())
}

fn named(message: AlertMessage, names: Names) -> Alert {
    let decoded = Decoded { message, dialect: Dialect::Snort3, untrusted: false };
    Alert::new(decoded, Arc::default(), Arc::new(names))
}

fn written(format: &dyn Format, alert: &Alert) -> String {
    let mut out = Vec::new();
    format.write(alert, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn a_format_is_known_by_its_name() {
    for format in FormatName::ALL {
        assert_eq!(format.to_string().parse(), Ok(format));
    }
    let error = "xml".parse::<FormatName>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "unknown format \"xml\"; known are fast, full, json, eve, ecs, ocsf, cef, snort, alert_json, csv"
    );
}
