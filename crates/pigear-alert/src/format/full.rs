//! A paragraph an alert, as Snort's `alert_full` writes it.

use std::fmt::{self, Display};
use std::io::Write;

use super::fast::Title;
use super::headers::Headers;
use super::text::{Alike, Endpoints, Tags, Visible};
use super::{Colour, Contents, Format, hexdump};
use crate::alert::Alert;
use crate::triage::{Comment, Mark, Triage};

/// A paragraph an alert, as Snort's `alert_full` writes it, with a hexdump of the packet. Ends with
/// an empty line:
///
/// ```text
/// [**] [1:384:8] ICMP PING [**]
/// [Classification: Misc activity] [Priority: 3]
/// 2026-11-18T16:27:50.083506Z 10.0.0.1 -> 10.0.0.2
/// ICMP TTL:64 TOS:0x0 ID:7 IpLen:20 DgmLen:84 DF
/// Type:8  Code:0  ID:1   Seq:1  ECHO
/// [Xref => https://www.cve.org/CVERecord?id=CVE-2000-0884]
/// 0000  02 00 00 00 00 01 02 00  00 00 00 02 08 00 45 00  ..............E.
/// …
/// ```
///
/// What people said about an alert of a store stands before the references, a line in brackets each.
///
/// Unlike Snort's, it has the hexdump, the lines of `ICMPv6`, and lines that tell where dissection
/// stopped, and if it differs from what Snort states. It lacks IP's options, the outer header of a tunnel, and the packet that an ICMP error quotes;
/// the hexdump shows them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Full {
    /// Whether to use the colours of a terminal.
    pub colour: Colour,
    /// How much of the packet to write.
    pub contents: Contents,
}

impl Format for Full {
    fn write(&self, alert: &Alert, out: &mut Vec<u8>) {
        // Writing to a `Vec` can't fail.
        let _ = write!(out, "{}", Paragraph(alert, self.colour));
        if alert.message.has_packet()
            && let Some(packet) = self.contents.of_packet(&alert.message.pkt)
        {
            hexdump(packet, out);
        }
        out.push(b'\n');
    }
}

struct Paragraph<'a>(&'a Alert, Colour);

/// What people said about an alert, a line each, with control characters escaped.
impl Display for Triage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { acknowledged, starred, comments } = self;
        for (what, mark) in [("Acknowledged", acknowledged), ("Starred", starred)] {
            if let Some(Mark { at, by }) = mark {
                writeln!(f, "[{what} by {} at {at:.0}]", Visible(by.as_bytes()))?;
            }
        }
        for Comment { at, by, text, .. } in comments {
            let (by, text) = (Visible(by.as_bytes()), Visible(text.as_bytes()));
            writeln!(f, "[Comment by {by} at {at:.0}: {text}]")?;
        }
        Ok(())
    }
}

impl Display for Paragraph<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(alert, colour) = *self;
        writeln!(f, "{}", Title(alert, colour))?;
        let tags = Tags(alert, colour).to_string();
        if !tags.is_empty() {
            writeln!(f, "{}", tags.trim_end())?;
        }
        let endpoints = Endpoints(alert).to_string();
        let space = if endpoints.is_empty() { "" } else { " " };
        writeln!(f, "{:.6}{space}{endpoints}{}", alert.timestamp(), Alike(alert))?;
        write!(f, "{}", Headers(alert))?;
        let stopped = alert.dissection().stopped.filter(|_| alert.message.has_packet());
        if let Some(stop) = stopped {
            writeln!(f, "[Packet not read to its end: {stop}]")?;
        }
        if let Some(difference) = alert.dissection().difference() {
            writeln!(f, "[{difference}]")?;
        }
        if let Some(triage) = alert.triage.as_deref() {
            write!(f, "{triage}")?;
        }
        let mut references = alert.references().peekable();
        let end = if references.peek().is_some() { "\n" } else { "" };
        references.try_for_each(|url| write!(f, "[Xref => {}]", Visible(url.as_bytes())))?;
        f.write_str(end)
    }
}
