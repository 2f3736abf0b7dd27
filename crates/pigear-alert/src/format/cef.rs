//! Common Event Format.

use std::fmt::{self, Display};
use std::io::Write as _;
use std::net::IpAddr;

use super::Format;
use super::text::{group_count, rule_name, rule_numbers, write_visible};
use crate::alert::Alert;
use crate::packet::IpProtocol;
use crate::wire::Dialect;

/// Common Event Format (CEF), version 0: one line an alert, for `ArcSight` and others.
///
/// Delimiters are escaped, and control characters are shown as in the text formats, so that every line
/// stays one line and safe. An unknown field is absent; the header, where every field is mandatory, has
/// `Unknown` for an unknown severity and the rule's numbers for an empty message.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cef;

impl Format for Cef {
    fn write(&self, alert: &Alert, out: &mut Vec<u8>) {
        // Writing to a `Vec` can't fail.
        let _ = writeln!(out, "{}|{}", Head(alert), Extension(alert));
    }
}

struct Head<'a>(&'a Alert);

impl Display for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(alert) = *self;
        let (version, severity) = (version(alert.dialect), severity(alert.priority()));
        write!(f, "CEF:0|Cisco|Snort|{version}|{}|", rule_numbers(alert))?;
        write!(f, "{}|{severity}", Escaped(&rule_name(alert), Part::Head))
    }
}

/// The version of Snort, if its datagrams show it.
fn version(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Snort3 => "3",
        Dialect::Snort29 | Dialect::Snort29AppId => "2.9",
        Dialect::Snort297AppId => "2.9.7",
        _ => "2",
    }
}

/// 10 is the most severe.
fn severity(priority: Option<u32>) -> &'static str {
    match priority {
        None => "Unknown",
        Some(1) => "9",
        Some(2) => "6",
        Some(3) => "4",
        Some(4) => "2",
        Some(_) => "1",
    }
}

struct Extension<'a>(&'a Alert);

impl Display for Extension<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(alert) = *self;
        let packet = alert.dissection();
        write!(f, "rt={}", alert.timestamp().as_millisecond())?;
        write_address(f, packet.src_ip(), "src", "c6a2", "Source IPv6 Address")?;
        write_address(f, packet.dst_ip(), "dst", "c6a3", "Destination IPv6 Address")?;
        write_known(f, "spt", packet.src_port())?;
        write_known(f, "dpt", packet.dst_port())?;
        let protocol = packet.protocol();
        match protocol.and_then(IpProtocol::keyword) {
            Some(keyword) => write!(f, " proto={keyword}")?,
            None => write_known(f, "proto", protocol)?,
        }
        let app_name = alert.message.app_name;
        write_text(f, "app", app_name.as_ref().map_or(&[], |name| name.as_bytes()))?;
        let class = alert.class();
        write_text(f, "cat", class.map_or("", |class| &class.description).as_bytes())?;
        let allowed = if alert.is_held() { "held" } else { "allowed" };
        write!(f, " act={}", if alert.is_blocked() { "blocked" } else { allowed })?;
        write_text(f, "dvchost", alert.origin.sensor.as_deref().unwrap_or_default().as_bytes())?;
        let event_id = alert.has_whole_event().then_some(alert.message.event_id);
        write_known(f, "externalId", event_id)?;
        write_known(f, "cnt", group_count(alert))?;
        if let Some(class) = class {
            f.write_str(" cs1Label=classification")?;
            write_text(f, "cs1", class.name.as_bytes())?;
        }
        if alert.untrusted {
            f.write_str(" cs2Label=untrusted cs2=event may be forged")?;
        }
        Ok(())
    }
}

/// CEF has fields for IPv4 addresses only; IPv6 addresses are in a custom field with a label.
fn write_address(
    f: &mut fmt::Formatter<'_>,
    address: Option<IpAddr>,
    key: &str,
    custom_key: &str,
    label: &str,
) -> fmt::Result {
    match address {
        None => Ok(()),
        Some(IpAddr::V4(ip)) => write!(f, " {key}={ip}"),
        Some(IpAddr::V6(ip)) => write!(f, " {custom_key}Label={label} {custom_key}={ip}"),
    }
}

fn write_known(f: &mut fmt::Formatter<'_>, key: &str, value: Option<impl Display>) -> fmt::Result {
    value.map_or(Ok(()), |value| write!(f, " {key}={value}"))
}

fn write_text(f: &mut fmt::Formatter<'_>, key: &str, text: &[u8]) -> fmt::Result {
    if text.is_empty() { Ok(()) } else { write!(f, " {key}={}", Escaped(text, Part::Extension)) }
}

/// A part of a line, which determines what must be escaped.
#[derive(Clone, Copy)]
enum Part {
    Head,
    Extension,
}

/// Text escaped for a part of a line. Only the extension has escapes for line breaks.
struct Escaped<'a>(&'a [u8], Part);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        String::from_utf8_lossy(self.0).chars().try_for_each(|letter| match (self.1, letter) {
            (Part::Extension, '\n') => f.write_str("\\n"),
            (Part::Extension, '\r') => f.write_str("\\r"),
            (Part::Head, '|') | (Part::Extension, '=') | (_, '\\') => write!(f, "\\{letter}"),
            (_, letter) => write_visible(letter, &mut DoublingBackslashes(f)),
        })
    }
}

struct DoublingBackslashes<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl fmt::Write for DoublingBackslashes<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|letter| self.write_char(letter))
    }

    fn write_char(&mut self, letter: char) -> fmt::Result {
        if letter == '\\' {
            self.0.write_char('\\')?;
        }
        self.0.write_char(letter)
    }
}
