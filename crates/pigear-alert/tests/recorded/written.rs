//! Alerts as formats write them.

use std::path::PathBuf;
use std::sync::Arc;

use jsonschema::Validator;
use pigear_alert::format::{Colour, FormatName};
use pigear_alert::maps::{Classes, Names, ReferenceSystems, SidMsgMap};
use pigear_alert::{Alert, Origin, Sender};
use serde_json::Value;

use crate::recordings::{Recorded, list};

pub(crate) fn line(name: FormatName, alert: &Alert) -> String {
    let mut out = Vec::new();
    name.format(Colour::Never).write(alert, &mut out);
    String::from_utf8(out).unwrap()
}

/// A line that is a JSON object.
pub(crate) fn object(name: FormatName, alert: &Alert) -> Value {
    serde_json::from_str(&line(name, alert)).unwrap()
}

/// The lists and maps that Snort read.
pub(crate) fn names() -> Arc<Names> {
    Arc::new(Names {
        classes: Classes::parse(&list("classification.config")).value,
        references: ReferenceSystems::parse(&list("reference.config")).value,
        rules: SidMsgMap::parse(&list("sid-msg.map")).value,
        ..Names::default()
    })
}

impl Recorded {
    /// The alert with everything known of it that can be.
    pub(crate) fn with_origin(&self, names: &Arc<Names>) -> Alert {
        let mut alert = self.named(names);
        alert.origin = Arc::new(Origin {
            sensor: Some("dmz".to_owned()),
            socket: Some(PathBuf::from("/var/log/snort/1_snort_alert")),
            thread: Some(1),
            link_type: None,
        });
        alert.sender = Some(Sender { pid: i32::MAX, uid: u32::MAX });
        alert
    }
}

/// A schema of ours, which must be one.
pub(crate) fn validator(schema: &Value) -> Validator {
    assert!(jsonschema::meta::is_valid(schema));
    jsonschema::draft202012::options().should_validate_formats(true).build(schema).unwrap()
}

pub(crate) fn assert_valid(validator: &Validator, object: &Value, place: &str) {
    let errors: Vec<String> = validator
        .iter_errors(object)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{place}: {}", errors.join("; "));
}
