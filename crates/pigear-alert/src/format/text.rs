//! Parts of the text formats.

use std::borrow::Cow;
use std::fmt::{self, Display};
use std::io::Write;
use std::net::IpAddr;
use std::num::NonZeroU64;

use super::Colour;
use crate::alert::Alert;
use crate::message::AlertMessage;
pub(super) use crate::visible::{Visible, write_visible};

/// Appends text as [`Visible`] shows it.
pub(super) fn put_visible(text: &[u8], out: &mut Vec<u8>) {
    if text.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        out.extend_from_slice(text);
    } else {
        // Writing to a `Vec` can't fail.
        let _ = write!(out, "{}", Visible(text));
    }
}

/// The rule's message, or its numbers (`1:384:8`) if it has none: for formats with a mandatory name.
pub(super) fn rule_name(alert: &Alert) -> Cow<'_, [u8]> {
    let msg = alert.msg();
    if msg.is_empty() { rule_numbers(alert).into_bytes().into() } else { msg }
}

/// How many alerts a group stands for; `None` for a single one.
pub(super) fn group_count(alert: &Alert) -> Option<NonZeroU64> {
    alert.count.filter(|count| count.get() > 1)
}

/// ` (12 alike)` for a group, and nothing for a single alert.
pub(super) struct Alike<'a>(pub(super) &'a Alert);

impl Display for Alike<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        group_count(self.0).map_or(Ok(()), |count| write!(f, " ({count} alike)"))
    }
}

/// Generator, signature id and revision: `1:384:8`.
pub(super) fn rule_numbers(alert: &Alert) -> String {
    let AlertMessage { sig_generator, sig_id, sig_rev, .. } = alert.message;
    format!("{sig_generator}:{sig_id}:{sig_rev}")
}

/// An address with its port: `10.0.0.1:80`, `[2001:db8::1]:80`, or the address alone.
pub(super) struct Endpoint(pub(super) IpAddr, pub(super) Option<u16>);

impl Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self(IpAddr::V6(ip), Some(port)) => write!(f, "[{ip}]:{port}"),
            Self(ip, Some(port)) => write!(f, "{ip}:{port}"),
            Self(ip, None) => write!(f, "{ip}"),
        }
    }
}

/// `SOURCE -> DESTINATION`; nothing where the addresses aren't known.
pub(super) struct Endpoints<'a>(pub(super) &'a Alert);

impl Display for Endpoints<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let packet = self.0.dissection();
        let (Some(src), Some(dst)) = (packet.src_ip(), packet.dst_ip()) else { return Ok(()) };
        write!(f, "{} -> {}", Endpoint(src, packet.src_port()), Endpoint(dst, packet.dst_port()))
    }
}

/// `[Classification: …] [Priority: …] [AppID: …]`, as far as known.
pub(super) struct Tags<'a>(pub(super) &'a Alert, pub(super) Colour);

impl Display for Tags<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(alert, colour) = *self;
        let class = alert.class().map(|class| class.description.as_bytes());
        if let Some(description) = class.filter(|description| !description.is_empty()) {
            write!(f, "[Classification: {}] ", Visible(description))?;
        }
        if alert.has_whole_event() {
            let priority = alert.message.priority;
            let (on, off) = Paint::severity(priority).codes(colour);
            write!(f, "{on}[Priority: {priority}]{off} ")?;
        }
        if let Some(name) = &alert.message.app_name {
            write!(f, "[AppID: {}] ", Visible(name.as_bytes()))?;
        }
        if alert.untrusted { f.write_str("[Untrusted: event may be forged] ") } else { Ok(()) }
    }
}

/// The kind of a part of a line, for its colour.
#[derive(Clone, Copy)]
pub(super) enum Paint {
    Dim,
    Bold,
    Severe,
    Warning,
    Notice,
    Address,
    Plain,
}

impl Paint {
    /// 1 is the most severe, 0 is none.
    pub(super) fn severity(priority: u32) -> Self {
        match priority {
            1 => Self::Severe,
            2 => Self::Warning,
            3 => Self::Notice,
            _ => Self::Plain,
        }
    }

    /// The escape sequences before and after.
    pub(super) fn codes(self, colour: Colour) -> (&'static str, &'static str) {
        let on = match (colour, self) {
            (Colour::Never, _) | (_, Self::Plain) => return ("", ""),
            (_, Self::Dim) => "\x1b[2m",
            (_, Self::Bold) => "\x1b[1m",
            (_, Self::Severe) => "\x1b[1;31m",
            (_, Self::Warning) => "\x1b[33m",
            (_, Self::Notice) => "\x1b[32m",
            (_, Self::Address) => "\x1b[36m",
        };
        (on, "\x1b[0m")
    }
}
