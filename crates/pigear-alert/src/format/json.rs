//! One JSON object an alert.

use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::ser::Formatter;

use super::Format;
use super::text::is_unsafe;
use crate::alert::Alert;
use crate::packet::IpProtocol;

/// One JSON object an alert, on one line.
///
/// First the twenty fields of an [`AlertMessage`](crate::AlertMessage) under their names, `pkt` in
/// base64; then what is known besides. A field that isn't known is absent. The schema is
/// `docs/alert.schema.json`. As safe on a terminal as the formats for people: characters that could
/// steer one are escaped.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl Format for Json {
    fn write(&self, alert: &Alert, out: &mut Vec<u8>) {
        let mut serializer = serde_json::Serializer::with_formatter(&mut *out, TerminalSafe);
        // Writing to a `Vec` can't fail, and all keys are strings.
        let _ = Object(alert).serialize(&mut serializer);
        out.push(b'\n');
    }
}

/// Compact JSON that also escapes what JSON itself would let through: DEL, the control characters
/// above ASCII, and those that turn the direction of writing.
struct TerminalSafe;

impl Formatter for TerminalSafe {
    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        const DEL: u8 = 0x7f;
        // The greatest byte is found faster than the first that is great.
        if fragment.bytes().max() < Some(DEL) {
            return writer.write_all(fragment.as_bytes());
        }
        for piece in fragment.split_inclusive(is_unsafe) {
            let safe = piece.strip_suffix(is_unsafe).unwrap_or(piece);
            writer.write_all(safe.as_bytes())?;
            if let Some(letter) = piece.strip_prefix(safe).and_then(|rest| rest.chars().next()) {
                write!(writer, "\\u{:04x}", u32::from(letter))?;
            }
        }
        Ok(())
    }
}

/// Fields of [`AlertMessage`](crate::AlertMessage) that a dialect with half an event doesn't send.
const NOT_SENT: [&str; 3] = ["priority", "event_id", "event_reference"];

struct Object<'a>(&'a Alert);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let mut fields = Fields { map: &mut map, alert: self.0 };
        fields.said()?;
        fields.times()?;
        fields.packet()?;
        fields.names()?;
        fields.origin()?;
        fields.caveats()?;
        map.end()
    }
}

struct Fields<'a, M> {
    map: &'a mut M,
    alert: &'a Alert,
}

impl<M: SerializeMap> Fields<'_, M> {
    fn put(&mut self, name: &str, value: &(impl Serialize + ?Sized)) -> Result<(), M::Error> {
        self.map.serialize_entry(name, value)
    }

    fn put_known(&mut self, name: &str, value: Option<impl Serialize>) -> Result<(), M::Error> {
        value.map_or(Ok(()), |value| self.put(name, &value))
    }

    fn put_shown(&mut self, name: &str, value: Option<impl ToString>) -> Result<(), M::Error> {
        self.put_known(name, value.map(|value| value.to_string()))
    }

    fn said(&mut self) -> Result<(), M::Error> {
        let message = &self.alert.message;
        self.put("msg", &String::from_utf8_lossy(&self.alert.msg()))?;
        self.put("ts_sec", &message.ts_sec)?;
        self.put("ts_usec", &message.ts_usec)?;
        self.put("caplen", &message.caplen)?;
        self.put("pktlen", &message.pktlen)?;
        self.put("dlthdr", &message.dlthdr)?;
        self.put("nethdr", &message.nethdr)?;
        self.put("transhdr", &message.transhdr)?;
        self.put("data", &message.data)?;
        self.put("val", &message.val)?;
        self.put("pkt", &BASE64.encode(&message.pkt))?;
        self.put("sig_generator", &message.sig_generator)?;
        self.put("sig_id", &message.sig_id)?;
        self.put("sig_rev", &message.sig_rev)?;
        self.put("classification", &message.classification)?;
        self.put("priority", &message.priority)?;
        self.put("event_id", &message.event_id)?;
        self.put("event_reference", &message.event_reference)?;
        self.put("tv_sec", &message.tv_sec)?;
        self.put("tv_usec", &message.tv_usec)
    }

    fn times(&mut self) -> Result<(), M::Error> {
        self.put("timestamp", &format_args!("{:.6}", self.alert.timestamp()))?;
        self.put("received", &format_args!("{:.6}", self.alert.received))
    }

    fn packet(&mut self) -> Result<(), M::Error> {
        let packet = self.alert.dissection();
        self.put_known("src_ip", packet.src_ip())?;
        self.put_known("src_port", packet.src_port())?;
        self.put_known("dst_ip", packet.dst_ip())?;
        self.put_known("dst_port", packet.dst_port())?;
        self.put_known("proto", packet.protocol().map(Protocol))?;
        let vlans: Vec<u16> = packet.vlans().collect();
        self.put_known("vlan", Some(vlans).filter(|vlans| !vlans.is_empty()))
    }

    fn names(&mut self) -> Result<(), M::Error> {
        let class = self.alert.class();
        self.put_known("class", class.map(|class| &class.name))?;
        let description = class.map(|class| &class.description);
        self.put_known("class_description", description.filter(|text| !text.is_empty()))?;
        let references: Vec<String> = self.alert.references().collect();
        self.put_known("references", Some(references).filter(|urls| !urls.is_empty()))?;
        self.put_shown("app_name", self.alert.message.app_name)
    }

    fn origin(&mut self) -> Result<(), M::Error> {
        let origin = &*self.alert.origin;
        self.put_known("sensor", origin.sensor.as_ref())?;
        self.put_known("socket", origin.socket.as_ref().map(|path| path.to_string_lossy()))?;
        self.put_known("thread", origin.thread)?;
        self.put_known("sender", self.alert.sender)?;
        self.put("dialect", self.alert.dialect.name())
    }

    fn caveats(&mut self) -> Result<(), M::Error> {
        if self.alert.untrusted {
            self.put("untrusted", &true)?;
        }
        if !self.alert.dialect.sends_whole_event() {
            self.put("not_sent", &NOT_SENT)?;
        }
        let msg = self.alert.msg();
        let raw = str::from_utf8(&msg).is_err().then(|| BASE64.encode(&msg));
        self.put_known("msg_base64", raw)
    }
}

/// A protocol by its name, or else by its number.
struct Protocol(IpProtocol);

impl Serialize for Protocol {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.name() {
            Some(name) => serializer.serialize_str(name),
            None => serializer.serialize_u8(self.0.0),
        }
    }
}
