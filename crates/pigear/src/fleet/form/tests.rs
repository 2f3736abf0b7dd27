use std::fmt::Write;
use std::sync::Arc;

use pigear_alert::format::{Colour, FormatName};
use pigear_alert::maps::{Class, Classes};
use pigear_alert::packet::LinkType;
use pigear_alert::wire::{Decoded, Dialect};
use pigear_alert::{AlertMessage, Medium, Origin, Sender};
use proptest::prelude::*;

use super::*;

fn encoded(alert: &Alert) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(alert, &mut bytes);
    bytes
}

/// An alert in each format, and what no format has.
fn seen(alert: &Alert) -> Vec<Vec<u8>> {
    let formats = FormatName::ALL.map(|name| {
        let mut out = Vec::new();
        name.format(Colour::Never).write(alert, &mut out);
        out
    });
    let Alert { medium, untrusted, received, sender, count, .. } = alert;
    let rest = (medium, untrusted, received, sender, count, alert.dialect, &alert.origin);
    let more = format!("{rest:?} {:?} {:?}", alert.message, alert.log());
    formats.into_iter().chain([more.into_bytes()]).collect()
}

fn small() -> Alert {
    let mut message = AlertMessage::default();
    message.msg = b"ICMP PING".as_slice().into();
    message.pkt = vec![1, 2, 3].into();
    (message.caplen, message.pktlen) = (3, 3);
    Alert::new(Decoded::new(message, Dialect::Snort3), Arc::default(), Arc::default())
}

#[test]
fn every_recorded_alert_comes_back_as_it_was() {
    let alerts = crate::store::test_alerts();
    assert!(alerts.len() > 1_000, "{}", alerts.len());
    for alert in alerts {
        let back = decode(&encoded(&alert)).unwrap();
        assert_eq!(seen(&back), seen(&alert));
        assert_eq!(encoded(&back), encoded(&alert));
    }
}

/// A decoder that doesn't know the flag takes it for an alert of Snort 3, as one without the flag is.
#[test]
fn pigears_own_alerts_come_back_as_such() {
    let datagram = small();
    let mut own = datagram.clone();
    own.medium = Medium::Own;
    let (of_datagram, of_own) = (encoded(&datagram), encoded(&own));
    assert_eq!(seen(&decode(&of_own).unwrap()), seen(&own));
    assert_eq!(decode(&of_own).unwrap().medium, Medium::Own);
    assert_eq!(decode(&of_datagram).unwrap().medium, Medium::Datagram);
    // The flags are a varint, before all that they flag.
    let flags = |bytes: &[u8]| varint::take(&mut &bytes[3..]).unwrap();
    assert_eq!(flags(&of_own), flags(&of_datagram) | 2_048);
    assert!(of_own.ends_with(&of_datagram[4..]));
}

/// One that has decoded others before finds the same, and what it has in common is in memory once.
#[test]
fn alerts_of_one_rule_and_sensor_share_what_their_heads_say() {
    let mut decoder = Decoder::default();
    for alert in crate::store::test_alerts().into_iter().step_by(10) {
        let bytes = encoded(&alert);
        let (one, other) = (decoder.decode(&bytes).unwrap(), decoder.decode(&bytes).unwrap());
        assert_eq!(seen(&one), seen(&alert));
        assert_eq!(seen(&other), seen(&alert));
        assert!(Arc::ptr_eq(one.names(), other.names()));
        assert!(Arc::ptr_eq(&one.origin, &other.origin));
    }
    let spoiled = &encoded(&small())[..8];
    assert_eq!(decoder.decode(spoiled).unwrap_err(), decode(spoiled).unwrap_err());
}

