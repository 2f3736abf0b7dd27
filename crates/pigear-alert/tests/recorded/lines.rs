use pigear_alert::format::{Fast, Format};

use crate::recordings::{ALL, Recorded};

/// What the two say differently made the same: Snort's line without its time, and without quotes
/// around the message; addresses of IPv6 without brackets; Snort's words for protocols as ours.
fn comparable(fast: &str) -> Option<String> {
    const WORDS: [(&str, &str); 8] = [
        ("TCP", "{TCP}"),
        ("UDP", "{UDP}"),
        ("ICMP", "{ICMP}"),
        ("ICMPv6", "{ICMPv6}"),
        ("IPV6-ICMP", "{ICMPv6}"),
        ("SCTP", "{SCTP}"),
        ("PROTO:255", "{255}"),
        ("255", "{255}"),
    ];
    let (_, line) = fast.split_once(" [**] ")?;
    let (line, addresses) = line.rsplit_once(" {")?;
    let (protocol, addresses) = addresses.split_once("} ")?;
    let (_, word) = WORDS.into_iter().find(|(word, _)| *word == protocol)?;
    // Snort 3 calls both the same.
    let word = if word == "{ICMP}" && addresses.contains("::") { "{ICMPv6}" } else { word };
    let line = line.replace("] \"", "] ").replace("\" [**]", " [**]");
    Some(format!("{line} {word} {}", addresses.trim_end().replace(['[', ']'], "")))
}

/// Whether the logs have what the datagram hasn't.
fn is_partial(recorded: &Recorded) -> bool {
    let partial = ["not_in_datagram", "msg_cut_on_wire", "app", "msg_hex", "capture_src_ip"];
    partial.iter().any(|field| !recorded.expected[field].is_null())
}

#[test]
fn lines_are_those_of_alert_fast() {
    let mut compared = 0;
    for recorded in ALL.iter().filter(|recorded| !is_partial(recorded)) {
        let Some(expected) = comparable(&recorded.fast) else { continue };
        let mut line = Vec::new();
        Fast::default().write(&recorded.alert, &mut line);
        let line = String::from_utf8(line).unwrap();
        if expected.contains(['\t', '\r', '\u{7f}']) {
            assert!(!line.trim_end().contains(char::is_control), "{}", recorded.place);
            continue;
        }
        let actual = comparable(&line).unwrap_or(line);
        // Snort logs no ports of SCTP.
        let actual = if actual.contains("{SCTP}") { without_ports(&actual) } else { actual };
        assert_eq!(actual, expected, "{}", recorded.place);
        compared += 1;
    }
    assert_eq!(compared, 867);
}

fn without_ports(line: &str) -> String {
    let (head, addresses) = line.rsplit_once("} ").unwrap();
    let hosts = addresses.split(" -> ").map(|address| address.split(':').next().unwrap());
    format!("{head}}} {}", hosts.collect::<Vec<_>>().join(" -> "))
}
