use proptest::prelude::*;

use super::*;

fn ping() -> AlertMessage {
    AlertMessage {
        msg: b"ICMP PING".as_slice().into(),
        ts_sec: 1_258_561_670,
        ts_usec: 83_506,
        caplen: 98,
        pktlen: 98,
        nethdr: 14,
        transhdr: 34,
        data: 42,
        pkt: (1..=98).collect(),
        sig_generator: 1,
        sig_id: 384,
        sig_rev: 8,
        classification: 29,
        priority: 3,
        event_id: 7,
        event_reference: 7,
        tv_sec: 1_258_561_670,
        tv_usec: 83_506,
        ..AlertMessage::default()
    }
}

fn decode(datagram: &[u8]) -> Result<Decoded, DecodeError> {
    Decoder::default().decode(datagram)
}

fn decode_as(datagram: &[u8], dialect: Dialect) -> Result<Decoded, DecodeError> {
    Decoder { dialect: Some(dialect), link_type: None }.decode(datagram)
}

/// A datagram of layout A whose text is `text`, as it stands.
fn with_text(text: &[u8]) -> Vec<u8> {
    let message = AlertMessage { msg: text.into(), ..ping() };
    encode(&message, Dialect::Snort29)
}

fn put_u32(datagram: &mut [u8], offset: usize, value: u32) {
    datagram[offset..offset + 4].copy_from_slice(&value.to_ne_bytes());
}

/// What Snort 2.9.3 to 2.9.7 makes of a datagram of layout A.
fn shifted(mut datagram: Vec<u8>, microseconds: u32, high_half: u32) -> Vec<u8> {
    for (offset, value) in [(260, high_half), (264, microseconds), (268, 0)] {
        put_u32(&mut datagram, offset, value);
    }
    datagram
}

/// An Ethernet frame with an IPv4 packet of `total_len` bytes in it.
fn frame(total_len: u8) -> Box<[u8]> {
    let mut frame = vec![2; 14 + usize::from(total_len)];
    frame[12..18].copy_from_slice(&[8, 0, 0x45, 0, 0, total_len]);
    frame[23] = 17;
    frame.into()
}

#[test]
fn every_dialect_says_what_it_was_told() {
    for dialect in Dialect::ALL {
        let sent = AlertMessage { app_name: AppName::new(b"DNS"), ..ping() };
        let decoded = decode_as(&encode(&sent, dialect), dialect).unwrap();
        assert_eq!(decoded.dialect, dialect);
        assert!(!decoded.untrusted);
        let has_app_name = matches!(dialect, Dialect::Snort29AppId | Dialect::Snort297AppId);
        assert_eq!(decoded.message.app_name.is_some(), has_app_name, "{dialect}");
        if dialect.sends_whole_event() {
            let expected = AlertMessage { app_name: decoded.message.app_name, ..sent };
            assert_eq!(decoded.message, expected, "{dialect}");
        }
    }
}

#[test]
fn a_dialect_is_known_by_its_name_and_its_length() {
    for dialect in Dialect::ALL {
        assert_eq!(dialect.name().parse(), Ok(dialect));
        assert_eq!(encode(&ping(), dialect).len(), dialect.datagram_len());
    }
    assert_eq!(Dialect::ALL.map(Dialect::datagram_len).into_iter().max(), Some(MAX_LEN));
    let error = "snort4".parse::<Dialect>().unwrap_err();
    assert!(
        error.to_string().starts_with("unknown dialect \"snort4\"; known are snort3, snort2.9")
    );
}

#[test]
fn barnyard2_is_never_guessed() {
    let datagram = encode(&ping(), Dialect::Barnyard2);
    assert_eq!(decode(&datagram).unwrap().dialect, Dialect::Snort27);
}

#[test]
fn a_datagram_of_another_length_is_refused() {
    for len in [0, 1, 1_843, 1_857, 65_863, 65_929, 70_000] {
        let error = decode(&vec![0; len]).unwrap_err();
        assert_eq!(error, DecodeError::UnknownLength { actual: len });
    }
    let error = decode_as(b"not an alert", Dialect::Snort3).unwrap_err();
    assert_eq!(error.to_string(), "datagram has 12 bytes, but an alert of snort3 has 65864");
}

#[test]
fn a_datagram_full_of_ones_is_refused() {
    for dialect in Dialect::ALL {
        let datagram = vec![0xFF; dialect.datagram_len()];
        assert_eq!(decode_as(&datagram, dialect).unwrap_err(), DecodeError::UnterminatedMessage);
    }
}

