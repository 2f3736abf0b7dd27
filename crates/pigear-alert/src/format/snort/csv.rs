//! Snort's `alert_csv`.

use std::io::Write;

use jiff::tz::TimeZone;

use super::fields::Fields;
use super::subject::{Subject, put_number};
use super::value::{Value, put_quoted};
use crate::alert::Alert;
use crate::format::Format;
use crate::format::text::put_visible;
use crate::wire::Dialect;

/// A line of comma separated values an alert, as `alert_csv` of Snort 2 or 3 writes it.
///
/// What isn't known is empty, as it is in Snort's own files. Control and invisible characters are escaped.
#[derive(Clone, Debug)]
pub struct Csv {
    fields: Fields,
    zone: TimeZone,
}

impl Csv {
    /// These fields, with times of this zone.
    #[must_use]
    pub fn new(fields: Fields, zone: TimeZone) -> Self {
        Self { fields, zone }
    }

    fn put(&self, value: &Value<'_>, subject: &Subject<'_>, out: &mut Vec<u8>) {
        match value {
            Value::Absent => {}
            Value::Number(number) => put_number(*number, out),
            // Writing to a `Vec` can't fail.
            Value::Hexadecimal(number) => drop(write!(out, "{number:#X}")),
            Value::Plain(text) => text.put(subject, &self.zone, out),
            // The oldest quote only what needs it.
            Value::Msg(msg) if is_bare(msg, subject.alert.dialect) => put_visible(msg, out),
            Value::Msg(msg) => put_quoted(msg, out),
            Value::Text(text) => put_visible(text.as_bytes(), out),
        }
    }
}

impl Format for Csv {
    fn write(&self, alert: &Alert, out: &mut Vec<u8>) {
        let subject = Subject::of(alert);
        let Fields { snort2, snort3 } = &self.fields;
        match (snort2, snort3) {
            (Some(fields), other) if other.is_none() || !subject.is_snort3 => {
                for (n, field) in fields.iter().enumerate() {
                    out.extend_from_slice(if n > 0 { b"," } else { b"" });
                    self.put(&field.value(&subject), &subject, out);
                }
            }
            (_, fields) => {
                for (n, field) in fields.iter().flatten().enumerate() {
                    out.extend_from_slice(if n > 0 { b", " } else { b"" });
                    self.put(&field.value(&subject), &subject, out);
                }
            }
        }
        out.push(b'\n');
    }
}

fn is_bare(msg: &[u8], dialect: Dialect) -> bool {
    dialect == Dialect::Snort22 && !msg.iter().any(|byte| matches!(byte, b',' | b'"' | b'\\'))
}
