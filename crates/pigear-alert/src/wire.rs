//! The datagrams of `alert_unixsock`, of every Snort from 2.2 to 3.
//!
//! Snort copies a C struct (`Alertpkt`) into one datagram an alert: always of the struct's full
//! size, in host byte order, with the compiler's padding, and without a magic number, a version or
//! a length. What tells the layouts apart is the datagram's length; each [`Dialect`] is a layout
//! together with the habits of the Snort that sends it.
//!
//! | bytes | dialect | sent by |
//! |---|---|---|
//! | 65864 | `snort3` | Snort 3; known by the quotes around its message |
//! | 65864 | `snort2.9` | Snort 2.9 without `OpenAppID` |
//! | 65928 | `snort2.9-appid` | Snort 2.9.8 to 2.9.20 with `OpenAppID` |
//! | 65880 | `snort2.9.7-appid` | Snort 2.9.7 with `OpenAppID` |
//! | 1856 | `snort2.7` | Snort 2.7 to 2.8.5, 64-bit |
//! | 1864 | `snort2.2` | Snort 2.2 to 2.3.3, 64-bit |
//! | 1844 | `snort2-32bit` | Snort 2.2 to 2.8.5, 32-bit |
//! | 1856 | `barnyard2` | barnyard2, 64-bit; never guessed |
//! | 1844 | `barnyard2-32bit` | barnyard2, 32-bit; never guessed |
//!
//! Where a Snort sends wrong data, the [`Decoder`] corrects it from other fields of the same datagram:
//!
//! * Snort 3 quotes the message: the quotes are removed.
//! * Snort's captured length may exceed what it copied: the packet is truncated to what arrived. In
//!   Snort 3 a packet above 65,535 bytes overwrites the event behind it, so that its sender chooses the
//!   signature: the alert is marked [`untrusted`](Decoded::untrusted).
//! * Snort 2.9.0 to 2.9.7 on 64-bit machines send a shifted packet header: the microseconds in the
//!   captured length, and the lengths nowhere, or where the offsets belong. Time and lengths are
//!   put in their places, the lengths taken from the packet itself if need be.
//! * Snort 2.9.7 with `OpenAppID` fills only the first four fields of the event: the reference time
//!   is the packet's, as in every Snort 2.9; for the rest see [`Dialect::sends_whole_event`].
//!
//! ```
//! use pigear_alert::wire::{Decoder, Dialect, encode};
//! # use pigear_alert::AlertMessage;
//! # let mut message = AlertMessage::default();
//! # message.msg = b"ICMP PING".as_slice().into();
//! let datagram = encode(&message, Dialect::Snort3);
//! let decoded = Decoder::default().decode(&datagram)?;
//! assert_eq!(decoded.dialect, Dialect::Snort3);
//! assert_eq!(&*decoded.message.msg, b"ICMP PING");
//! # Ok::<(), pigear_alert::wire::DecodeError>(())
//! ```

mod dialect;
mod encode;
mod layout;
mod mend;
#[cfg(test)]
mod tests;
mod text;

pub use dialect::{Dialect, UnknownDialect};
pub use encode::encode;

use crate::message::{AlertMessage, AppName, carried};
use crate::packet::LinkType;
use crate::plural;
use layout::{Event, PacketHeader, Record};

/// Size of the longest alert datagram, in bytes. A receive buffer should have one byte more at
/// least, so that something longer is told from an alert.
pub const MAX_LEN: usize = 65_928;

/// What Snort fills of its 64 bytes for the application's name; behind it may be stale bytes.
const APP_NAME_SENT: usize = 28;

/// Decodes alert datagrams.
#[derive(Clone, Copy, Debug, Default)]
pub struct Decoder {
    /// Decodes every datagram as this dialect, instead of detecting it by its length. Needed for
    /// barnyard2, whose datagrams are as long as those of old Snorts.
    pub dialect: Option<Dialect>,
    /// The link type of the packets; `None` to detect it. It helps to correct lengths.
    pub link_type: Option<LinkType>,
}

/// A decoded datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decoded {
    /// Snort's message, corrected where Snort sent wrong data.
    pub message: AlertMessage,
    /// The dialect that it was decoded as.
    pub dialect: Dialect,
    /// The packet was too long for Snort 3's struct and overwrote the event's fields: the sender of the
    /// packet may have chosen generator, signature and everything behind them.
    pub untrusted: bool,
}

