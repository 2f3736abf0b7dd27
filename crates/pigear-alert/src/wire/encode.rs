//! Writing alert datagrams, for tests and for players.

use super::dialect::Dialect;
use super::layout::{Draft, Event, PacketHeader};
use crate::message::AlertMessage;

/// Lays out a message as the given dialect does: quoted for Snort 3, and cut where the dialect's
/// fields end (255 bytes of message, 65,535 or 1,514 of the packet).
///
/// The result is well-formed: the dialects' defects (shifted packet headers, overrun events) are
/// not imitated. [`Dialect::Snort297AppId`] leaves out what that Snort leaves out.
#[must_use]
pub fn encode(message: &AlertMessage, dialect: Dialect) -> Vec<u8> {
    let mut draft = Draft::new(dialect.layout());
    if dialect.is_snort3() {
        draft.put_text(&[b"\"", &*message.msg, b"\""].concat());
    } else {
        draft.put_text(&message.msg);
    }
    draft.put_packet_header(&packet_header(message));
    draft.put_packet(&message.pkt);
    draft.put_event(&event(message, dialect));
    if let Some(name) = &message.app_name {
        draft.put_app_name(name.as_bytes());
    }
    draft.into_bytes()
}

fn packet_header(message: &AlertMessage) -> PacketHeader {
    PacketHeader {
        ts_sec: message.ts_sec,
        ts_usec: message.ts_usec,
        caplen: message.caplen,
        len: message.pktlen,
        dlthdr: message.dlthdr,
        nethdr: message.nethdr,
        transhdr: message.transhdr,
        data: message.data,
        val: message.val,
    }
}

fn event(message: &AlertMessage, dialect: Dialect) -> Event {
    let sent = Event {
        sig_generator: message.sig_generator,
        sig_id: message.sig_id,
        sig_rev: message.sig_rev,
        classification: message.classification,
        ..Event::default()
    };
    if !dialect.sends_whole_event() {
        return sent;
    }
    Event {
        priority: message.priority,
        event_id: message.event_id,
        event_reference: message.event_reference,
        tv_sec: message.tv_sec,
        tv_usec: message.tv_usec,
        ..sent
    }
}