#[test]
fn microseconds_of_a_second_and_more_carry_over() {
    let sent = ping();
    let mut datagram = encode(&sent, Dialect::Snort3);
    for (microseconds, carried) in [
        (999_999, (sent.ts_sec, 999_999)),
        (1_000_000, (sent.ts_sec + 1, 0)),
        (u32::MAX, (sent.ts_sec + 4294, 967_295)),
    ] {
        put_u32(&mut datagram, 260, microseconds);
        let message = decode(&datagram).unwrap().message;
        assert_eq!((message.ts_sec, message.ts_usec), carried);
    }
    put_u32(&mut datagram, 256, u32::MAX);
    assert_eq!(decode(&datagram).unwrap().message.ts_sec, u32::MAX);
}

#[test]
fn the_quotes_of_snort_3_are_taken_off() {
    let decoded = decode(&with_text(br#""a "quoted" word""#)).unwrap();
    assert_eq!(decoded.dialect, Dialect::Snort3);
    assert_eq!(&*decoded.message.msg, br#"a "quoted" word"#);
}

#[test]
fn a_message_cut_by_snort_3_has_no_closing_quote() {
    let text = [b"\"".as_slice(), &[b'x'; 254]].concat();
    let decoded = decode(&with_text(&text)).unwrap();
    assert_eq!(decoded.dialect, Dialect::Snort3);
    assert_eq!(&*decoded.message.msg, &[b'x'; 254]);
}

#[test]
fn quotes_of_a_snort_2_rule_stay() {
    for text in [br#""opening only"#.as_slice(), br#"closing only""#, br#"""#, b""] {
        let decoded = decode(&with_text(text)).unwrap();
        assert_eq!(decoded.dialect, Dialect::Snort29);
        assert_eq!(&*decoded.message.msg, text);
    }
    let quoted = br#""said to be Snort 2""#;
    let decoded = decode_as(&with_text(quoted), Dialect::Snort29).unwrap();
    assert_eq!(&*decoded.message.msg, quoted);
}

#[test]
fn a_packet_longer_than_the_struct_makes_the_event_untrusted() {
    let message = AlertMessage { caplen: 65_549, pktlen: 65_549, ..ping() };
    let decoded = decode(&encode(&message, Dialect::Snort3)).unwrap();
    assert!(decoded.untrusted);
    assert_eq!((decoded.message.caplen, decoded.message.pkt.len()), (65_535, 65_535));
    let exact = AlertMessage { caplen: 65_535, ..ping() };
    assert!(!decode(&encode(&exact, Dialect::Snort3)).unwrap().untrusted);
    assert!(!decode(&encode(&message, Dialect::Snort29)).unwrap().untrusted);
}

#[test]
fn an_offset_beyond_the_packet_is_dropped() {
    let message = AlertMessage { data: 0xFFFF_FF00, transhdr: 98, ..ping() };
    let decoded = decode(&encode(&message, Dialect::Snort29)).unwrap();
    assert_eq!((decoded.message.data, decoded.message.transhdr), (0, 98));
}

#[test]
fn a_shifted_packet_header_is_mended() {
    for (ts_sec, high_half) in [(1_750_000_000, 0), (0x8000_0001, u32::MAX)] {
        let message = AlertMessage { pkt: frame(40), ts_sec, ..ping() };
        let datagram = shifted(encode(&message, Dialect::Snort29), message.tv_usec, high_half);
        let decoded = decode(&datagram).unwrap().message;
        assert_eq!((decoded.ts_sec, decoded.ts_usec), (ts_sec, 83_506));
        assert_eq!((decoded.caplen, decoded.pktlen), (54, 54));
        assert_eq!(decoded.pkt, message.pkt);
    }
}

#[test]
fn a_packet_is_cut_to_as_many_bytes_as_its_time_has_microseconds() {
    let message = AlertMessage { pkt: frame(40), tv_usec: 34, ..ping() };
    let decoded = decode(&shifted(encode(&message, Dialect::Snort29), 34, 0)).unwrap().message;
    assert_eq!((decoded.caplen, decoded.pktlen, decoded.pkt.len()), (34, 54, 34));
}

#[test]
fn lengths_in_the_place_of_offsets_are_found() {
    let message = AlertMessage { pkt: frame(40), ..ping() };
    let mut datagram = shifted(encode(&message, Dialect::Snort29), message.tv_usec, 0);
    for (n, value) in [54, 60, u32::MAX, u32::MAX, u32::MAX].into_iter().enumerate() {
        put_u32(&mut datagram, 272 + 4 * n, value);
    }
    let decoded = decode(&datagram).unwrap().message;
    assert_eq!((decoded.caplen, decoded.pktlen), (54, 60));
    assert_eq!(
        [decoded.dlthdr, decoded.nethdr, decoded.transhdr, decoded.data, decoded.val],
        [0; 5]
    );
}

#[test]
fn the_reference_time_that_is_not_sent_is_the_packets() {
    let datagram = shifted(encode(&ping(), Dialect::Snort297AppId), 83_506, 0);
    let decoded = decode(&datagram).unwrap();
    assert!(!decoded.dialect.sends_whole_event());
    let message = decoded.message;
    assert_eq!((message.tv_sec, message.tv_usec), (message.ts_sec, message.ts_usec));
    assert_eq!((message.sig_id, message.priority, message.event_id), (384, 0, 0));
}

#[test]
fn an_app_name_is_cut_where_snort_stops_filling() {
    let message = AlertMessage { app_name: AppName::new(&[b'a'; 40]), ..ping() };
    let decoded = decode(&encode(&message, Dialect::Snort29AppId)).unwrap();
    assert_eq!(decoded.message.app_name.unwrap().as_bytes(), [b'a'; 28]);
}

prop_compose! {
    fn any_header()(ts_sec: u32, ts_usec in 0..1_000_000_u32, offsets in prop::array::uniform4(0..60_u32),
        val in 0..4_u32, pkt in prop::collection::vec(any::<u8>(), 60..1_514)) -> AlertMessage {
        let caplen = u32::try_from(pkt.len()).unwrap();
        let [dlthdr, nethdr, transhdr, data] = offsets;
        AlertMessage { ts_sec, ts_usec, caplen, pktlen: caplen, dlthdr, nethdr, transhdr, data, val,
            pkt: pkt.into(), ..AlertMessage::default() }
    }
}

prop_compose! {
    fn any_message()(header in any_header(), text in prop::collection::vec(1..=255_u8, 0..=253),
        event in prop::array::uniform7(any::<u32>()), tv_sec: u32, tv_usec in 0..1_000_000_u32) -> AlertMessage {
        let [sig_generator, sig_id, sig_rev, classification, priority, event_id, event_reference] = event;
        AlertMessage { msg: text.into(), sig_generator, sig_id, sig_rev, classification, priority,
            event_id, event_reference, tv_sec, tv_usec, ..header }
    }
}

fn any_dialect() -> impl Strategy<Value = Dialect> {
    prop::sample::select(Dialect::ALL.as_slice())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_encoded_is_decoded(message in any_message(), dialect in any_dialect()) {
        let decoded = decode_as(&encode(&message, dialect), dialect).unwrap().message;
        let mut expected = message;
        if dialect == Dialect::Barnyard2 || dialect == Dialect::Barnyard2x32 {
            expected.event_reference = expected.event_id;
        }
        if !dialect.sends_whole_event() {
            (expected.priority, expected.event_id, expected.event_reference) = (0, 0, 0);
            (expected.tv_sec, expected.tv_usec) = (expected.ts_sec, expected.ts_usec);
        }
        prop_assert_eq!(decoded, expected);
    }

    #[test]
    fn a_spoiled_alert_is_refused_or_stays_within_bounds(
        message in any_message(),
        dialect in any_dialect(),
        spoils in prop::collection::vec((0..400_usize, any::<u8>()), 1..8),
        forced: bool,
    ) {
        let mut datagram = encode(&message, dialect);
        for (offset, byte) in spoils {
            datagram[offset] = byte;
        }
        let decoder = Decoder { dialect: forced.then_some(dialect), link_type: None };
        if let Ok(Decoded { message, .. }) = decoder.decode(&datagram) {
            prop_assert_eq!(message.pkt.len(), message.caplen as usize);
            prop_assert!(message.msg.len() < 256);
            prop_assert!(message.ts_usec < 1_000_000);
            prop_assert!(message.data <= message.caplen);
        }
    }

    #[test]
    fn random_bytes_are_refused_or_stay_within_bounds(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let dialect = Dialect::of_length(bytes.len());
        match decode(&bytes) {
            Err(DecodeError::UnknownLength { actual }) => {
                prop_assert_eq!((actual, dialect), (bytes.len(), None));
            }
            Err(_) => prop_assert!(dialect.is_some()),
            Ok(Decoded { message, .. }) => {
                prop_assert!(dialect.is_some() && message.pkt.len() < bytes.len());
            }
        }
    }
}
