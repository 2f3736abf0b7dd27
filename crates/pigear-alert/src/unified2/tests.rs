use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::message::AppName;
use crate::packet::{IpProtocol, LinkType};

const KEY: EventKey = EventKey { sensor_id: 3, event_id: 0x0001_0002, second: 1_750_000_000 };

fn numbers(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

fn record(record_type: RecordType, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap();
    [&numbers(&[record_type.0, length]), body].concat()
}

/// What events of Snort 2 begin with: sensor, event, second, microsecond, then signature, generator,
/// revision, class, priority.
fn head() -> Vec<u8> {
    numbers(&[KEY.sensor_id, KEY.event_id, KEY.second, 154_926, 1_000_105, 1, 7, 4, 2])
}

/// Ports 49160 and 80, TCP, not blocked.
const FLOW: [u8; 8] = [0xc0, 0x08, 0, 80, 6, 0, 0, 0];

fn ipv4_event() -> Vec<u8> {
    [&head()[..], &[192, 168, 10, 21, 198, 51, 100, 20], &FLOW].concat()
}

fn packet(data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap();
    let head = [KEY.sensor_id, KEY.event_id, KEY.second, KEY.second, 154_926, 1, length];
    [&numbers(&head), data].concat()
}

fn extra(info: u32, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap();
    let head = [4, length + 32, KEY.sensor_id, KEY.event_id, KEY.second, info, 1, length + 8];
    [&numbers(&head), data].concat()
}

fn event(log: &[u8]) -> Event {
    match read(log).unwrap().unwrap() {
        (Record::Event(event), length) if length == log.len() => *event,
        other => panic!("{other:?}"),
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn expected() -> Event {
    Event {
        key: KEY,
        microsecond: 154_926,
        generator: 1,
        signature: 1_000_105,
        revision: 7,
        classification: 4,
        priority: 2,
        addresses: Some((ip("192.168.10.21"), ip("198.51.100.20"))),
        source_port: 49_160,
        destination_port: 80,
        protocol: Some(IpProtocol(6)),
        ..Event::default()
    }
}

#[test]
fn an_event_of_the_first_form_is_read() {
    assert_eq!(event(&record(RecordType::EVENT_IPV4, &ipv4_event())), expected());
}

#[test]
fn later_forms_add_labels_and_the_application() {
    let labels = [0, 0, 0, 18, 0, 100, 0, 0];
    let with_labels = [&ipv4_event()[..], &labels].concat();
    let labelled = Event { mpls_label: Some(18), vlan: Some(100), ..expected() };
    assert_eq!(event(&record(RecordType::EVENT_IPV4_V2, &with_labels)), labelled);

    let mut name = [0; 64];
    name[..4].copy_from_slice(b"HTTP");
    let with_name = [&with_labels[..], &name].concat();
    let named = Event { app_name: AppName::new(b"HTTP"), ..labelled };
    assert_eq!(event(&record(RecordType::EVENT_IPV4_APPID, &with_name)), named);
    // So a Snort 3 writes it that was asked for the old forms.
    assert_eq!(event(&record(RecordType::EVENT_IPV4_V2, &with_name)), named);
    // What may come yet is left alone.
    let longer = [&with_name[..], b"more"].concat();
    assert_eq!(event(&record(RecordType::EVENT_IPV4_APPID, &longer)), named);
}

#[test]
fn an_ipv6_event_has_longer_addresses() {
    let (source, destination) = (ip("2001:db8::1"), ip("2001:db8::2"));
    let octets = |ip| match ip {
        IpAddr::V6(ip) => ip.octets(),
        IpAddr::V4(_) => unreachable!(),
    };
    let body = [&head()[..], &octets(source), &octets(destination), &FLOW].concat();
    let expected = Event { addresses: Some((source, destination)), ..expected() };
    assert_eq!(event(&record(RecordType::EVENT_IPV6, &body)), expected);
}

#[test]
fn an_event_of_snort_2_without_ip_has_no_addresses() {
    let body = [&head()[..], &[0; 32], &[0; 8]].concat();
    let expected = Event {
        addresses: None,
        protocol: None,
        source_port: 0,
        destination_port: 0,
        ..expected()
    };
    assert_eq!(event(&record(RecordType::EVENT_IPV6, &body)), expected);
}

#[test]
fn snort_2_says_what_became_of_the_packet() {
    let verdict = |blocked| {
        let mut body = ipv4_event();
        *body.last_mut().unwrap() = blocked;
        event(&record(RecordType::EVENT_IPV4, &body)).verdict
    };
    let expected = [
        Verdict::Allowed,
        Verdict::Blocked,
        Verdict::WouldBlock,
        Verdict::CannotBlock,
        Verdict::Allowed,
    ];
    assert_eq!([0, 1, 2, 3, 9].map(verdict), expected);
}

/// Versions, protocol, status and action as given.
fn snort3(flags: [u8; 4]) -> Vec<u8> {
    let mut body = numbers(&[3, KEY.event_id, KEY.second, 154_926, 1, 1_000_105, 7, 4, 2]);
    body.extend(numbers(&[0, 0, 0]));
    for last in [[192, 168, 10, 21], [198, 51, 100, 20]] {
        body.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);
        body.extend(last);
    }
    body.extend([0, 0, 0, 0, 0xc0, 0x08, 0, 80, 0, 0, 0, 0]);
    body.extend(flags);
    body.resize(1032, 0);
    body
}

#[test]
fn an_event_of_snort_3_has_the_generator_first() {
    let body = snort3([0x44, 6, 0, 1]);
    let expected = Event { is_snort3: true, ..expected() };
    assert_eq!(event(&record(RecordType::EVENT_SNORT3, &body)), expected);
    let without_ip = event(&record(RecordType::EVENT_SNORT3, &snort3([0, 255, 0, 1])));
    assert_eq!((without_ip.addresses, without_ip.protocol), (None, None));
    let ipv6 = event(&record(RecordType::EVENT_SNORT3, &snort3([0x66, 6, 0, 1])));
    assert_eq!(ipv6.addresses.unwrap().0, ip("::ffff:192.168.10.21"));
}

#[test]
fn snort_3_says_what_should_be_done_and_whether_it_could() {
    let verdict = |action, status| {
        event(&record(RecordType::EVENT_SNORT3, &snort3([0x44, 6, status, action]))).verdict
    };
    assert_eq!(verdict(1, 0), Verdict::Allowed); // allow
    assert_eq!(verdict(5, 0), Verdict::Blocked); // drop
    assert_eq!(verdict(6, 3), Verdict::Blocked); // block, forced
    assert_eq!(verdict(7, 1), Verdict::CannotBlock); // reset
    assert_eq!(verdict(6, 2), Verdict::WouldBlock);
    assert_eq!([verdict(2, 0), verdict(2, 2)], [Verdict::Held; 2]); // hold
    assert_eq!([verdict(0, 0), verdict(3, 0), verdict(4, 0)], [Verdict::Allowed; 3]);
}

#[test]
fn a_packet_is_read() {
    let log = record(RecordType::PACKET, &packet(b"frame"));
    let expected = Packet {
        key: KEY,
        second: KEY.second,
        microsecond: 154_926,
        link_type: LinkType::ETHERNET,
        data: b"frame",
    };
    assert_eq!(read(&log), Ok(Some((Record::Packet(expected), 8 + 28 + 5))));
    let log = record(RecordType::BUFFER, &packet(b"frame"));
    assert_eq!(read(&log), Ok(Some((Record::Buffer(expected), 8 + 28 + 5))));
}

#[test]
fn extra_data_is_read() {
    let log = record(RecordType::EXTRA_DATA, &extra(9, b"/index.html"));
    let expected = ExtraData { key: KEY, info: InfoType::HTTP_URI, data: b"/index.html" };
    assert_eq!(read(&log), Ok(Some((Record::ExtraData(expected), log.len()))));
    assert_eq!((expected.info.to_string(), expected.address()), ("http_uri".to_owned(), None));
    assert_eq!(InfoType(99).to_string(), "99");

    let address = ExtraData { info: InfoType::XFF_IPV4, data: &[203, 0, 113, 9], ..expected };
    assert_eq!(address.address(), Some(ip("203.0.113.9")));
    let cut = ExtraData { info: InfoType::XFF_IPV6, ..address };
    assert_eq!(cut.address(), None);
}

#[test]
fn an_unknown_type_is_passed_by() {
    let log = record(RecordType(99), b"whatever");
    let unknown = Record::Unknown { record_type: RecordType(99), body: b"whatever" };
    assert_eq!(read(&log), Ok(Some((unknown, 16))));
}

#[test]
fn what_is_not_whole_yet_is_no_error() {
    let log = record(RecordType::EVENT_IPV4, &ipv4_event());
    for end in 0..log.len() {
        assert_eq!(read(&log[..end]), Ok(None), "{end}");
    }
}

#[test]
fn what_cannot_be_a_record_is_refused() {
    let claims = |record_type, length| read(&numbers(&[record_type, length])).unwrap_err();
    assert_eq!(claims(0, 0).to_string(), "zeros instead of a record");
    assert_eq!(claims(7, 51).to_string(), "a record of type 7 claims 51 bytes");
    assert_eq!(claims(99, 7).to_string(), "a record of type 99 claims 7 bytes");
    assert_eq!(claims(256, 100).to_string(), "unknown record type 256");
    assert_eq!(claims(99, u32::MAX).to_string(), "a record of type 99 claims 4294967295 bytes");

    let mut body = packet(b"frame");
    body[27] = 6;
    let error = read(&record(RecordType::PACKET, &body)).unwrap_err();
    assert_eq!(error.to_string(), "a record of type 2 has 33 bytes, but its data claims 6");
    let mut body = extra(9, b"/");
    body[31] = 10;
    let error = read(&record(RecordType::EXTRA_DATA, &body)).unwrap_err();
    assert_eq!(error.to_string(), "a record of type 110 has 33 bytes, but its data claims 10");
}

/// A log of an event, its packet and its extra data, over and over.
fn log(times: usize) -> Vec<u8> {
    let one = [
        record(RecordType::EVENT_IPV4, &ipv4_event()),
        record(RecordType::PACKET, &packet(b"\0\0\0\x02\0\0\0\x40 looks like a packet's header")),
        record(RecordType::EXTRA_DATA, &extra(10, b"example.org")),
    ];
    one.concat().repeat(times)
}

#[test]
fn records_are_found_again_behind_damage() {
    let whole = log(2);
    let first = record(RecordType::EVENT_IPV4, &ipv4_event()).len();
    // The first event is cut short.
    assert_eq!(find(&whole[20..]), Ok(first - 20));
    // Zeros, as a crash of the machine leaves them.
    assert_eq!(find(&[&[0; 4096][..], &whole].concat()), Ok(4096));
    // The last record is still being written.
    assert_eq!(find(&whole[20..whole.len() - 4]), Ok(first - 20));
    // Nothing at all: all but what may begin a header is given up.
    assert_eq!(find(&[0xff; 100]), Err(93));
    assert_eq!(find(&[0xff; 3]), Err(0));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_spoiled_log_is_read_to_its_end(
        spoiled in proptest::collection::vec((0_usize..1000, any::<u8>()), 1..8),
        cut in 0_usize..1000,
    ) {
        let mut bytes = log(4);
        for (place, byte) in spoiled {
            let length = bytes.len();
            bytes[place % length] = byte;
        }
        bytes.truncate(bytes.len() - cut % bytes.len());
        let mut rest = &bytes[..];
        loop {
            let forward = match read(rest) {
                Ok(Some((_, length))) => length,
                Ok(None) => break,
                Err(_) => 1 + find(&rest[1..]).unwrap_or_else(|given_up| given_up),
            };
            prop_assert!((1..=rest.len()).contains(&forward));
            rest = &rest[forward..];
        }
    }
}
