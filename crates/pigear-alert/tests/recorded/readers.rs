//! What others read of Snort's formats: patterns written from the documentation of Elastic's Snort integration and of
//! Wazuh's decoders, run over every recorded alert.

use jiff::tz::TimeZone;
use pigear_alert::Alert;
use pigear_alert::format::{Format, FormatName, Snort};
use regex::{Captures, Regex};

use crate::recordings::{ALL, Recorded};
use crate::written::{line, names};

const ADDRESS: &str =
    r"(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4})";

/// What both sides say of an alert: ids, class, priority, protocol, addresses and ports.
fn event_pattern(head: &str, tail: &str) -> Regex {
    let ids = r"\[(?<gid>\d+):(?<sid>\d+):(?<rev>\d+)\]";
    let class = r"(?:\[Classification: (?<class>.*?)\])?";
    let rest = r"\[Priority: (?<priority>\d+)\]";
    let ends =
        format!(r"(?<src>{ADDRESS})(?::(?<sport>\d+))? -> (?<dst>{ADDRESS})(?::(?<dport>\d+))?$");
    let pattern = format!(
        r"^{head}{ids}\s*(?<msg>.*?)\s*{tail}\s*{class}\s*{rest} (?:\[AppID: [^\]]*\] )?\{{(?<proto>\w+)\}} {ends}"
    );
    Regex::new(&pattern).unwrap()
}

/// The alerts whose line tells all: with addresses, a priority, and a protocol that is one word for these readers.
fn whole(recorded: &Recorded) -> bool {
    let alert = &recorded.alert;
    let word = !matches!(alert.protocol().map(|protocol| protocol.0), Some(58 | 255))
        || alert.dialect.is_snort3();
    alert.src_ip().is_some() && alert.priority().is_some() && alert.has_whole_event() && word
}

fn assert_is_read(found: &Captures<'_>, alert: &Alert) {
    let text = |name: &str| found.name(name).map(|text| text.as_str().to_owned());
    assert_eq!(text("gid"), Some(alert.message.sig_generator.to_string()));
    assert_eq!(text("sid"), Some(alert.message.sig_id.to_string()));
    assert_eq!(text("rev"), Some(alert.message.sig_rev.to_string()));
    assert_eq!(text("priority"), alert.priority().map(|priority| priority.to_string()));
    assert_eq!(text("class"), alert.class().map(|class| class.description.to_string()));
    let has_ports = alert.protocol().is_some_and(|protocol| matches!(protocol.0, 6 | 17));
    let ends = [
        (text("src"), alert.src_ip().unwrap(), text("sport"), alert.src_port()),
        (text("dst"), alert.dst_ip().unwrap(), text("dport"), alert.dst_port()),
    ];
    for (address, expected, port, expected_port) in ends {
        let expected_port = expected_port.filter(|_| has_ports).map(|port| port.to_string());
        let ends = (address.unwrap(), port);
        // As in Snort's file, a short port behind a bare address of IPv6 looks like a part of it.
        let as_one = expected_port.as_ref().map(|port| (format!("{expected}:{port}"), None));
        let is_read = ends == (expected.to_string(), expected_port);
        assert!(is_read || expected.is_ipv6() && Some(&ends) == as_one.as_ref(), "{ends:?}");
    }
}

#[test]
fn elastics_patterns_read_alert_fast() {
    let head = r"(?<time>\d\d/\d\d(?:/\d+)?-\d\d:\d\d:\d\d\.\d+)\s*\[\*\*\]\s*";
    let pattern = event_pattern(head, r"\[\*\*\]");
    let names = names();
    let mut read = 0;
    for recorded in ALL.iter().filter(|recorded| whole(recorded) && !recorded.alert.untrusted) {
        let alert = recorded.named(&names);
        let line = line(FormatName::Snort, &alert);
        let Some(found) = pattern.captures(line.trim_end_matches('\n')) else { panic!("{line}") };
        assert_is_read(&found, &alert);
        read += 1;
    }
    assert_eq!(read, 909);
}

