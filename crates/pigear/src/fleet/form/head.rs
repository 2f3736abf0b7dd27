//! The head of the binary form: what many alerts share, and the store keeps once.
//!
//! | bytes | what |
//! |---|---|
//! | varint | flags: the constants below |
//! | varints | generator, signature id, class, priority |
//! | bytes | the message as Snort sent it |
//! | | flagged `MESSAGE`: bytes of the whole message, which differs |
//! | | flagged `CLASS` and not `STOCK_CLASS`: bytes of its name, bytes of its description, varint of its priority |
//! | | flagged `REFERENCES`: varint of their number, and the bytes of each |
//! | 1 | the dialect, as its place among all, newest first; flagged `OWN`: it is none, Pigear itself made the alert |
//! | | flagged `SENSOR`: bytes of its name |
//! | | flagged `SOCKET` and not `USUAL_SOCKET`: bytes of its path |
//! | | flagged `THREAD`, `LINK_TYPE`, `COUNT`: a varint each |
//! | | flagged `SENDER`: varints of its process and user id |
//!
//! "Bytes" are a varint with their number, and then these.

use std::ffi::OsStr;
use std::num::NonZeroU64;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use pigear_alert::maps::{Class, Classes, Looked, Names};
use pigear_alert::packet::LinkType;
use pigear_alert::wire::{Decoded, Dialect};
use pigear_alert::{Alert, AlertMessage, Medium, Origin, Sender};

use crate::store::varint::{put, put_bytes, take, take_byte, take_bytes, take_u32};
use crate::store::{Provenance, Signature};

const MESSAGE: u64 = 1;
const CLASS: u64 = 1 << 1;
/// The class is the one of this number in the list that comes with Snort.
const STOCK_CLASS: u64 = 1 << 2;
const REFERENCES: u64 = 1 << 3;
const SENSOR: u64 = 1 << 4;
const SOCKET: u64 = 1 << 5;
/// The socket is [`USUAL`].
const USUAL_SOCKET: u64 = 1 << 6;
const SENDER: u64 = 1 << 7;
const THREAD: u64 = 1 << 8;
const LINK_TYPE: u64 = 1 << 9;
/// The alert stands for several.
const COUNT: u64 = 1 << 10;
/// It is one of Pigear's own. Older decoders don't know the flag, and take the dialect for that of a datagram.
const OWN: u64 = 1 << 11;

/// The socket of most sensors.
const USUAL: &str = "/var/log/snort/snort_alert";

/// Snort's own list. It is part of the form: a test holds that it doesn't change.
pub(super) static STOCK: LazyLock<Classes> = LazyLock::new(Classes::stock);

/// What the head says.
pub(super) struct Head {
    /// An alert with this origin and these names, without a record.
    pub(super) empty: Alert,
    pub(super) signature: Signature,
    pub(super) provenance: Provenance,
    pub(super) count: Option<NonZeroU64>,
}

pub(super) fn encode(alert: &Alert, out: &mut Vec<u8>) {
    let (message, origin) = (&alert.message, &*alert.origin);
    let whole = alert.msg();
    let class = alert.class();
    let references: Vec<_> = alert.references().collect();
    let is_stock = class.is_some() && class == STOCK.get(message.classification);
    let is_usual = origin.socket.as_deref() == Some(Path::new(USUAL));
    let flags = [
        (*whole != *message.msg, MESSAGE),
        (class.is_some(), CLASS),
        (is_stock, STOCK_CLASS),
        (!references.is_empty(), REFERENCES),
        (origin.sensor.is_some(), SENSOR),
        (origin.socket.is_some(), SOCKET),
        (is_usual, USUAL_SOCKET),
        (alert.sender.is_some(), SENDER),
        (origin.thread.is_some(), THREAD),
        (origin.link_type.is_some(), LINK_TYPE),
        (alert.count.is_some(), COUNT),
        (alert.medium == Medium::Own, OWN),
    ];
    let set = flags.into_iter().filter(|(holds, _)| *holds).map(|(_, flag)| flag);
    put(out, set.sum());
    put(out, message.sig_generator.into());
    put(out, message.sig_id.into());
    put(out, message.classification.into());
    put(out, message.priority.into());
    put_bytes(out, &message.msg);
    if *whole != *message.msg {
        put_bytes(out, &whole);
    }
    if let Some(class) = class.filter(|_| !is_stock) {
        put_bytes(out, class.name.as_bytes());
        put_bytes(out, class.description.as_bytes());
        put(out, class.priority.into());
    }
    if !references.is_empty() {
        put(out, references.len() as u64);
        for reference in &references {
            put_bytes(out, reference.as_bytes());
        }
    }
    let socket = origin.socket.as_deref().filter(|_| !is_usual);
    put_origin(alert, socket, out);
}

