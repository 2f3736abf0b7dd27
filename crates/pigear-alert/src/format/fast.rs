//! One line an alert, as Snort's `alert_fast` writes it.

use std::fmt::{self, Display};
use std::io::Write;

use super::text::{Alike, Endpoints, Paint, Tags, Visible};
use super::{Colour, Format};
use crate::alert::Alert;
use crate::message::AlertMessage;

/// One line an alert, as Snort's `alert_fast` writes it, but always with the year, in UTC:
///
/// ```text
/// 2026-11-18T16:27:50.083506Z [**] [1:384:8] ICMP PING [**] [Classification: Misc activity] [Priority: 3] {ICMP} 10.0.0.1 -> 10.0.0.2
/// ```
///
/// Where the addresses aren't known, they are `{?}`. The line of a group ends with ` (12 alike)`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fast {
    /// Whether to use the colours of a terminal.
    pub colour: Colour,
}

impl Format for Fast {
    fn write(&self, alert: &Alert, out: &mut Vec<u8>) {
        // Writing to a `Vec` can't fail.
        let _ = writeln!(out, "{}", Line(alert, self.colour));
    }
}

struct Line<'a>(&'a Alert, Colour);

impl Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(alert, colour) = *self;
        let (dim, end) = Paint::Dim.codes(colour);
        write!(f, "{dim}{:.6}{end} {} ", alert.timestamp(), Title(alert, colour))?;
        Tags(alert, colour).fmt(f)?;
        let (on, off) = Paint::Address.codes(colour);
        match alert.protocol() {
            Some(protocol) => {
                write!(f, "{{{protocol}}} {on}{}{off}", Endpoints(alert))?;
            }
            None => f.write_str("{?}")?,
        }
        Alike(alert).fmt(f)
    }
}

/// `[**] [1:384:8] ICMP PING [**]`
pub(super) struct Title<'a>(pub(super) &'a Alert, pub(super) Colour);

impl Display for Title<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(alert, colour) = *self;
        let AlertMessage { sig_generator, sig_id, sig_rev, .. } = alert.message;
        write!(f, "[**] [{sig_generator}:{sig_id}:{sig_rev}] ")?;
        let msg = alert.msg();
        if !msg.is_empty() {
            let (bold, end) = Paint::Bold.codes(colour);
            write!(f, "{bold}{}{end} ", Visible(&msg))?;
        }
        f.write_str("[**]")
    }
}
