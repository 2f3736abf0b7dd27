use std::path::PathBuf;

use super::super::Json;
use super::*;
use crate::{Origin, Sender};

#[test]
fn a_ping_has_the_twenty_fields_and_what_is_known_besides() {
    let mut alert = alert(ping());
    alert.received = "2009-11-18T16:27:50.1Z".parse().unwrap();
    assert_eq!(
        written(&Json::default(), &alert),
        concat!(
            r#"{"msg":"ICMP PING","ts_sec":1258561670,"ts_usec":83506,"caplen":46,"pktlen":46,"#,
            r#""dlthdr":0,"nethdr":0,"transhdr":0,"data":0,"val":0,"#,
            r#""pkt":"AgAAAAABAgAAAAACCABFEAAgEjRAAEABAAAKAAABCgAAAggAAAABAgADcGluZw==","#,
            r#""sig_generator":1,"sig_id":384,"sig_rev":8,"classification":29,"priority":3,"#,
            r#""event_id":7,"event_reference":7,"tv_sec":1258561670,"tv_usec":83506,"#,
            r#""timestamp":"2009-11-18T16:27:50.083506Z","received":"2009-11-18T16:27:50.100000Z","#,
            r#""src_ip":"10.0.0.1","dst_ip":"10.0.0.2","proto":"ICMP","#,
            r#""class":"misc-activity","class_description":"Misc activity","dialect":"snort3"}"#,
            "\n"
        )
    );
}

#[test]
fn where_an_alert_came_from_is_told() {
    let socket = Some(PathBuf::from("/var/log/snort/1_snort_alert"));
    let sensor = Some("dmz".to_owned());
    let mut alert = alert(AlertMessage { app_name: AppName::new(b"DNS"), ..ping() });
    alert.origin = Arc::new(Origin { sensor, socket, thread: Some(1), link_type: None });
    alert.sender = Some(Sender { pid: 12, uid: 34 });
    let line = written(&Json::default(), &alert);
    let expected = concat!(
        r#""app_name":"DNS","sensor":"dmz","socket":"/var/log/snort/1_snort_alert","thread":1,"#,
        r#""sender":{"pid":12,"uid":34},"dialect":"snort3"}"#
    );
    assert!(line.contains(expected), "{line}");
}

#[test]
fn caveats_come_last() {
    let mut alert = alert(AlertMessage { msg: b"caf\xe9".as_slice().into(), ..ping() });
    alert.untrusted = true;
    alert.dialect = Dialect::Snort297AppId;
    let line = written(&Json::default(), &alert);
    let expected = concat!(
        r#""untrusted":true,"not_sent":["priority","event_id","event_reference"],"#,
        r#""msg_base64":"Y2Fm6Q=="}"#
    );
    assert!(line.starts_with("{\"msg\":\"caf\u{fffd}\",") && line.contains(expected), "{line}");
}

#[test]
fn a_class_without_a_text_has_no_description() {
    let classes = Classes::parse("classifications = { { name = 'a', priority = 1 } }").value;
    let message = AlertMessage { classification: 1, ..ping() };
    let line = written(&Json::default(), &named(message, Names { classes, ..Names::default() }));
    assert!(line.contains(r#""class":"a","dialect""#), "{line}");
}