proptest! {
    #[test]
    fn whatever_an_alert_has_comes_back(
        numbers in any::<[u32; 8]>(),
        (msg, packet) in any::<(Vec<u8>, Vec<u8>)>(),
        (sensor, socket) in any::<(Option<String>, Option<String>)>(),
        (thread, link_type) in any::<(Option<u32>, Option<u16>)>(),
        sender in any::<Option<(i32, u32)>>(),
        (count, untrusted) in any::<(Option<std::num::NonZeroU64>, bool)>(),
        dialect in proptest::sample::select(&Dialect::ALL[..]),
    ) {
        let mut message = AlertMessage::default();
        [
            message.sig_generator, message.sig_id, message.sig_rev, message.classification,
            message.priority, message.event_id, message.ts_sec, message.val,
        ] = numbers;
        message.msg = msg.into();
        message.pkt = packet.into();
        let origin = Origin {
            sensor,
            socket: socket.map(Into::into),
            thread,
            link_type: link_type.map(LinkType),
        };
        let mut alert = Alert::new(Decoded::new(message, dialect), origin.into(), Arc::default());
        alert.sender = sender.map(|(pid, uid)| Sender { pid, uid });
        (alert.count, alert.untrusted) = (count, untrusted);
        let back = decode(&encoded(&alert)).unwrap();
        prop_assert_eq!(seen(&back), seen(&alert));
    }

    #[test]
    fn bytes_that_are_no_alert_are_an_error(bytes: Vec<u8>) {
        let _ = decode(&bytes);
        let mut bytes = [&[MARK, MAJOR << 4], &*bytes].concat();
        prop_assert!(decode(&bytes).is_err());
        bytes[0] = b'{';
        prop_assert_eq!(decode(&bytes).err(), Some(FormError::Foreign));
    }

    /// Random bytes hardly ever get past the first check, so these are of a valid alert.
    #[test]
    fn a_spoiled_alert_never_panics(place: prop::sample::Index, byte: u8, cut: prop::sample::Index) {
        let mut bytes = encoded(&small());
        *place.get_mut(&mut bytes[..]) = byte;
        let _ = decode(&bytes);
        bytes.truncate(cut.index(bytes.len()));
        let _ = decode(&bytes);
    }
}

#[test]
fn a_newer_minor_version_is_read_and_a_newer_major_version_is_not() {
    let alert = small();
    let bytes = encoded(&alert);
    let (len, rest) = (bytes[2], &bytes[3..]);
    let (head, record) = rest.split_at(len.into());
    let with_more = [&[MARK, MAJOR << 4 | 7, len + 4], head, b"more", record].concat();
    assert_eq!(seen(&decode(&with_more).unwrap()), seen(&alert));
    let mut newer = bytes;
    newer[1] = (MAJOR + 1) << 4 | 3;
    let error = decode(&newer).unwrap_err();
    assert_eq!(
        error.to_string(),
        "version 2.3 of the binary form is newer than 1.x; upgrade this Pigear first"
    );
}

/// The bytes of version 1.0, so that a change of them is noticed: sensors of this version may be running.
#[test]
fn what_version_1_wrote_is_read() {
    let mut alert = small();
    alert.received = jiff::Timestamp::UNIX_EPOCH;
    let expected = [&[MARK, 0x10, 16, 0, 0, 0, 0, 0, 9][..], b"ICMP PING", &[0]].concat();
    assert_eq!(&encoded(&alert)[..expected.len()], expected);
    let classes = Classes::stock();
    let all: Vec<_> = (0..64).map(|number| classes.get(number)).collect();
    let mut text = String::new();
    for Class { name, description, priority } in all.into_iter().flatten() {
        let _ = writeln!(text, "{name},{priority},{description}");
    }
    // The list is part of the form: an alert has only the number of such a class.
    assert_eq!(crc32fast::hash(text.as_bytes()), 2_838_217_706);
}

/// Besides the packets, and what else of the traffic Snort's log has.
#[test]
fn an_alert_takes_at_most_150_bytes_besides_its_packet() {
    let template = crate::fleet::SubjectTemplate::default();
    let header = "NATS/1.0\r\nNats-Msg-Id: \r\n\r\n".len();
    let of_log = |alert: &Alert| -> usize {
        let Some(log) = alert.log() else { return 0 };
        let packets = log.packets.iter().map(|packet| packet.data.len());
        let extra = log.extra.iter().map(|extra| extra.data.len());
        packets.chain(log.inspected.iter().map(|data| data.len())).chain(extra).sum()
    };
    let (logged, sent): (Vec<_>, Vec<_>) =
        crate::store::test_alerts().into_iter().partition(|alert| alert.log().is_some());
    // Snort's log has addresses, ports and the action, too.
    for (what, alerts, most) in [("datagrams", sent, 150), ("with Snort's log", logged, 170)] {
        let (mut form, mut around) = (0, 0);
        for alert in &alerts {
            form += encoded(alert).len() - alert.message.pkt.len() - of_log(alert);
            around += template.of(alert).len() + header + crate::fleet::message_id::of(alert).len();
        }
        let [form, around] = [form, around].map(|bytes| bytes / alerts.len());
        println!(
            "{what}: {} alerts, {form} bytes and {around} of subject and header",
            alerts.len()
        );
        assert!(form + around <= most, "{what}: {form} + {around}");
    }
}
