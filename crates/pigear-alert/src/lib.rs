//! What a Snort alert *is*: the datagrams of Snort's `alert_unixsock`, decoded, dissected, named and
//! formatted. No I/O, no threads, no `unsafe`.
//!
//! | you have | you want | take |
//! |---|---|---|
//! | a datagram | its fields | [`wire::Decoder::decode`] |
//! | fields | a datagram | [`wire::encode`] |
//! | a packet | its headers | [`packet::Dissector::dissect`] |
//! | a unified2 log | its events, packets and extra data | [`unified2::read`] |
//! | Snort's lists and maps | names for an alert's numbers | [`maps`] |
//! | all of these | one thing | [`Alert`] |
//! | an alert | a line of text or JSON | [`format`](mod@format) |
//!
//! ```
//! use std::sync::Arc;
//! use pigear_alert::format::{Fast, Format};
//! use pigear_alert::wire::{Decoder, Dialect, encode};
//! use pigear_alert::{Alert, AlertMessage};
//!
//! let mut message = AlertMessage::default();
//! message.msg = b"ICMP PING".as_slice().into();
//! (message.sig_generator, message.sig_id, message.sig_rev) = (1, 384, 8);
//! (message.classification, message.priority) = (29, 3);
//! let datagram = encode(&message, Dialect::Snort3); // as it comes from the socket
//!
//! let decoded = Decoder::default().decode(&datagram)?;
//! let alert = Alert::new(decoded, Arc::default(), Arc::default());
//! let mut line = Vec::new();
//! Fast::default().write(&alert, &mut line);
//! assert_eq!(String::from_utf8_lossy(&line), "1970-01-01T00:00:00.000000Z [**] [1:384:8] ICMP PING \
//!     [**] [Classification: Misc activity] [Priority: 3] {?}\n");
//! # Ok::<(), pigear_alert::wire::DecodeError>(())
//! ```

mod alert;
mod datagram;
pub mod format;
pub mod maps;
mod message;
pub mod packet;
pub mod plural;
pub mod triage;
pub mod unified2;
pub mod visible;
pub mod wire;

pub use alert::{Alert, Medium, Origin, Sender};
pub use datagram::Datagram;
pub use message::{AlertMessage, AppName};
