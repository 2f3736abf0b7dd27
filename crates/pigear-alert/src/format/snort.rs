//! One line an alert, as Snort's own `alert_fast` and `alert_syslog` write it.

mod csv;
mod fields;
mod json;
mod snort2;
mod snort3;
mod subject;
mod transport_field;
mod value;

pub use csv::Csv;
pub use fields::{FieldError, Fields};
pub use json::AlertJson;

use std::io::Write;

use jiff::tz::TimeZone;

use super::Format;
use super::text::{Alike, put_visible};
use crate::alert::Alert;
use crate::unified2::Verdict;
use crate::wire::Dialect;
use subject::Subject;

/// One line an alert, as the Snort that sent it writes its `alert_fast`:
///
/// ```text
/// 11/18-16:27:50.083506  [**] [1:384:8] ICMP PING [**] [Classification: Misc activity] [Priority: 3] {ICMP} 10.0.0.1 -> 10.0.0.2
/// ```
///
/// The time has no year. Snort 3 has one space after it, and quotes around the message. An alert without known
/// addresses ends as Snort ends the line of a packet without an IP header.
///
/// Unlike in Snort's file, control and invisible characters are escaped, bytes that aren't UTF-8 are U+FFFD,
/// events that may be forged are marked, and the line of a group ends with ` (12 alike)`.
#[derive(Clone, Debug)]
pub struct Snort(Form);

#[derive(Clone, Debug)]
enum Form {
    /// As `alert_fast`, with the times of a zone.
    Fast(TimeZone),
    /// As `alert_syslog`.
    Syslog,
}

impl Snort {
    /// As in Snort's file, with times of this zone.
    #[must_use]
    pub fn fast(zone: TimeZone) -> Self {
        Self(Form::Fast(zone))
    }

    /// As in a message of `alert_syslog`, which has no time:
    ///
    /// ```text
    /// [1:384:8] ICMP PING [Classification: Misc activity] [Priority: 3] {ICMP} 10.0.0.1 -> 10.0.0.2
    /// ```
    ///
    /// Snort up to 2.8.5 and barnyard2 write `[Priority: 3]:`, and no space before that if there is no class.
    /// Of an alert without addresses Snort writes only the message; here its numbers, class and priority remain.
    #[must_use]
    pub fn syslog() -> Self {
        Self(Form::Syslog)
    }
}

impl Format for Snort {
    fn write(&self, alert: &Alert, out: &mut Vec<u8>) {
        let subject = Subject::of(alert);
        match &self.0 {
            Form::Fast(zone) => write_fast(&subject, zone, out),
            Form::Syslog => write_syslog(&subject, out),
        }
        // Writing to a `Vec` can't fail.
        let _ = write!(out, "{}", Alike(alert));
        out.push(b'\n');
    }
}

fn write_fast(subject: &Subject<'_>, zone: &TimeZone, out: &mut Vec<u8>) {
    subject.put_time(zone, out);
    if let Some(action) = action(subject) {
        out.extend_from_slice(action.as_bytes());
    }
    out.extend_from_slice(b" [**] [");
    subject.put_rule(out);
    out.extend_from_slice(b"] ");
    if put_msg(subject, out) {
        out.push(b' ');
    }
    out.extend_from_slice(b"[**] ");
    if !subject.is_snort3 && subject.addresses().is_none() {
        return;
    }
    put_class(subject, out);
    put_priority(subject.alert.message.priority, out);
    put_marks(subject, out);
    put_endpoints(subject, out);
}

fn write_syslog(subject: &Subject<'_>, out: &mut Vec<u8>) {
    out.push(b'[');
    subject.put_rule(out);
    out.extend_from_slice(b"] ");
    if !put_msg(subject, out) {
        out.extend_from_slice(b"ALERT");
    }
    out.push(b' ');
    let before_class = out.len();
    put_class(subject, out);
    if let Some(priority) = subject.alert.priority() {
        let has_colon = has_colon(subject.alert.dialect);
        if has_colon && out.len() == before_class {
            out.pop();
        }
        put_priority(priority, out);
        if has_colon && subject.addresses().is_some() {
            out.pop();
            out.extend_from_slice(b": ");
        }
    }
    put_marks(subject, out);
    if subject.addresses().is_some() {
        put_endpoints(subject, out);
    } else {
        out.truncate(out.trim_ascii_end().len());
    }
}

/// Whether this Snort writes a colon behind the priority: before 2.9, and barnyard2, which goes on from there.
fn has_colon(dialect: Dialect) -> bool {
    match dialect {
        Dialect::Snort3 | Dialect::Snort29 | Dialect::Snort29AppId | Dialect::Snort297AppId => {
            false
        }
        Dialect::Snort27
        | Dialect::Snort22
        | Dialect::Snort2x32
        | Dialect::Barnyard2
        | Dialect::Barnyard2x32 => true,
    }
}

/// What the line says of a packet that Snort dropped, or wanted to.
fn action(subject: &Subject<'_>) -> Option<&'static str> {
    match (subject.alert.verdict()?, subject.is_snort3) {
        (Verdict::Allowed | Verdict::Held, _) | (Verdict::CannotBlock, false) => None,
        (Verdict::Blocked, false) => Some(" [Drop]"),
        (Verdict::WouldBlock, false) => Some(" [WDrop]"),
        (Verdict::Blocked, true) => Some(" [drop]"),
        (Verdict::WouldBlock, true) => Some(" [would_drop]"),
        (Verdict::CannotBlock, true) => Some(" [cant_drop]"),
    }
}

/// Returns whether there is a message.
fn put_msg(subject: &Subject<'_>, out: &mut Vec<u8>) -> bool {
    let msg = subject.alert.msg();
    if msg.is_empty() {
        return false;
    }
    let quote: &[u8] = if subject.is_snort3 { b"\"" } else { b"" };
    out.extend_from_slice(quote);
    put_visible(&msg, out);
    out.extend_from_slice(quote);
    true
}

fn put_class(subject: &Subject<'_>, out: &mut Vec<u8>) {
    let description = subject.class().filter(|description| !description.is_empty());
    if let Some(description) = description {
        out.extend_from_slice(b"[Classification: ");
        put_visible(description.as_bytes(), out);
        out.extend_from_slice(b"] ");
    }
}

fn put_priority(priority: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(b"[Priority: ");
    subject::put_number(priority.into(), out);
    out.extend_from_slice(b"] ");
}

fn put_marks(subject: &Subject<'_>, out: &mut Vec<u8>) {
    if let Some(name) = &subject.alert.message.app_name {
        out.extend_from_slice(b"[AppID: ");
        put_visible(name.as_bytes(), out);
        out.extend_from_slice(b"] ");
    }
    if subject.alert.untrusted {
        out.extend_from_slice(b"[Untrusted: event may be forged] ");
    }
}

fn put_endpoints(subject: &Subject<'_>, out: &mut Vec<u8>) {
    out.push(b'{');
    subject.put_protocol(out);
    out.extend_from_slice(b"} ");
    let ports = subject.ports();
    let (source, destination) = subject.addresses().unzip();
    subject::put_endpoint(source, ports.map(|ports| ports.0), out);
    out.extend_from_slice(b" -> ");
    subject::put_endpoint(destination, ports.map(|ports| ports.1), out);
}
