//! Values of the fields of `alert_csv` and `alert_json`.

use std::borrow::Cow;
use std::io::Write;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::tz::TimeZone;

use super::subject::{Subject, put_address, put_number};
use crate::format::text::put_visible;

/// The value of a field.
pub(super) enum Value<'a> {
    /// It isn't known, or the packet has none.
    Absent,
    Number(u64),
    /// Hexadecimal in a file of CSV, a number in JSON.
    Hexadecimal(u64),
    Plain(Plain<'a>),
    /// The rule's message.
    Msg(Cow<'a, [u8]>),
    /// Text from a configuration file.
    Text(&'a str),
}

/// Text of letters, digits and marks that need no escape.
pub(super) enum Plain<'a> {
    Time,
    /// `1:384:8`
    Rule,
    Word(&'static str),
    Address(IpAddr),
    /// An address and a port, as `10.0.0.1:80`, or `:0` where there is none.
    AddressPort(Option<IpAddr>, u16),
    /// A byte in hexadecimal always has two digits.
    Mac([u8; 6]),
    /// As the oldest Snorts write it: `2:0:5E:10:0:A`.
    ShortMac([u8; 6]),
    /// `0x800`
    Hexadecimal(u64),
    /// TCP's flags: `***AP***`.
    Flags(u8),
    Base64(&'a [u8]),
}

impl<'a> Value<'a> {
    pub(super) fn number(number: Option<impl Into<u64>>) -> Self {
        number.map_or(Self::Absent, |number| Self::Number(number.into()))
    }

    pub(super) fn plain(text: Option<Plain<'a>>) -> Self {
        text.map_or(Self::Absent, Self::Plain)
    }
}

impl Plain<'_> {
    pub(super) fn put(&self, subject: &Subject<'_>, zone: &TimeZone, out: &mut Vec<u8>) {
        // Writing to a `Vec` can't fail.
        let _ = match *self {
            Self::Time => return subject.put_time(zone, out),
            Self::Rule => return subject.put_rule(out),
            Self::Word(word) => return out.extend_from_slice(word.as_bytes()),
            Self::Address(address) => return put_address(address, out),
            Self::AddressPort(address, port) => {
                if let Some(address) = address {
                    put_address(address, out);
                }
                out.push(b':');
                return put_number(port.into(), out);
            }
            Self::Mac(bytes) => return put_mac(bytes, 2, out),
            Self::ShortMac(bytes) => return put_mac(bytes, 1, out),
            Self::Hexadecimal(number) => write!(out, "{number:#X}"),
            Self::Flags(flags) => write!(out, "{}", crate::format::tcp::Flags(flags)),
            Self::Base64(bytes) => return put_base64(bytes, out),
        };
    }
}

fn put_mac(bytes: [u8; 6], digits: usize, out: &mut Vec<u8>) {
    for (n, byte) in bytes.into_iter().enumerate() {
        if n > 0 {
            out.push(b':');
        }
        // Writing to a `Vec` can't fail.
        let _ = write!(out, "{byte:0digits$X}");
    }
}

fn put_base64(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    // There is room for all.
    let _ = out.get_mut(start..).map(|room| BASE64.encode_slice(bytes, room));
}

/// A text in quotes; quotes and backslashes get a backslash before them, as in Snort 2.
pub(super) fn put_quoted(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    if text.contains(&b'"') || text.contains(&b'\\') {
        let mut escaped = Vec::with_capacity(text.len() + 8);
        for &byte in text {
            if matches!(byte, b'"' | b'\\') {
                escaped.push(b'\\');
            }
            escaped.push(byte);
        }
        put_visible(&escaped, out);
    } else {
        put_visible(text, out);
    }
    out.push(b'"');
}
