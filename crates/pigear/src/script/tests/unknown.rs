//! What a filter says of fields that aren't known.

use std::sync::Arc;

use pigear_alert::wire::{Decoder, Dialect, encode};
use pigear_alert::{Alert, AlertMessage};

use super::{Filter, PACKET, alert_of, holds, passes};

#[test]
fn priority_0_is_no_priority() {
    let mut message = AlertMessage::default();
    message.priority = 0;
    let decoded = Decoder::default().decode(&encode(&message, Dialect::Snort3)).unwrap();
    let alert = Arc::new(Alert::new(decoded, Arc::default(), Arc::default()));
    assert_eq!(passes("msg.priority <= 2", &alert), Ok(true));
    assert_eq!(passes("alert.priority <= 2", &alert), Ok(false));
    assert_eq!(passes("alert.priority == ()", &alert), Ok(true));
    holds("alert.priority == 2 && alert.priority <= msg.priority");
}

/// Why a filter left an alert out, if only because a field wasn't known.
fn unknown(script: &str, alert: &Arc<Alert>) -> Option<String> {
    let mut filter = Filter::compile(script).unwrap();
    assert_eq!(filter.passes(alert), Ok(false), "{script}");
    filter.unknown().map(ToOwned::to_owned)
}

#[test]
fn it_is_told_when_an_alert_is_left_out_only_because_a_field_is_not_known() {
    let alert = alert_of(Dialect::Snort3, b"DNS", &[]);
    for (script, field) in [
        ("alert.src_ip == \"10.0.0.1\"", "alert.src_ip"),
        ("msg.priority <= 2 && alert.dst_port == 80", "alert.dst_port"),
        ("alert.dst_port == 80 && msg.priority <= 2", "alert.dst_port"),
        ("!(alert.dst_port != 80)", "alert.dst_port"),
        ("msg.priority == 1 || alert.proto == \"tcp\"", "alert.proto"),
        ("ip_in(alert.src_ip, \"10.0.0.0/8\")", "alert.src_ip"),
        ("alert.payload.contains(\"x\")", "alert.payload"),
        ("alert.action == \"blocked\"", "alert.action"),
        ("let p = alert.dst_port; p == 80", "alert.dst_port"),
    ] {
        let reason = format!("{field} is not known; --complete-from adds it from Snort's log");
        assert_eq!(unknown(script, &alert), Some(reason), "{script}");
    }
    for script in [
        "msg.priority == 1",
        "alert.dst_port == 80 && msg.priority == 1",
        "msg.priority == 1 && alert.dst_port == 80",
        "!(alert.dst_port == 80 || msg.priority == 2)",
        "alert.dst_port != () && alert.dst_port == 80",
        "(alert.dst_port ?? 0) == 80",
        "alert.sensor == \"dmz\"",
    ] {
        assert_eq!(unknown(script, &alert), None, "{script}");
    }
    let old = alert_of(Dialect::Snort297AppId, b"x", &PACKET);
    assert!(
        unknown("alert.priority <= 2", &old).unwrap().starts_with("alert.priority is not known")
    );
    // It is known that an ARP packet has no addresses.
    let arp = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 6];
    assert_eq!(
        unknown("alert.src_ip == \"10.0.0.1\"", &alert_of(Dialect::Snort3, b"", &arp)),
        None
    );
}