fn put_origin(alert: &Alert, socket: Option<&Path>, out: &mut Vec<u8>) {
    let origin = &*alert.origin;
    let dialect = Dialect::ALL.iter().position(|dialect| *dialect == alert.dialect);
    out.push(dialect.and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX));
    if let Some(sensor) = &origin.sensor {
        put_bytes(out, sensor.as_bytes());
    }
    if let Some(socket) = socket {
        put_bytes(out, socket.as_os_str().as_bytes());
    }
    let link_type = origin.link_type.map(|link_type| link_type.0.into());
    let numbers = [origin.thread.map(Into::into), link_type, alert.count.map(NonZeroU64::get)];
    for number in numbers.into_iter().flatten() {
        put(out, number);
    }
    if let Some(Sender { pid, uid }) = alert.sender {
        put(out, pid.cast_unsigned().into());
        put(out, uid.into());
    }
}

/// `None` if the bytes are invalid.
pub(super) fn decode(mut bytes: &[u8]) -> Option<Head> {
    let from = &mut bytes;
    let flags = take(from)?;
    let has = |flag| flags & flag != 0;
    let numbers = [take_u32(from)?, take_u32(from)?, take_u32(from)?, take_u32(from)?];
    let sent = take_bytes(from)?;
    let message = if has(MESSAGE) { take_bytes(from)? } else { sent };
    let class = match (has(CLASS), has(STOCK_CLASS)) {
        (false, _) => None,
        (true, true) => Some(STOCK.get(numbers[2])?.clone()),
        (true, false) => Some(take_class(from)?),
    };
    let mut references = Vec::new();
    if has(REFERENCES) {
        for _ in 0..take(from)? {
            references.push(take_text(from)?.to_owned());
        }
    }
    let names = Names::from(Looked { message: message.into(), class, references });
    let dialect = *Dialect::ALL.get(usize::from(take_byte(from)?))?;
    let dialect = Some(dialect).filter(|_| !has(OWN));
    let sensor = if has(SENSOR) { Some(take_text(from)?.to_owned()) } else { None };
    let socket = match (has(SOCKET), has(USUAL_SOCKET)) {
        (false, _) => None,
        (true, true) => Some(USUAL.into()),
        (true, false) => Some(OsStr::from_bytes(take_bytes(from)?).into()),
    };
    let thread = if has(THREAD) { Some(take_u32(from)?) } else { None };
    let link_type =
        if has(LINK_TYPE) { Some(LinkType(take(from)?.try_into().ok()?)) } else { None };
    let count = if has(COUNT) { NonZeroU64::new(take(from)?) } else { None };
    let sender = if has(SENDER) {
        Some(Sender { pid: take_u32(from)?.cast_signed(), uid: take_u32(from)? })
    } else {
        None
    };
    let origin = Arc::new(Origin { sensor, socket, thread, link_type });
    let signature = Signature::new(numbers, sent, names);
    let decoded = Decoded::new(AlertMessage::default(), dialect.unwrap_or(Dialect::Snort3));
    Some(Head {
        empty: Alert::new(decoded, Arc::clone(&origin), Arc::clone(&signature.names)),
        signature,
        provenance: Provenance { origin, sender, dialect },
        count,
    })
}

fn take_class(from: &mut &[u8]) -> Option<Class> {
    Some(Class {
        name: take_text(from)?.into(),
        description: take_text(from)?.into(),
        priority: take_u32(from)?,
    })
}

fn take_text<'a>(from: &mut &'a [u8]) -> Option<&'a str> {
    str::from_utf8(take_bytes(from)?).ok()
}