impl Decoded {
    /// A message that needs no decoding, such as that of a stored alert.
    #[must_use]
    pub fn new(message: AlertMessage, dialect: Dialect) -> Self {
        Self { message, dialect, untrusted: false }
    }
}

/// Why a datagram is not an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// No dialect has datagrams of this length.
    #[error(
        "datagram has {}, but an alert has 65864, 65880 or 65928 (Snort 2.9 and 3), \
         or 1844, 1856 or 1864 (older)",
        plural::count(*actual, "byte")
    )]
    UnknownLength {
        /// The datagram's length, in bytes.
        actual: usize,
    },
    /// The configured dialect has datagrams of another length.
    #[error("datagram has {}, but an alert of {dialect} has {needed}", plural::count(*actual, "byte"))]
    WrongLength {
        /// The configured dialect.
        dialect: Dialect,
        /// The datagram's length, in bytes.
        actual: usize,
        /// The length of the dialect's datagrams, in bytes.
        needed: usize,
    },
    /// The message fills its 256 bytes without a NUL at the end, which Snort never sends.
    #[error("datagram is not an alert: its message is not terminated within 256 bytes")]
    UnterminatedMessage,
}

impl Decoder {
    /// Decodes one datagram.
    ///
    /// Allocates for the message and the packet only.
    ///
    /// # Errors
    /// If the datagram doesn't have the length of an alert, or has values that no alert has. The dialects
    /// have no checksum: another datagram of the right length may pass for an alert.
    pub fn decode(&self, datagram: &[u8]) -> Result<Decoded, DecodeError> {
        let dialect = self.choose(datagram)?;
        let record = Record::new(datagram, dialect.layout());
        let text = text::unquoted(record.text().ok_or(DecodeError::UnterminatedMessage)?, dialect);
        let sent = record.event();
        let claimed = record.packet_header();
        let area = record.packet_area();
        let header = mend::packet_header(claimed, &sent, area, dialect, self.link_type);
        let event = mend::event(sent, &header, dialect);
        let pkt = area.get(..header.caplen as usize).unwrap_or(area);
        let mut message = assemble(text, &header, pkt, &event);
        message.app_name = record.app_name().and_then(app_name);
        let untrusted = dialect.is_snort3() && claimed.caplen as usize > area.len();
        Ok(Decoded { message, dialect, untrusted })
    }

    fn choose(self, datagram: &[u8]) -> Result<Dialect, DecodeError> {
        let actual = datagram.len();
        let Some(dialect) = self.dialect else {
            let dialect =
                Dialect::of_length(actual).ok_or(DecodeError::UnknownLength { actual })?;
            let quoted = dialect == Dialect::Snort29 && text::is_quoted(datagram);
            return Ok(if quoted { Dialect::Snort3 } else { dialect });
        };
        let needed = dialect.datagram_len();
        if actual == needed {
            Ok(dialect)
        } else {
            Err(DecodeError::WrongLength { dialect, actual, needed })
        }
    }
}

fn app_name(field: &[u8]) -> Option<AppName> {
    AppName::new(field.get(..APP_NAME_SENT).unwrap_or(field))
}

fn assemble(text: &[u8], header: &PacketHeader, pkt: &[u8], event: &Event) -> AlertMessage {
    // A damaged capture may have a million microseconds or more.
    let (ts_sec, ts_usec) = carried(header.ts_sec, header.ts_usec);
    AlertMessage {
        msg: text.into(),
        ts_sec,
        ts_usec,
        caplen: header.caplen,
        pktlen: header.len,
        dlthdr: header.dlthdr,
        nethdr: header.nethdr,
        transhdr: header.transhdr,
        data: header.data,
        val: header.val,
        pkt: pkt.into(),
        sig_generator: event.sig_generator,
        sig_id: event.sig_id,
        sig_rev: event.sig_rev,
        classification: event.classification,
        priority: event.priority,
        event_id: event.event_id,
        event_reference: event.event_reference,
        tv_sec: event.tv_sec,
        tv_usec: event.tv_usec,
        app_name: None,
    }
}
