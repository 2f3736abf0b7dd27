use super::super::{Contents, FormatOptions, Part};
use super::*;

fn line(name: FormatName, contents: Contents) -> String {
    let options = FormatOptions { contents, ..FormatOptions::default() };
    let mut alert = alert(ping());
    alert.received = "2026-11-18T16:27:50Z".parse().unwrap();
    written(&*name.with(&options).unwrap(), &alert)
}

#[test]
fn packets_can_be_left_out() {
    let without = Contents { packet: Part::Omitted, ..Contents::default() };
    for (name, part) in [
        (FormatName::Json, "\"pkt\":"),
        (FormatName::Eve, "\"packet\":"),
        (FormatName::Eve, "\"packet_info\":"),
        (FormatName::Full, "\n0000  "),
    ] {
        assert!(line(name, Contents::default()).contains(part), "{name}");
        assert!(!line(name, without).contains(part), "{name}");
    }
    assert!(line(FormatName::Eve, without).contains("\"payload\":"));
}

#[test]
fn payloads_can_be_left_out_but_not_how_long_they_are() {
    let without = Contents { payload: Part::Omitted, ..Contents::default() };
    for (name, part) in [
        (FormatName::Eve, "\"payload\":"),
        (FormatName::Eve, "\"payload_printable\":"),
        (FormatName::Ecs, "\"payload\":"),
    ] {
        assert!(line(name, Contents::default()).contains(part), "{name}");
        assert!(!line(name, without).contains(part), "{name}");
    }
    let eve = line(FormatName::Eve, without);
    assert!(eve.contains("\"payload_length\":4,") && eve.contains("\"packet\":"), "{eve}");
}

#[test]
fn long_packets_and_payloads_can_be_shortened() {
    let short = Contents { max_bytes: Some(3), ..Contents::default() };
    assert!(line(FormatName::Json, short).contains("\"caplen\":46,\"pktlen\":46,"));
    assert!(line(FormatName::Json, short).contains("\"pkt\":\"AgAA\","));
    let eve = line(FormatName::Eve, short);
    let payload = "\"payload\":\"cGlu\",\"payload_printable\":\"pin\",\"payload_length\":4,";
    assert!(eve.contains(payload) && eve.contains("\"packet\":\"AgAA\","), "{eve}");
    assert!(line(FormatName::Ecs, short).contains("\"payload\":\"cGlu\""));
    assert!(line(FormatName::Full, short).contains("\n0000  02 00 00 "));
    let long = Contents { max_bytes: Some(1 << 20), ..Contents::default() };
    assert_eq!(line(FormatName::Eve, long), line(FormatName::Eve, Contents::default()));
}

fn error(name: FormatName, options: &FormatOptions) -> String {
    name.with(options).err().unwrap().to_string()
}

#[test]
fn an_option_that_a_format_does_not_have_is_refused() {
    let contents = Contents { packet: Part::Omitted, ..Contents::default() };
    assert_eq!(
        error(FormatName::Cef, &FormatOptions { contents, ..FormatOptions::default() }),
        "format=cef writes neither packet nor payload; packet, payload and max_bytes are for json, eve, ecs \
         and full"
    );
    assert_eq!(
        error(FormatName::Ecs, &FormatOptions { contents, ..FormatOptions::default() }),
        "format=ecs writes no packet; packet is for json, eve and full"
    );
    let contents = Contents { payload: Part::Omitted, ..Contents::default() };
    assert_eq!(
        error(FormatName::Full, &FormatOptions { contents, ..FormatOptions::default() }),
        "format=full writes no payload apart from its packet; payload is for json, eve and ecs, and packet=no \
         leaves out the whole packet"
    );
    let fields = Some("msg".parse().unwrap());
    assert_eq!(
        error(FormatName::Eve, &FormatOptions { fields, ..FormatOptions::default() }),
        "format=eve has no choice of fields; only alert_json and csv have one"
    );
    let fields = Some("srcport".parse().unwrap());
    let error = error(FormatName::AlertJson, &FormatOptions { fields, ..FormatOptions::default() });
    assert!(
        error.starts_with("\"srcport\" is a field of Snort 2; alert_json has action, "),
        "{error}"
    );
}
