//! The fields of `msg` and `alert`.

use std::borrow::Cow;
use std::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use pigear_alert::packet::IpProtocol;
use pigear_alert::{Alert, Medium};
use rhai::{Dynamic, Engine, Map};

use super::caseless::Word;
use super::kind::{Kind, Words};
use super::layers;
use super::unknown::{Missing, note};

/// `msg` in a script: Snort's own fields.
#[derive(Clone, Debug)]
pub struct SnortMessage(pub Arc<Alert>);

/// `alert` in a script: all other fields.
#[derive(Clone, Debug)]
pub struct AlertFields(pub Arc<Alert>);

/// One field of `msg` or `alert`.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its description, in a line.
    pub about: &'static str,
    /// The kind of its values.
    pub(crate) kind: Kind,
    /// How its value is read.
    pub(super) read: Read,
}

/// How the value of a field is read from an alert. Scripts that run natively use the same functions as the
/// engine.
#[derive(Clone, Copy, Debug)]
pub(super) enum Read {
    Number(fn(&Alert) -> Option<i64>),
    Text(fn(&Alert) -> Option<Cow<'_, str>>),
    /// A text that is compared without case.
    Word(fn(&Alert) -> Option<Cow<'_, str>>),
    Address(fn(&Alert) -> Option<IpAddr>),
    Protocol(fn(&Alert) -> Option<IpProtocol>),
    Bytes(fn(&Alert) -> Option<&[u8]>),
    Truth(fn(&Alert) -> bool),
    /// A time, which scripts have as a text.
    Time(fn(&Alert) -> Timestamp),
    Other(fn(&Arc<Alert>) -> Dynamic),
}

impl Field {
    /// Its value; `()` if it isn't known.
    pub fn get(&self, alert: &Arc<Alert>) -> Dynamic {
        match self.read {
            Read::Number(read) => read(alert).map_or(Dynamic::UNIT, Dynamic::from_int),
            Read::Text(read) => shown(read(alert)),
            Read::Word(read) => word(read(alert).map(Cow::into_owned)),
            Read::Address(read) => shown(read(alert)),
            Read::Protocol(read) => read(alert).map_or(Dynamic::UNIT, |protocol| {
                protocol.name().map_or_else(|| number(protocol.0), |name| word(Some(name)))
            }),
            Read::Bytes(read) => {
                read(alert).map_or(Dynamic::UNIT, |bytes| Dynamic::from_blob(bytes.to_vec()))
            }
            Read::Truth(read) => read(alert).into(),
            Read::Time(read) => time_text(read(alert)).into(),
            Read::Other(read) => read(alert),
        }
    }
}

/// A time as scripts have it.
pub(super) fn time_text(time: Timestamp) -> String {
    format!("{time:.6}")
}

macro_rules! fields {
    ($($name:ident: $kind:expr, $about:literal $read:ident |$alert:ident| $get:expr;)*) => {
        &[$(Field {
            name: stringify!($name),
            about: $about,
            kind: $kind,
            read: Read::$read(|$alert| $get),
        }),*]
    };
}

/// What is known of the sender.
const SENDER: [&str; 2] = ["pid", "uid"];

/// The names of other data from Snort's log.
const EXTRA: [&str; 11] = [
    "xff",
    "gzip_data",
    "smtp_filename",
    "smtp_mail_from",
    "smtp_rcpt_to",
    "smtp_headers",
    "http_uri",
    "http_host",
    "ipv6_source",
    "ipv6_destination",
    "javascript",
];

/// The fields of `msg`, in the order of the datagram, and then optional ones.
pub const MSG: &[Field] = fields! {
    msg: Kind::Text, "the rule's message, whole where sid-msg.map has it" Text |a| Some(text(a.msg()));
    ts_sec: Kind::WIDE, "when the packet was seen: seconds since 1970" Number |a| Some(a.message.ts_sec.into());
    ts_usec: Kind::WIDE, "when the packet was seen: microseconds" Number |a| Some(a.message.ts_usec.into());
    caplen: Kind::WIDE, "bytes of the packet that are in pkt" Number |a| Some(a.message.caplen.into());
    pktlen: Kind::WIDE, "bytes of the packet on the wire" Number |a| Some(a.message.pktlen.into());
    dlthdr: Kind::WIDE, "where the link header begins in pkt" Number |a| Some(a.message.dlthdr.into());
    nethdr: Kind::WIDE, "where the innermost IP header begins in pkt" Number |a| Some(a.message.nethdr.into());
    transhdr: Kind::WIDE, "where the transport header begins in pkt" Number |a| Some(a.message.transhdr.into());
    data: Kind::WIDE, "where the payload begins in pkt" Number |a| Some(a.message.data.into());
    val: Kind::WIDE, "flags: 1 without packet, 2 without transport header" Number |a| Some(a.message.val.into());
    pkt: Kind::Bytes, "the packet, as bytes" Bytes |a| Some(&*a.message.pkt);
    sig_generator: Kind::WIDE, "generator: the part of Snort that raised the alert" Number |a| {
        Some(a.message.sig_generator.into())
    };
    sig_id: Kind::WIDE, "signature id: the rule" Number |a| Some(a.message.sig_id.into());
    sig_rev: Kind::WIDE, "revision of the rule" Number |a| Some(a.message.sig_rev.into());
    classification: Kind::WIDE, "class: a number in classification.config" Number |a| Some(a.message.classification.into());
    priority: Kind::WIDE, "priority: 1 is the most severe, 0 none" Number |a| whole(a, a.message.priority);
    event_id: Kind::WIDE, "number of the event" Number |a| whole(a, a.message.event_id);
    event_reference: Kind::WIDE, "number of the event that this one refers to" Number |a| {
        whole(a, a.message.event_reference)
    };
    tv_sec: Kind::WIDE, "when the event referred to happened: seconds" Number |a| Some(a.message.tv_sec.into());
    tv_usec: Kind::WIDE, "when the event referred to happened: microseconds" Number |a| Some(a.message.tv_usec.into());
    app_name: Kind::Text, "the application, where OpenAppID knows it" Text |a| {
        a.message.app_name.as_ref().map(|name| String::from_utf8_lossy(name.as_bytes()))
    };
};

/// The fields of `alert`, named as in JSON.
pub const ALERT: &[Field] = fields! {
    timestamp: Kind::Text, "when the packet was seen, UTC" Time |a| a.timestamp();
    received: Kind::Text, "when the alert was received, UTC" Text |a| Some(time_text(a.received).into());
    src_ip: Kind::Address, "source address" Address |a| a.src_ip();
    src_port: Kind::PORT, "source port (TCP, UDP, SCTP)" Number |a| known(a.src_port());
    dst_ip: Kind::Address, "destination address" Address |a| a.dst_ip();
    dst_port: Kind::PORT, "destination port (TCP, UDP, SCTP)" Number |a| known(a.dst_port());
    proto: Kind::Protocol, "\"TCP\", \"UDP\", \"ICMP\", \"ICMPv6\", \"SCTP\", …, or a number without name" Protocol |a| {
        a.protocol()
    };
    priority: Kind::Number { min: 1, max: u32::MAX as i64 }, "priority: 1 is the most severe; not known where Snort sends 0, or none" Number |a| {
        known(Some(a.message.priority).filter(|&priority| priority > 0 && a.has_whole_event()))
    };
    vlan: Kind::List(&Kind::PORT), "numbers of the VLANs, outermost first" Other |a| list(a.dissection().vlans().map(number));
    class: Kind::Word(Words::Class), "short name of the class" Word |a| a.class().map(|class| (*class.name).into());
    class_description: Kind::Text, "description of the class" Text |a| {
        a.class().map(|class| (*class.description).into())
    };
    references: Kind::List(&Kind::Text), "URLs that describe the subject" Other |a| list(a.references().map(Dynamic::from));
    layers: Kind::List(&Kind::Map), "the packet's headers, outermost first: maps with name, start, end and fields" Other |a| {
        list(layers::maps(a).into_iter().map(Dynamic::from_map))
    };
    payload: Kind::Bytes, "what the innermost IP packet carries, as bytes" Bytes |a| Some(a.ip_payload());
    sensor: Kind::Text, "the sensor's name" Text |a| a.origin.sensor.as_deref().map(Cow::Borrowed);
    socket: Kind::Text, "the socket that the alert came through" Text |a| {
        a.origin.socket.as_ref().map(|path| path.to_string_lossy())
    };
    thread: Kind::WIDE, "number of Snort 3's packet thread" Number |a| known(a.origin.thread);
    sender: Kind::Keys(&SENDER), "the sender's pid and uid" Other |a| {
        a.sender.map_or(Dynamic::UNIT, |sender| {
            let ids = SENDER.into_iter().zip([number(sender.pid), number(sender.uid)]);
            Dynamic::from_map(ids.map(|(name, id)| (name.into(), id)).collect())
        })
    };
    dialect: Kind::Word(Words::Dialect), "which Snort the datagram is from" Word |a| {
        Some(a.dialect.name().into()).filter(|_| a.medium == Medium::Datagram)
    };
    source: Kind::Word(Words::Source), "\"unified2\" if it was read from Snort's log" Word |a| {
        Some("unified2".into()).filter(|_| a.medium == Medium::Unified2)
    };
    action: Kind::Word(Words::Action), "what Snort did with the packet, if its log says so: \"allowed\", \"blocked\", ..." Word |a| {
        a.verdict().map(|verdict| verdict.name().into())
    };
    inspected: Kind::Bytes, "the part of a stream that Snort inspected, as bytes, where there is no packet" Bytes |a| {
        a.inspected()
    };
    extra: Kind::Keys(&EXTRA), "other data from Snort's log, by name: http_uri, http_host, xff, ..." Other |a| {
        Dynamic::from_map(extra(a))
    };
    message: Kind::Message, "Snort's own fields: `msg`, when the alert is in another variable" Other |a| {
        Dynamic::from(SnortMessage(Arc::clone(a)))
    };
    dissection_differs: Kind::Truth, "whether Snort states other addresses than the packet's headers look like" Truth |a| {
        a.dissection_differs()
    };
    count: Kind::WIDE, "how many alerts it stands for, where alerts are grouped" Number |a| {
        known(a.count.and_then(|count| i64::try_from(count.get()).ok()))
    };
    untrusted: Kind::Truth, "whether an attacker may have forged the event" Truth |a| a.untrusted;
};

/// Registers `msg` and `alert` with an engine.
pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<SnortMessage>("AlertMessage");
    engine.register_type_with_name::<AlertFields>("Alert");
    for field in MSG {
        let missing = Missing::of(field.name);
        engine.register_get(field.name, move |said: &mut SnortMessage| {
            noted(field, missing, "msg", &said.0)
        });
    }
    for field in ALERT {
        let missing = Missing::of(field.name);
        engine.register_get(field.name, move |known: &mut AlertFields| {
            noted(field, missing, "alert", &known.0)
        });
    }
    for name in ["to_string", "to_debug"] {
        engine.register_fn(name, |said: &mut SnortMessage| line("AlertMessage", MSG, &said.0));
        engine.register_fn(name, |known: &mut AlertFields| line("Alert", ALERT, &known.0));
    }
}

/// A field's value. It is noted if the value isn't known, but may be in Snort's log.
fn noted(field: &Field, missing: Missing, of: &'static str, alert: &Arc<Alert>) -> Dynamic {
    if missing.is_true_of(alert) {
        note(of, field.name);
    }
    field.get(alert)
}

/// All fields in one line: `AlertMessage(msg="…", ts_sec=1, …)`. Bytes are only counted.
fn line(name: &str, fields: &[Field], alert: &Arc<Alert>) -> String {
    let mut line = format!("{name}(");
    for (n, field) in fields.iter().enumerate() {
        let comma = if n == 0 { "" } else { ", " };
        // Writing to a `String` can't fail.
        let _ = write!(line, "{comma}{}={}", field.name, brief(&field.get(alert)));
    }
    line.push(')');
    line
}

/// A value as it is shown in a list.
pub(crate) fn brief(value: &Dynamic) -> String {
    if let Ok(bytes) = value.as_blob_ref() {
        format!("<{} bytes>", bytes.len())
    } else if let Some(word) = value.read_lock::<Word>() {
        format!("{:?}", word.0)
    } else if value.is::<SnortMessage>() {
        "<AlertMessage>".to_owned()
    } else if value.is::<AlertFields>() {
        "<Alert>".to_owned()
    } else if let Ok(list) = value.as_array_ref() {
        format!("[{}]", list.iter().map(brief).collect::<Vec<_>>().join(", "))
    } else if let Ok(map) = value.as_map_ref() {
        let entry = |(name, value)| format!("{name:?}: {}", brief(value));
        format!("#{{{}}}", map.iter().map(entry).collect::<Vec<_>>().join(", "))
    } else {
        format!("{value:?}")
    }
}

/// Each kind once: lists of mail addresses are already one text.
fn extra(alert: &Alert) -> Map {
    let mut map = Map::new();
    for extra in alert.log().map_or(&[][..], |log| &log.extra) {
        if let Some(name) = extra.info.name() {
            let value = extra.address().map_or_else(
                || String::from_utf8_lossy(&extra.data).into_owned().into(),
                |ip| ip.to_string().into(),
            );
            map.entry(name.into()).or_insert(value);
        }
    }
    map
}

fn number(value: impl Into<i64>) -> Dynamic {
    Dynamic::from_int(value.into())
}

fn known(value: Option<impl Into<i64>>) -> Option<i64> {
    value.map(Into::into)
}

/// A number that is known only if the whole event is.
fn whole(alert: &Alert, value: u32) -> Option<i64> {
    known(Some(value).filter(|_| alert.has_whole_event()))
}

fn text(bytes: Cow<'_, [u8]>) -> Cow<'_, str> {
    match bytes {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => String::from_utf8_lossy(&bytes).into_owned().into(),
    }
}

fn shown(value: Option<impl ToString>) -> Dynamic {
    value.map_or(Dynamic::UNIT, |value| value.to_string().into())
}

fn word(value: Option<impl Into<Cow<'static, str>>>) -> Dynamic {
    value.map_or(Dynamic::UNIT, |value| Dynamic::from(Word(value.into())))
}

fn list(values: impl Iterator<Item = Dynamic>) -> Dynamic {
    Dynamic::from_array(values.collect())
}

#[cfg(test)]
mod tests {
    use pigear_alert::unified2::InfoType;

    use super::EXTRA;

    #[test]
    fn all_names_of_extra_data_are_known() {
        let mut names: Vec<_> = InfoType::ALL.iter().filter_map(|info| info.name()).collect();
        names.dedup();
        assert_eq!(names, EXTRA);
    }
}
