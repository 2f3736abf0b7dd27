//! The header of a message.
//!
//! ```text
//! RFC 5424   <34>1 2026-11-18T16:27:50.083506Z sensor1 snort 4711 alert [pigear@32473 gid="1" …] …
//! RFC 3164   <34>Nov 18 17:27:50 sensor1 snort[4711]: …
//! local      <34>Nov 18 17:27:50 snort[4711]: …
//! ```
//!
//! The time is the packet's; in RFC 3164 it is local, as the RFC demands. The process is Snort's, if the
//! kernel reported it. The host is the sensor's name. 32473 is the enterprise number that RFC 5612 reserves for documentation.

use std::fmt::{self, Display, Write as _};
use std::io::Write;
use std::str::FromStr;

use jiff::tz::TimeZone;
use pigear_alert::{Alert, AlertMessage};

use super::facility::Facility;
use crate::host_name::host_name;
use crate::visible::visible;

/// The form of a message, by its name in the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rfc {
    /// RFC 3164, the old one.
    Rfc3164,
    /// RFC 5424.
    Rfc5424,
}

impl FromStr for Rfc {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "3164" => Ok(Self::Rfc3164),
            "5424" => Ok(Self::Rfc5424),
            _ => Err("expected 5424 or 3164"),
        }
    }
}

/// The form of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Rfc5424,
    Rfc3164,
    /// RFC 3164 without a host: what syslog(3) writes.
    Local,
}

/// The constant part of all headers.
pub(super) struct Header {
    facility: Facility,
    form: Form,
    /// The name of alerts without a sensor, or with a sensor's name that can't stand here.
    host: String,
    zone: TimeZone,
}

impl Header {
    pub(super) fn new(facility: Facility, form: Form) -> Self {
        let host = host_name().filter(|name| is_host(name)).unwrap_or_else(|| "-".to_owned());
        Self { facility, form, host, zone: TimeZone::system() }
    }

    pub(super) fn write(&self, alert: &Alert, out: &mut Vec<u8>) {
        let pri = self.facility.with_severity(severity(alert));
        let pid = alert.sender.map(|sender| sender.pid);
        let sensor = alert.origin.sensor.as_deref().filter(|name| is_host(name));
        let host = sensor.unwrap_or(&self.host);
        let time = alert.timestamp();
        let local = self.zone.to_datetime(time);
        let tag = pid.map_or_else(|| "snort".to_owned(), |pid| format!("snort[{pid}]"));
        // Writing to a `Vec` can't fail.
        let _ = match self.form {
            Form::Rfc5424 => {
                let pid = pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string());
                write!(out, "<{pri}>1 {time:.6} {host} snort {pid} alert {} ", Data(alert))
            }
            Form::Rfc3164 => {
                write!(out, "<{pri}>{} {host} {tag}: ", local.strftime("%b %e %H:%M:%S"))
            }
            Form::Local => write!(out, "<{pri}>{} {tag}: ", local.strftime("%b %e %H:%M:%S")),
        };
    }
}

/// Whether a name can be that of a host in a header.
fn is_host(name: &str) -> bool {
    (1..=255).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The severity of an alert: 0 is the most severe, 7 the least.
fn severity(alert: &Alert) -> u8 {
    match alert.priority() {
        Some(1) => 2,
        Some(2) => 3,
        Some(3) => 4,
        _ => 5,
    }
}

/// An alert's main fields as structured data.
struct Data<'a>(&'a Alert);

impl Display for Data<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alert = self.0;
        let AlertMessage { sig_generator, sig_id, sig_rev, .. } = alert.message;
        write!(f, "[pigear@32473 gid=\"{sig_generator}\" sid=\"{sig_id}\" rev=\"{sig_rev}\"")?;
        put(f, "priority", alert.priority())?;
        put(f, "class", alert.class().map(|class| &class.name))?;
        put(f, "proto", alert.protocol())?;
        put(f, "src_ip", alert.src_ip())?;
        put(f, "src_port", alert.src_port())?;
        put(f, "dst_ip", alert.dst_ip())?;
        put(f, "dst_port", alert.dst_port())?;
        put(f, "sensor", alert.origin.sensor.as_ref())?;
        f.write_char(']')
    }
}

/// ` name="value"`, with what RFC 5424 (6.3.3) escapes escaped.
fn put(f: &mut fmt::Formatter<'_>, name: &str, value: Option<impl Display>) -> fmt::Result {
    let Some(value) = value else { return Ok(()) };
    write!(f, " {name}=\"")?;
    for letter in visible(value.to_string().as_bytes()).chars() {
        if matches!(letter, '"' | '\\' | ']') {
            f.write_char('\\')?;
        }
        f.write_char(letter)?;
    }
    f.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Parameter(&'static str);

    impl Display for Parameter {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            put(f, "sensor", Some(self.0))
        }
    }

    #[test]
    fn a_value_can_not_end_the_data() {
        let text = Parameter("a\"] [b \\ sid=\"1\"\n<0>").to_string();
        assert_eq!(text, r#" sensor="a\"\] [b \\ sid=\"1\"\\x0a<0>""#);
    }
}