/// They don't know the colon behind the priority that Snorts before 2.9 write.
#[test]
fn elastics_patterns_read_messages_of_syslog() {
    let pattern = event_pattern("", "");
    let names = names();
    let has_colon = |recorded: &Recorded| matches!(recorded.build, "v220" | "v2852");
    let mut read = 0;
    for recorded in ALL.iter().filter(|recorded| whole(recorded) && !recorded.alert.untrusted) {
        let alert = recorded.named(&names);
        let mut line = Vec::new();
        Snort::syslog().write(&alert, &mut line);
        let mut line = String::from_utf8(line).unwrap();
        assert_eq!(line.contains("]: {"), has_colon(recorded), "{line}");
        line = line.replacen("]: {", "] {", 1);
        let Some(found) = pattern.captures(line.trim_end_matches('\n')) else { panic!("{line}") };
        assert_is_read(&found, &alert);
        read += 1;
    }
    assert_eq!(read, 909);
}

/// Wazuh takes the time of `snort-fast` away by its length, and then looks for ids, source and destination of IPv4.
#[test]
fn wazuhs_decoders_read_alert_fast_of_snort_2_and_messages_of_syslog() {
    const TIME: usize = "06/15-15:06:40.154926  ".len();
    let prematch = Regex::new(r"^\[\*\*\] \[\d+:\d+:\d+\] ").unwrap();
    let decoder =
        Regex::new(r"^(?:\[\*\*\] )?\[(\d+:\d+:\d+)\] .+ (\d+(?:\.\d+){3}):?\d* -> ([^: ]+)")
            .unwrap();
    let names = names();
    let mut read = [0; 2];
    for recorded in
        ALL.iter().filter(|recorded| recorded.alert.src_ip().is_some_and(|ip| ip.is_ipv4()))
    {
        let alert = recorded.named(&names);
        let mut message = Vec::new();
        Snort::syslog().write(&alert, &mut message);
        let message = String::from_utf8(message).unwrap();
        let fast = line(FormatName::Snort, &alert);
        let fast = (!alert.dialect.is_snort3()).then(|| fast[TIME..].to_owned());
        assert!(fast.as_ref().is_none_or(|fast| prematch.is_match(fast)), "{fast:?}");
        for (n, text) in [Some(message), fast].into_iter().enumerate() {
            let Some(text) = text else { continue };
            let found = decoder.captures(text.trim_end()).unwrap_or_else(|| panic!("{text}"));
            let src = alert.src_ip().map(|ip| ip.to_string()).unwrap();
            let dst = alert.dst_ip().map(|ip| ip.to_string()).unwrap();
            assert_eq!([&found[2], &found[3]], [&*src, &*dst], "{text}");
            read[n] += 1;
        }
    }
    assert_eq!(read, [941, 744]);
}

/// Elastic's pattern for the default list of `alert_csv` of Snort 2.
#[test]
fn elastics_pattern_reads_the_default_csv_of_snort_2() {
    let number = r"(\d*)";
    let hexadecimal = "((?:0x[0-9A-F]+)?)";
    let mac = "((?:[0-9A-F]{2}(?::[0-9A-F]{2}){5})?)";
    let columns = [
        r"\d\d/\d\d-\d\d:\d\d:\d\d\.\d+ ?",
        r"\d+",
        r"\d+",
        r"\d+",
        "\"?.*?\"?",
        r"\w+",
        ADDRESS,
        number,
        ADDRESS,
        number,
        mac,
        mac,
        hexadecimal,
        r"[*12UAPRSF]*",
        hexadecimal,
        hexadecimal,
        number,
        hexadecimal,
        number,
        number,
        number,
        number,
        number,
        number,
        number,
        number,
        number,
    ];
    let pattern = Regex::new(&format!("^{}$", columns.join(","))).unwrap();
    let names = names();
    let mut read = 0;
    for recorded in ALL.iter().filter(|recorded| recorded.build.starts_with("v29")) {
        let alert = recorded.named(&names);
        let named = alert.protocol().is_some_and(|protocol| matches!(protocol.0, 1 | 6 | 17));
        if named {
            let line = line(FormatName::Csv, &alert);
            assert!(pattern.is_match(line.trim_end_matches('\n')), "{line}");
            read += 1;
        }
    }
    assert_eq!(read, 652);
}

#[test]
fn times_of_the_formats_are_utc_unless_a_zone_is_given() {
    let alert = &ALL[0].alert;
    let mut local = Vec::new();
    Snort::fast(TimeZone::fixed(jiff::tz::offset(1))).write(alert, &mut local);
    assert_ne!(line(FormatName::Snort, alert).into_bytes(), local);
}
