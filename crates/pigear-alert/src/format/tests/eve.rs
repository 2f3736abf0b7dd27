use super::super::Eve;
use super::*;
use crate::Origin;
use crate::packet::{LinkType, StopReason};

#[test]
fn eve_names_each_link_type_that_is_dissected_as_libpcap_does() {
    let names = (0..=u16::MAX).filter_map(|number| {
        let origin = Origin { link_type: Some(LinkType(number)), ..Origin::default() };
        let decoded = Decoded { message: ping(), dialect: Dialect::Snort3, untrusted: false };
        let alert = Alert::new(decoded, Arc::new(origin), Arc::default());
        let line = written(&Eve::default(), &alert);
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        let info = &object["packet_info"];
        assert_eq!(info["linktype"], number);
        let name = info["linktype_name"].as_str().map(str::to_owned);
        let is_known = alert
            .dissection()
            .stopped
            .is_none_or(|stop| stop.reason != StopReason::UnknownLinkType);
        assert!(name.is_some() || !is_known, "{number} has no name");
        name.map(|name| (number, name))
    });
    let expected = [
        (0, "NULL"),
        (1, "EN10MB"),
        (9, "PPP"),
        (10, "FDDI"),
        (12, "RAW"),
        (14, "RAW"),
        (50, "PPP_SERIAL"),
        (101, "RAW"),
        (104, "C_HDLC"),
        (108, "LOOP"),
        (113, "LINUX_SLL"),
    ];
    assert!(names.eq(expected.map(|(number, name)| (number, name.to_owned()))));
}
