//! The values that a template can use.

use std::sync::Arc;

use minijinja::value::{Serde, Value};
use pigear_alert::format::{Colour, Fast, Format, FormatName, Json};
use pigear_alert::wire::{DecodeError, Decoder, Dialect, encode};
use pigear_alert::{Alert, AlertMessage};
use serde_json::{Map, Value as Object};

use crate::handler::http::message::Message;
use crate::keys::FormatKeys;

/// The fields of `format=json` under their names; `alert`, the object in the chosen format, or `line`
/// instead if that is text; and a few values that only exist here.
pub(super) fn alert_values(message: &Message, keys: &FormatKeys) -> Value {
    let alert = message.alert;
    let mut fields = object(&Json { contents: keys.contents() }, alert);
    let whole = match keys.build(Colour::Never) {
        Ok(format) if keys.name() != FormatName::Json => {
            let text = written(&*format, alert);
            serde_json::from_str(&text).unwrap_or(Object::String(text))
        }
        _ => Object::Object(fields.clone()),
    };
    let line = written(&Fast { colour: Colour::Never }, alert);
    fields.insert("alert".to_owned(), whole);
    fields.insert("line".to_owned(), line.into());
    fields.insert("count".to_owned(), message.count.into());
    fields.insert("id".to_owned(), message.id.to_string().into());
    fields.insert("severity".to_owned(), severity(alert).into());
    fields.insert("timestamp_ns".to_owned(), alert.timestamp().as_nanosecond().to_string().into());
    let seconds = alert.timestamp().as_microsecond();
    let (whole, part) = (seconds / 1_000_000, seconds % 1_000_000);
    fields.insert("timestamp_s".to_owned(), format!("{whole}.{part:06}").into());
    Value::from(Serde(fields))
}

fn object(format: &dyn Format, alert: &Alert) -> Map<String, Object> {
    serde_json::from_str(&written(format, alert)).unwrap_or_default()
}

fn written(format: &dyn Format, alert: &Alert) -> String {
    let mut text = Vec::new();
    format.write(alert, &mut text);
    String::from_utf8_lossy(text.trim_ascii_end()).into_owned()
}

/// The usual names of Snort's priorities.
fn severity(alert: &Alert) -> &'static str {
    match alert.priority() {
        None => "unknown",
        Some(1) => "high",
        Some(2) => "medium",
        Some(3) => "low",
        Some(_) => "info",
    }
}

/// A sample alert to try templates with.
pub(super) fn sample_alert() -> Result<Alert, DecodeError> {
    let mut message = AlertMessage::default();
    message.msg = b"sample".as_slice().into();
    (message.sig_generator, message.sig_id, message.sig_rev, message.priority) = (1, 1, 1, 3);
    let decoded = Decoder::default().decode(&encode(&message, Dialect::Snort3))?;
    Ok(Alert::new(decoded, Arc::default(), Arc::default()))
}
