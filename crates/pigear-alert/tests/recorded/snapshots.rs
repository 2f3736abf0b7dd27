//! A few recorded alerts in full, in every format that machines read, and the manual's examples.

use std::path::PathBuf;
use std::sync::Arc;

use pigear_alert::format::FormatName;
use pigear_alert::{Alert, Origin, Sender};

use crate::recordings::ALL;
use crate::written::{line, names};

const MANUAL: &str = include_str!("../../../../docs/formats.md");

/// The first alert of a recording that `is_it` picks, as if received just after it was sent.
fn alert(recording: &str, is_it: impl Fn(&Alert) -> bool) -> Alert {
    let names = names();
    let found = ALL.iter().filter(|recorded| recorded.place.contains(recording));
    let mut alert = found.map(|recorded| recorded.named(&names)).find(is_it).unwrap();
    let socket = Some(PathBuf::from("/var/log/snort/snort_alert"));
    alert.origin = Arc::new(Origin { socket, sensor: Some("dmz".to_owned()), ..Origin::default() });
    alert.sender = Some(Sender { pid: 4711, uid: 110 });
    alert.received = "2025-06-15T16:06:40.500377Z".parse().unwrap();
    alert
}

fn assert_is_as_before(name: &str, alert: &Alert) {
    let formats = [FormatName::Eve, FormatName::Ecs, FormatName::Ocsf, FormatName::Cef];
    let lines = formats.map(|format| format!("{format}\n{}", line(format, alert))).join("\n");
    let mut settings = insta::Settings::clone_current();
    settings.set_omit_expression(true);
    settings.add_filter(r#"("[^"]{400})[^"]*""#, "$1…\"");
    settings.bind(|| insta::assert_snapshot!(name, lines));
}

#[test]
fn a_query_of_dns() {
    assert_is_as_before("dns", &alert("v3122/dns", |_| true));
}

#[test]
fn a_rebuilt_stream_that_comes_without_its_packet() {
    let is_it = |alert: &Alert| !alert.message.has_packet();
    assert_is_as_before("rebuilt", &alert("v3122/http", is_it));
}

#[test]
fn a_segment_of_tcp_over_ipv6() {
    let is_ipv6 = |alert: &Alert| alert.src_ip().is_some_and(|ip| ip.is_ipv6());
    let is_tcp = |alert: &Alert| alert.protocol().is_some_and(|protocol| protocol.0 == 6);
    let alert = alert("v2919/", |alert| is_ipv6(alert) && is_tcp(alert));
    assert_is_as_before("ipv6", &alert);
}

#[test]
fn a_packet_with_two_vlan_tags() {
    let is_it = |alert: &Alert| alert.dissection().vlans().count() == 2;
    assert_is_as_before("vlan", &alert("vlan", is_it));
}

#[test]
fn an_application_that_appid_knows() {
    let is_it = |alert: &Alert| alert.message.app_name.is_some();
    assert_is_as_before("appid", &alert("v2919/", is_it));
}

#[test]
fn an_event_that_may_be_forged() {
    assert_is_as_before("forged", &alert("v3122/bigframe4", |alert| alert.untrusted));
}

#[test]
fn a_message_that_is_not_utf_8() {
    let is_it = |alert: &Alert| str::from_utf8(&alert.msg()).is_err();
    assert_is_as_before("latin1", &alert("v3122/msgs", is_it));
}

#[test]
fn the_manual_shows_a_real_alert_in_every_format() {
    let alert = alert("v3122/dns", |_| true);
    for format in FormatName::ALL {
        let example = line(format, &alert);
        assert!(MANUAL.contains(&format!("## `{format}`")), "{format}");
        assert!(MANUAL.contains(example.trim_end()), "{format}:\n{example}");
    }
}
