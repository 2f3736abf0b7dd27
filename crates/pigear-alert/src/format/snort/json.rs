//! Snort 3's `alert_json`.

use jiff::tz::TimeZone;

use super::fields::{FieldError, Fields};
use super::snort3::Snort3Field;
use super::subject::{Subject, put_number};
use super::value::Value;
use crate::alert::Alert;
use crate::format::Format;
use crate::format::object::put_string;
use crate::format::text::group_count;

/// A JSON object an alert, as `alert_json` of Snort 3 writes it:
///
/// ```text
/// { "timestamp" : "11/18-16:27:50.083506", "proto" : "ICMP", "rule" : "1:384:8", "action" : "allow" }
/// ```
///
/// Fields that aren't known are absent. Unlike Snort's, the line is valid JSON whatever the message holds, and a
/// group has a field `count`.
#[derive(Clone, Debug)]
pub struct AlertJson {
    fields: Vec<Snort3Field>,
    zone: TimeZone,
}

impl AlertJson {
    /// These fields, with times of this zone.
    ///
    /// # Errors
    /// If the fields are those of Snort 2.
    pub fn new(fields: Fields, zone: TimeZone) -> Result<Self, FieldError> {
        let Fields { snort2, snort3 } = fields;
        let fields = snort3.ok_or_else(|| FieldError::unknown_to_snort3(snort2.as_deref()))?;
        Ok(Self { fields, zone })
    }
}

impl Format for AlertJson {
    fn write(&self, alert: &Alert, out: &mut Vec<u8>) {
        let subject = Subject::of(alert);
        out.push(b'{');
        let start = out.len();
        for field in &self.fields {
            let value = field.value(&subject);
            if !matches!(value, Value::Absent) {
                put_name(field.name(), start, out);
                self.put(&value, &subject, out);
            }
        }
        if let Some(count) = group_count(alert) {
            put_name("count", start, out);
            put_number(count.get(), out);
        }
        out.extend_from_slice(b" }\n");
    }
}

impl AlertJson {
    fn put(&self, value: &Value<'_>, subject: &Subject<'_>, out: &mut Vec<u8>) {
        match value {
            Value::Absent => {}
            Value::Number(number) | Value::Hexadecimal(number) => put_number(*number, out),
            Value::Plain(text) => {
                out.push(b'"');
                text.put(subject, &self.zone, out);
                out.push(b'"');
            }
            Value::Msg(msg) => put_string(&String::from_utf8_lossy(msg), out),
            Value::Text(text) => put_string(text, out),
        }
    }
}

fn put_name(name: &str, start: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(if out.len() > start { b", \"" } else { b" \"" });
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\" : ");
}
