use std::collections::BTreeMap;

use serde_json::Value;

use crate::recordings::{ALL, BUILDS, Recorded};

impl Recorded {
    /// Checks a field of the event, and counts it if it could be checked.
    fn same(&self, field: &str, actual: impl Into<Value>) -> usize {
        let Some(expected) = self.logged(field) else { return 0 };
        assert_eq!(&actual.into(), expected, "{} {field}", self.place);
        1
    }
}

#[test]
fn every_recording_is_of_the_dialect_that_its_snort_sends() {
    let dialects = BTreeMap::from(BUILDS.map(|(build, dialect, _)| (build, dialect)));
    for recorded in &*ALL {
        assert_eq!(recorded.alert.dialect, dialects[recorded.build], "{}", recorded.place);
    }
}

#[test]
fn events_are_as_logged() {
    let mut compared = 0;
    for recorded in &*ALL {
        let message = &recorded.alert.message;
        compared += recorded.same("gid", message.sig_generator)
            + recorded.same("sid", message.sig_id)
            + recorded.same("rev", message.sig_rev)
            + recorded.same("priority", message.priority)
            + recorded.same("class_id", message.classification)
            + recorded.same("event_id", message.event_id);
    }
    assert_eq!(compared, 6_310);
}

#[test]
fn times_are_as_logged_also_where_the_datagram_has_them_wrong() {
    for recorded in &*ALL {
        // What the list calls the event's time is lost in some; the packet's isn't.
        let expected = recorded.expected["timestamp_us"].as_i64();
        let actual = recorded.alert.timestamp().as_microsecond();
        assert_eq!(Some(actual), expected, "{}", recorded.place);
    }
}

#[test]
fn classes_are_as_logged() {
    for recorded in ALL.iter().filter(|recorded| !recorded.alert.untrusted) {
        let class = recorded.alert.class();
        let name = class.map(|class| &*class.name);
        let description = class.map(|class| &*class.description);
        assert_eq!(name, recorded.expected["class"].as_str(), "{}", recorded.place);
        assert_eq!(description, recorded.expected["class_text"].as_str(), "{}", recorded.place);
    }
}

#[test]
fn app_names_are_as_sent() {
    let mut named = 0;
    for recorded in &*ALL {
        let actual = recorded.alert.message.app_name.map(|name| name.to_string());
        named += usize::from(actual.is_some());
        let expected = recorded.expected["app_name_on_wire"].as_str();
        assert_eq!(actual.as_deref(), expected, "{}", recorded.place);
    }
    assert_eq!(named, 18);
}

#[test]
fn only_overrun_events_are_untrusted() {
    let mut untrusted = BTreeMap::new();
    for recorded in ALL.iter().filter(|recorded| recorded.alert.untrusted) {
        assert!(!recorded.expected["wire_event_differs"].is_null(), "{}", recorded.place);
        *untrusted.entry(recorded.alert.dialect.name()).or_insert(0) += 1;
    }
    assert_eq!(untrusted, BTreeMap::from([("snort3", 6)]));
}
