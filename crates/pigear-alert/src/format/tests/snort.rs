use jiff::tz::TimeZone;

use super::super::{Csv, Fields, FormatOptions, Snort};
use super::*;
use crate::packet::IpProtocol;
use crate::unified2::{Event, Logged, Verdict};

fn fast(alert: &Alert) -> String {
    written(&Snort::fast(TimeZone::UTC), alert)
}

/// An alert of this dialect.
fn of(dialect: Dialect, message: AlertMessage) -> Alert {
    let decoded = Decoded { message, dialect, untrusted: false };
    Alert::new(decoded, Arc::default(), Arc::default())
}

const SNORT2: &str = "11/18-16:27:50.083506  [**] [1:384:8] ICMP PING [**] \
    [Classification: Misc activity] [Priority: 3] {ICMP} 10.0.0.1 -> 10.0.0.2\n";
const SNORT3: &str = "11/18-16:27:50.083506 [**] [1:384:8] \"ICMP PING\" [**] \
    [Classification: Misc activity] [Priority: 3] {ICMP} 10.0.0.1 -> 10.0.0.2\n";

#[test]
fn each_snort_has_its_own_line() {
    assert_eq!(fast(&of(Dialect::Snort29, ping())), SNORT2);
    assert_eq!(fast(&of(Dialect::Barnyard2, ping())), SNORT2);
    assert_eq!(fast(&of(Dialect::Snort3, ping())), SNORT3);
}

#[test]
fn times_are_those_of_the_zone() {
    let zone = TimeZone::fixed(jiff::tz::offset(-17));
    let line = written(&Snort::fast(zone), &of(Dialect::Snort29, ping()));
    assert!(line.starts_with("11/17-23:27:50.083506  [**]"), "{line}");
}

#[test]
fn what_became_of_the_packet_comes_before_the_message() {
    let marks = [
        (Verdict::Allowed, "", ""),
        (Verdict::Blocked, " [Drop]", " [drop]"),
        (Verdict::WouldBlock, " [WDrop]", " [would_drop]"),
        (Verdict::CannotBlock, "", " [cant_drop]"),
    ];
    for (verdict, snort2, snort3) in marks {
        for (dialect, line, mark) in
            [(Dialect::Snort29, SNORT2, snort2), (Dialect::Snort3, SNORT3, snort3)]
        {
            let mut alert = of(dialect, ping());
            let (generator, signature, revision) = (1, 384, 8);
            let event = Event {
                generator,
                signature,
                revision,
                verdict,
                classification: 29,
                priority: 3,
                ..Event::default()
            };
            alert.complete(Logged { event, ..Logged::default() });
            assert_eq!(fast(&alert), line.replacen(" [**]", &format!("{mark} [**]"), 1));
        }
    }
}

#[test]
fn protocols_have_the_names_that_snort_2_finds_on_debian() {
    for (number, name) in [
        (2, "IGMP"),
        (4, "IPENCAP"),
        (47, "GRE"),
        (89, "OSPF"),
        (7, "PROTO:007"),
        (255, "PROTO:255"),
    ] {
        let message = AlertMessage { ..carrying(&ethernet(0x0800, &ipv4(number, &[]))) };
        let line = fast(&of(Dialect::Snort29, message));
        assert!(line.ends_with(&format!("{{{name}}} 10.0.0.1 -> 10.0.0.2\n")), "{line}");
    }
    assert_eq!(IpProtocol(58).log_name(), Some("IPV6-ICMP"));
}

#[test]
fn without_addresses_a_line_ends_as_snorts() {
    let message = || AlertMessage { pkt: [].into(), ..ping() };
    let (snort2, _) = SNORT2.split_once("[Class").unwrap();
    assert_eq!(fast(&of(Dialect::Snort29, message())), format!("{snort2}\n"));
    let (snort3, _) = SNORT3.split_once("{ICMP}").unwrap();
    assert_eq!(fast(&of(Dialect::Snort3, message())), format!("{snort3}{{IP}}  -> \n"));
}

#[test]
fn a_message_of_syslog_has_no_time_and_no_stars() {
    let syslog = |alert: &Alert| written(&Snort::syslog(), alert);
    let tags = "[Classification: Misc activity] [Priority: 3]";
    assert_eq!(
        syslog(&of(Dialect::Snort29, ping())),
        format!("[1:384:8] ICMP PING {tags} {{ICMP}} 10.0.0.1 -> 10.0.0.2\n")
    );
    let message = AlertMessage { pkt: [].into(), ..ping() };
    assert_eq!(syslog(&of(Dialect::Snort3, message)), format!("[1:384:8] \"ICMP PING\" {tags}\n"));
    let message = AlertMessage { msg: [].into(), priority: 0, classification: 0, ..ping() };
    assert_eq!(
        syslog(&of(Dialect::Snort29, message)),
        "[1:384:8] ALERT {ICMP} 10.0.0.1 -> 10.0.0.2\n"
    );
}

