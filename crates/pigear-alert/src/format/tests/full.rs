use super::super::Colour;
use super::*;
use crate::triage::{Comment, Mark, Triage};

fn full(alert: &Alert) -> String {
    written(&Full::default(), alert)
}

#[test]
fn a_ping_is_a_paragraph_with_a_hexdump() {
    assert_eq!(
        full(&alert(ping())),
        "\
[**] [1:384:8] ICMP PING [**]
[Classification: Misc activity] [Priority: 3]
2009-11-18T16:27:50.083506Z 10.0.0.1 -> 10.0.0.2
ICMP TTL:64 TOS:0x10 ID:4660 IpLen:20 DgmLen:32 DF
Type:8  Code:0  ID:258   Seq:3  ECHO
0000  02 00 00 00 00 01 02 00  00 00 00 02 08 00 45 10  ..............E.
0010  00 20 12 34 40 00 40 01  00 00 0a 00 00 01 0a 00  . .4@.@.........
0020  00 02 08 00 00 00 01 02  00 03 70 69 6e 67        ..........ping

"
    );
}

#[test]
fn without_a_packet_there_is_only_what_snort_said() {
    let message = AlertMessage { msg: [].into(), classification: 0, pkt: [].into(), ..ping() };
    assert_eq!(
        full(&alert(message)),
        "\
[**] [1:384:8] [**]
[Priority: 3]
2009-11-18T16:27:50.083506Z

"
    );
}

#[test]
fn references_stand_on_a_line_of_their_own() {
    let rules = SidMsgMap::parse("384 || ICMP PING || url,a.example/1 || cve,2000-0884").value;
    let alert = named(ping(), Names { rules, ..Names::default() });
    let expected = "\n[Xref => http://a.example/1]\
        [Xref => https://www.cve.org/CVERecord?id=CVE-2000-0884]\n0000  ";
    let text = full(&alert);
    assert!(text.contains(expected), "{text}");
}

#[test]
fn a_terminal_gets_colours() {
    let text = written(&Full { colour: Colour::Always, ..Full::default() }, &alert(ping()));
    let head = "[**] [1:384:8] \x1b[1mICMP PING\x1b[0m [**]\n\
        [Classification: Misc activity] \x1b[32m[Priority: 3]\x1b[0m\n2009";
    assert!(text.starts_with(head), "{text:?}");
}

#[test]
fn where_a_packet_could_not_be_read_on_is_told() {
    let message = AlertMessage { pkt: ping().pkt[..36].into(), ..ping() };
    let text = full(&alert(message));
    let line = "[Packet not read to its end: ICMP at byte 34: needs 8 bytes, but 2 are left]\n";
    assert!(text.contains(line), "{text}");
}

#[test]
fn what_people_said_is_a_line_each_and_hides_no_control_characters() {
    let mark =
        |by: &str| Some(Mark { at: "2026-11-18T16:27:50Z".parse().unwrap(), by: by.to_owned() });
    let comment = Comment {
        id: 7,
        at: "2026-11-18T16:28:00Z".parse().unwrap(),
        by: "bob".to_owned(),
        text: "a test\n\x1b[31m".to_owned(),
    };
    let triage =
        Triage { acknowledged: mark("ann"), starred: mark("b\u{202e}b"), comments: vec![comment] };
    let mut alert = alert(ping());
    let before = written(&Fast::default(), &alert);
    alert.triage = Some(Box::new(triage));
    let paragraph = full(&alert);
    let said: Vec<_> = paragraph.lines().skip(5).take(3).collect();
    let expected = [
        "[Acknowledged by ann at 2026-11-18T16:27:50Z]",
        r"[Starred by b\u{202e}b at 2026-11-18T16:27:50Z]",
        r"[Comment by bob at 2026-11-18T16:28:00Z: a test\x0a\x1b[31m]",
    ];
    assert_eq!(said, expected);
    assert_eq!(written(&Fast::default(), &alert), before, "fast is as before");
}
