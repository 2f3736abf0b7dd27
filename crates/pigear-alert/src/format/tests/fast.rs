use super::super::Colour;
use super::*;

const HEAD: &str = "2009-11-18T16:27:50.083506Z [**] [1:384:8]";

fn fast(alert: &Alert) -> String {
    written(&Fast::default(), alert)
}

/// The end of the line of a ping whose packet is another.
fn tail(packet: &[u8]) -> String {
    let message = AlertMessage { pkt: packet.into(), ..ping() };
    let line = fast(&alert(message));
    let head = format!("{HEAD} ICMP PING [**] [Classification: Misc activity] [Priority: 3] ");
    line.strip_prefix(&head).unwrap().to_owned()
}

#[test]
fn a_ping_is_written_as_snort_does_but_with_the_year() {
    assert_eq!(
        fast(&alert(ping())),
        "2009-11-18T16:27:50.083506Z [**] [1:384:8] ICMP PING [**] \
         [Classification: Misc activity] [Priority: 3] {ICMP} 10.0.0.1 -> 10.0.0.2\n"
    );
}

#[test]
fn the_tail_has_what_the_packet_has() {
    let frames = [
        (ethernet(0x0800, &ipv4(6, &tcp(b""))), "{TCP} 10.0.0.1:1025 -> 10.0.0.2:80\n"),
        (ethernet(0x86dd, &ipv6(17, &udp(5000, 53, b""))), {
            "{UDP} [2001:db8::1]:5000 -> [2001:db8::2]:53\n"
        }),
        (ethernet(0x86dd, &ipv6(58, &icmp(128, b""))), "{ICMPv6} 2001:db8::1 -> 2001:db8::2\n"),
        (ethernet(0x0800, &ipv4(2, &[])), "{IGMP} 10.0.0.1 -> 10.0.0.2\n"),
        (ethernet(0x0800, &ipv4(50, &[])), "{ESP} 10.0.0.1 -> 10.0.0.2\n"),
        (ethernet(0x0800, &ipv4(99, &[])), "{99} 10.0.0.1 -> 10.0.0.2\n"),
        (vec![], "{?}\n"),
        (vec![0; 60], "{?}\n"),
    ];
    for (frame, expected) in frames {
        assert_eq!(tail(&frame), expected);
    }
}

#[test]
fn an_empty_message_leaves_no_gap() {
    let message = AlertMessage { msg: [].into(), pkt: [].into(), classification: 0, ..ping() };
    assert_eq!(fast(&alert(message)), format!("{HEAD} [**] [Priority: 3] {{?}}\n"));
}

#[test]
fn an_application_and_a_doubt_are_named_after_the_priority() {
    let app_name = AppName::new(b"DNS");
    let message = AlertMessage { app_name, pkt: [].into(), classification: 0, ..ping() };
    let mut alert = alert(message);
    alert.untrusted = true;
    let expected = "ICMP PING [**] [Priority: 3] [AppID: DNS] [Untrusted: event may be forged] {?}";
    assert_eq!(fast(&alert), format!("{HEAD} {expected}\n"));
}

#[test]
fn a_priority_that_is_not_sent_is_not_written() {
    let mut alert = alert(AlertMessage { pkt: [].into(), ..ping() });
    alert.dialect = Dialect::Snort297AppId;
    let expected = format!("{HEAD} ICMP PING [**] [Classification: Misc activity] {{?}}\n");
    assert_eq!(fast(&alert), expected);
}

#[test]
fn a_class_without_a_text_is_not_written() {
    let classes = Classes::parse("classifications = { { name = 'a', priority = 1 } }").value;
    let message = AlertMessage { classification: 1, pkt: [].into(), ..ping() };
    let alert = named(message, Names { classes, ..Names::default() });
    assert_eq!(fast(&alert), format!("{HEAD} ICMP PING [**] [Priority: 3] {{?}}\n"));
}

#[test]
fn a_terminal_gets_colours() {
    let format = Fast { colour: Colour::Always };
    let expected = "\x1b[2m2009-11-18T16:27:50.083506Z\x1b[0m [**] [1:384:8] \
        \x1b[1mICMP PING\x1b[0m [**] [Classification: Misc activity] \x1b[32m[Priority: 3]\x1b[0m \
        {ICMP} \x1b[36m10.0.0.1 -> 10.0.0.2\x1b[0m\n";
    assert_eq!(written(&format, &alert(ping())), expected);
}

#[test]
fn the_colour_of_a_priority_is_its_severity() {
    let format = Fast { colour: Colour::Always };
    let colours = [(0, ""), (1, "\x1b[1;31m"), (2, "\x1b[33m"), (3, "\x1b[32m"), (4, "")];
    for (priority, on) in colours {
        let line = written(&format, &alert(AlertMessage { priority, ..ping() }));
        assert!(line.contains(&format!("activity] {on}[Priority: {priority}]")), "{line:?}");
    }
}
