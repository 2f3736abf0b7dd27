//! The data from Snort's log, as bytes: each number as its difference from the message's, which is usually
//! zero.

use std::net::IpAddr;

use pigear_alert::packet::{IpProtocol, LinkType};
use pigear_alert::unified2::{Event, Extra, InfoType, Logged, LoggedPacket, Verdict};
use pigear_alert::{AlertMessage, AppName};

use super::varint::{
    put, put_bytes, put_difference, take, take_byte, take_bytes, take_difference, take_u32,
};

/// By the number that is stored.
const VERDICTS: [Verdict; 5] =
    [Verdict::Allowed, Verdict::Blocked, Verdict::WouldBlock, Verdict::CannotBlock, Verdict::Held];

const SNORT3: u8 = 0x80;

pub(super) fn encode(log: &Logged, message: &AlertMessage, out: &mut Vec<u8>) {
    let event = &log.event;
    let verdict = VERDICTS.iter().position(|verdict| *verdict == event.verdict);
    let verdict = u8::try_from(verdict.unwrap_or_default()).unwrap_or_default();
    out.push(verdict | if event.is_snort3 { SNORT3 } else { 0 });
    put(out, event.key.sensor_id.into());
    put_difference(out, event.key.event_id, message.event_id);
    put_difference(out, event.key.second, message.ts_sec);
    put_difference(out, event.microsecond, message.ts_usec);
    put_difference(out, event.generator, message.sig_generator);
    put_difference(out, event.signature, message.sig_id);
    put_difference(out, event.revision, message.sig_rev);
    put_difference(out, event.classification, message.classification);
    put_difference(out, event.priority, message.priority);
    let (source, destination) = event.addresses.unzip();
    put_address(out, source);
    put_address(out, destination);
    put(out, event.source_port.into());
    put(out, event.destination_port.into());
    put_option(out, event.protocol.map(|protocol| protocol.0.into()));
    put_option(out, event.mpls_label);
    put_option(out, event.vlan.map(Into::into));
    put_bytes(out, event.app_name.as_ref().map_or(&[], AppName::as_bytes));
    put_option(out, log.link_type.map(|link_type| link_type.0.into()));
    put(out, log.packets.len() as u64);
    for packet in &log.packets {
        put_difference(out, packet.second, message.ts_sec);
        put(out, packet.microsecond.into());
        put_bytes(out, &packet.data);
    }
    put(out, log.inspected.len() as u64);
    log.inspected.iter().for_each(|data| put_bytes(out, data));
    put(out, log.extra.len() as u64);
    for extra in &log.extra {
        put(out, extra.info.0.into());
        put_bytes(out, &extra.data);
    }
    put(out, log.left_out as u64);
}

/// `None` if the bytes are invalid.
pub(super) fn decode(mut bytes: &[u8], message: &AlertMessage) -> Option<Logged> {
    let from = &mut bytes;
    let mut log = Logged::default();
    log.event = event(from, message)?;
    log.link_type = take_option(from)?.map(u16::try_from).transpose().ok()?.map(LinkType);
    for _ in 0..take(from)? {
        log.packets.push(LoggedPacket {
            second: take_difference(from, message.ts_sec)?,
            microsecond: take_u32(from)?,
            data: take_bytes(from)?.into(),
        });
    }
    for _ in 0..take(from)? {
        log.inspected.push(take_bytes(from)?.into());
    }
    for _ in 0..take(from)? {
        let info = InfoType(take_u32(from)?);
        log.extra.push(Extra { info, data: take_bytes(from)?.into() });
    }
    log.left_out = take(from)?.try_into().ok()?;
    Some(log)
}

fn event(from: &mut &[u8], message: &AlertMessage) -> Option<Event> {
    let mut event = Event::default();
    let first = take_byte(from)?;
    event.verdict = *VERDICTS.get(usize::from(first & !SNORT3))?;
    event.is_snort3 = first & SNORT3 != 0;
    event.key.sensor_id = take_u32(from)?;
    event.key.event_id = take_difference(from, message.event_id)?;
    event.key.second = take_difference(from, message.ts_sec)?;
    event.microsecond = take_difference(from, message.ts_usec)?;
    event.generator = take_difference(from, message.sig_generator)?;
    event.signature = take_difference(from, message.sig_id)?;
    event.revision = take_difference(from, message.sig_rev)?;
    event.classification = take_difference(from, message.classification)?;
    event.priority = take_difference(from, message.priority)?;
    let (source, destination) = (take_address(from)?, take_address(from)?);
    event.addresses = source.zip(destination);
    event.source_port = take_u32(from)?.try_into().ok()?;
    event.destination_port = take_u32(from)?.try_into().ok()?;
    event.protocol = take_option(from)?.map(u8::try_from).transpose().ok()?.map(IpProtocol);
    event.mpls_label = take_option(from)?;
    event.vlan = take_option(from)?.map(u16::try_from).transpose().ok()?;
    event.app_name = AppName::new(take_bytes(from)?);
    Some(event)
}

/// 0 stands for none, and `n + 1` for `n`.
fn put_option(out: &mut Vec<u8>, number: Option<u32>) {
    put(out, number.map_or(0, |number| u64::from(number) + 1));
}

#[expect(clippy::option_option, reason = "none within is a number that is not there")]
fn take_option(from: &mut &[u8]) -> Option<Option<u32>> {
    take(from)?.checked_sub(1).map(u32::try_from).transpose().ok()
}

fn put_address(out: &mut Vec<u8>, address: Option<IpAddr>) {
    match address {
        None => put_bytes(out, &[]),
        Some(IpAddr::V4(ip)) => put_bytes(out, &ip.octets()),
        Some(IpAddr::V6(ip)) => put_bytes(out, &ip.octets()),
    }
}

#[expect(clippy::option_option, reason = "none within is an address that is not there")]
fn take_address(from: &mut &[u8]) -> Option<Option<IpAddr>> {
    let bytes = take_bytes(from)?;
    if bytes.is_empty() {
        return Some(None);
    }
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok().map(Some)
}