#[test]
fn an_event_that_may_be_forged_is_marked() {
    let mut alert = of(Dialect::Snort3, ping());
    alert.untrusted = true;
    assert!(fast(&alert).contains("[Priority: 3] [Untrusted: event may be forged] {ICMP}"));
}

fn csv(fields: &str, dialect: Dialect) -> String {
    let format = Csv::new(fields.parse().unwrap(), TimeZone::UTC);
    let msg = b"a \"quoted\", \\ message".as_slice().into();
    written(&format, &of(dialect, AlertMessage { msg, ..ping() }))
}

#[test]
fn the_names_of_fields_tell_which_csv_is_meant() {
    let quoted = r#""a \"quoted\", \\ message""#;
    for dialect in [Dialect::Snort29, Dialect::Snort3] {
        assert_eq!(csv("sig_id,MSG,src", dialect), format!("384,{quoted},10.0.0.1\n"));
        assert_eq!(csv("sid msg src_ap", dialect), format!("384, {quoted}, 10.0.0.1:0\n"));
    }
    assert_eq!(csv("msg,proto", Dialect::Snort29), format!("{quoted},ICMP\n"));
    assert_eq!(csv("msg,proto", Dialect::Snort3), format!("{quoted}, ICMP\n"));
}

#[test]
fn csv_has_the_default_fields_of_the_alerts_snort() {
    let format = Csv::new(Fields::default(), TimeZone::UTC);
    let eth = "02:00:00:00:00:02,02:00:00:00:00:01,0x2E";
    assert_eq!(
        written(&format, &of(Dialect::Snort29, ping())),
        format!(
            "11/18-16:27:50.083506 ,1,384,8,\"ICMP PING\",ICMP,10.0.0.1,,10.0.0.2,,{eth},\
            ,,,,,64,16,4660,32,32768,8,0,258,3\n"
        )
    );
    assert_eq!(
        written(&format, &of(Dialect::Snort3, ping())),
        "11/18-16:27:50.083506, , ICMP, , 32, , 10.0.0.1:0, 10.0.0.2:0, 1:384:8, allow\n"
    );
}

#[test]
fn a_list_of_fields_that_makes_no_sense_is_refused() {
    let error = |list: &str| list.parse::<Fields>().unwrap_err().to_string();
    assert_eq!(error(" , "), "the list of fields is empty");
    assert_eq!(
        error("timestamp,sig_id,src_addr"),
        "\"sig_id\" is a field of Snort 2, but \"src_addr\" one of Snort 3"
    );
    let unknown = error("timestamp,sort");
    assert!(
        unknown.starts_with("unknown field \"sort\"; known are action, b64_data, "),
        "{unknown}"
    );
    assert!(unknown.contains("vlan (Snort 3), or timestamp, sig_generator, "), "{unknown}");
}

#[test]
fn alert_json_has_the_default_fields_of_snort_3() {
    let format = FormatName::AlertJson.with(&FormatOptions::default()).unwrap();
    assert_eq!(
        written(&*format, &of(Dialect::Snort29, ping())).replace("506 \"", "506\""),
        "{ \"timestamp\" : \"11/18-16:27:50.083506\", \"proto\" : \"ICMP\", \"pkt_len\" : 32, \
         \"src_ap\" : \"10.0.0.1:0\", \"dst_ap\" : \"10.0.0.2:0\", \"rule\" : \"1:384:8\", \
         \"action\" : \"allow\" }\n"
    );
}

#[test]
fn a_message_of_an_old_snorts_syslog_has_a_colon() {
    let syslog = |dialect, message| written(&Snort::syslog(), &of(dialect, message));
    let old = [
        Dialect::Snort27,
        Dialect::Snort22,
        Dialect::Snort2x32,
        Dialect::Barnyard2,
        Dialect::Barnyard2x32,
    ];
    for dialect in old {
        assert_eq!(
            syslog(dialect, ping()),
            "[1:384:8] ICMP PING [Classification: Misc activity] [Priority: 3]: \
             {ICMP} 10.0.0.1 -> 10.0.0.2\n"
        );
        // Without a class, there is no space either.
        let message = AlertMessage { classification: 0, ..ping() };
        assert_eq!(
            syslog(dialect, message),
            "[1:384:8] ICMP PING[Priority: 3]: {ICMP} 10.0.0.1 -> 10.0.0.2\n"
        );
        let message = AlertMessage { classification: 0, priority: 0, ..ping() };
        assert_eq!(syslog(dialect, message), "[1:384:8] ICMP PING {ICMP} 10.0.0.1 -> 10.0.0.2\n");
        let message = AlertMessage { pkt: [].into(), ..ping() };
        assert_eq!(
            syslog(dialect, message),
            "[1:384:8] ICMP PING [Classification: Misc activity] [Priority: 3]\n"
        );
    }
    for dialect in Dialect::ALL.into_iter().filter(|dialect| !old.contains(dialect)) {
        assert!(!syslog(dialect, ping()).contains("]:"), "{dialect}");
    }
}
