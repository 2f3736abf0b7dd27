//! The fields of `msg` and `alert`.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::Arc;

use pigear_alert::unified2::Verdict;
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
    get: fn(&Arc<Alert>) -> Dynamic,
}

impl Field {
    /// Its value; `()` if it isn't known.
    pub fn get(&self, alert: &Arc<Alert>) -> Dynamic {
        (self.get)(alert)
    }
}

macro_rules! fields {
    ($($name:ident: $kind:expr, $about:literal $get:expr;)*) => {
        &[$(Field { name: stringify!($name), about: $about, kind: $kind, get: $get }),*]
    };
}

/// The fields of `msg`, in the order of the datagram, and then optional ones.
pub const MSG: &[Field] = fields! {
    msg: Kind::Text, "the rule's message, whole where sid-msg.map has it" |a| text(&a.msg());
    ts_sec: Kind::WIDE, "when the packet was seen: seconds since 1970" |a| number(a.message.ts_sec);
    ts_usec: Kind::WIDE, "when the packet was seen: microseconds" |a| number(a.message.ts_usec);
    caplen: Kind::WIDE, "bytes of the packet that are in pkt" |a| number(a.message.caplen);
    pktlen: Kind::WIDE, "bytes of the packet on the wire" |a| number(a.message.pktlen);
    dlthdr: Kind::WIDE, "where the link header begins in pkt" |a| number(a.message.dlthdr);
    nethdr: Kind::WIDE, "where the innermost IP header begins in pkt" |a| number(a.message.nethdr);
    transhdr: Kind::WIDE, "where the transport header begins in pkt" |a| number(a.message.transhdr);
    data: Kind::WIDE, "where the payload begins in pkt" |a| number(a.message.data);
    val: Kind::WIDE, "flags: 1 without packet, 2 without transport header" |a| number(a.message.val);
    pkt: Kind::Bytes, "the packet, as bytes" |a| Dynamic::from_blob(a.message.pkt.to_vec());
    sig_generator: Kind::WIDE, "generator: the part of Snort that raised the alert" |a| {
        number(a.message.sig_generator)
    };
    sig_id: Kind::WIDE, "signature id: the rule" |a| number(a.message.sig_id);
    sig_rev: Kind::WIDE, "revision of the rule" |a| number(a.message.sig_rev);
    classification: Kind::WIDE, "class: a number in classification.config" |a| number(a.message.classification);
    priority: Kind::WIDE, "priority: 1 is the most severe, 0 none" |a| whole(a, a.message.priority);
    event_id: Kind::WIDE, "number of the event" |a| whole(a, a.message.event_id);
    event_reference: Kind::WIDE, "number of the event that this one refers to" |a| {
        whole(a, a.message.event_reference)
    };
    tv_sec: Kind::WIDE, "when the event referred to happened: seconds" |a| number(a.message.tv_sec);
    tv_usec: Kind::WIDE, "when the event referred to happened: microseconds" |a| number(a.message.tv_usec);
    app_name: Kind::Text, "the application, where OpenAppID knows it" |a| shown(a.message.app_name);
};

/// The fields of `alert`, named as in JSON.
pub const ALERT: &[Field] = fields! {
    timestamp: Kind::Text, "when the packet was seen, UTC" |a| format!("{:.6}", a.timestamp()).into();
    received: Kind::Text, "when the alert was received, UTC" |a| format!("{:.6}", a.received).into();
    src_ip: Kind::Address, "source address" |a| shown(a.src_ip());
    src_port: Kind::PORT, "source port (TCP, UDP, SCTP)" |a| known(a.src_port());
    dst_ip: Kind::Address, "destination address" |a| shown(a.dst_ip());
    dst_port: Kind::PORT, "destination port (TCP, UDP, SCTP)" |a| known(a.dst_port());
    proto: Kind::Protocol, "\"TCP\", \"UDP\", \"ICMP\", \"ICMPv6\", \"SCTP\", …, or a number without name" |a| {
        a.protocol().map_or(Dynamic::UNIT, |protocol| {
            protocol.name().map_or_else(|| number(protocol.0), |name| word(Some(name)))
        })
    };
    priority: Kind::Number { min: 1, max: u32::MAX as i64 }, "priority: 1 is the most severe; not known where Snort sends 0, or none" |a| {
        known(Some(a.message.priority).filter(|&priority| priority > 0 && a.has_whole_event()))
    };
    vlan: Kind::List(&Kind::PORT), "numbers of the VLANs, outermost first" |a| list(a.dissection().vlans().map(number));
    class: Kind::Word(Words::Class), "short name of the class" |a| {
        word(a.class().map(|class| class.name.to_string()))
    };
    class_description: Kind::Text, "description of the class" |a| shown(a.class().map(|class| &class.description));
    references: Kind::List(&Kind::Text), "URLs that describe the subject" |a| list(a.references().map(Dynamic::from));
    layers: Kind::List(&Kind::Map), "the packet's headers, outermost first: maps with name, start, end and fields" |a| {
        list(layers::maps(a).into_iter().map(Dynamic::from_map))
    };
    payload: Kind::Bytes, "what the innermost IP packet carries, as bytes" |a| {
        Dynamic::from_blob(a.ip_payload().to_vec())
    };
    sensor: Kind::Text, "the sensor's name" |a| shown(a.origin.sensor.as_ref());
    socket: Kind::Text, "the socket that the alert came through" |a| {
        shown(a.origin.socket.as_ref().map(|path| path.display()))
    };
    thread: Kind::WIDE, "number of Snort 3's packet thread" |a| known(a.origin.thread);
    sender: Kind::Map, "the sender's pid and uid" |a| {
        a.sender.map_or(Dynamic::UNIT, |sender| {
            let ids = [("pid", number(sender.pid)), ("uid", number(sender.uid))];
            Dynamic::from_map(Map::from_iter(ids.map(|(name, id)| (name.into(), id))))
        })
    };
    dialect: Kind::Word(Words::Dialect), "which Snort the datagram is from" |a| {
        word(Some(a.dialect.name()).filter(|_| a.medium == Medium::Datagram))
    };
    source: Kind::Word(Words::Source), "\"unified2\" if it was read from Snort's log" |a| {
        word(Some("unified2").filter(|_| a.medium == Medium::Unified2))
    };
    action: Kind::Word(Words::Action), "what Snort did with the packet, if its log says so: \"allowed\", \"blocked\", ..." |a| {
        word(a.verdict().map(Verdict::name))
    };
    inspected: Kind::Bytes, "the part of a stream that Snort inspected, as bytes, where there is no packet" |a| {
        a.inspected().map_or(Dynamic::UNIT, |bytes| Dynamic::from_blob(bytes.to_vec()))
    };
    extra: Kind::Map, "other data from Snort's log, by name: http_uri, http_host, xff, ..." |a| {
        Dynamic::from_map(extra(a))
    };
    message: Kind::Message, "Snort's own fields: `msg`, when the alert is in another variable" |a| {
        Dynamic::from(SnortMessage(Arc::clone(a)))
    };
    dissection_differs: Kind::Truth, "whether Snort states other addresses than the packet's headers look like" |a| {
        a.dissection_differs().into()
    };
    count: Kind::WIDE, "how many alerts it stands for, where alerts are grouped" |a| {
        known(a.count.and_then(|count| i64::try_from(count.get()).ok()))
    };
    untrusted: Kind::Truth, "whether an attacker may have forged the event" |a| a.untrusted.into();
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
            let value =
                extra.address().map_or_else(|| text(&extra.data), |ip| ip.to_string().into());
            map.entry(name.into()).or_insert(value);
        }
    }
    map
}

fn number(value: impl Into<i64>) -> Dynamic {
    Dynamic::from_int(value.into())
}

fn known(value: Option<impl Into<i64>>) -> Dynamic {
    value.map_or(Dynamic::UNIT, number)
}

/// A number that is known only if the whole event is.
fn whole(alert: &Alert, value: u32) -> Dynamic {
    known(Some(value).filter(|_| alert.has_whole_event()))
}

fn text(bytes: &[u8]) -> Dynamic {
    String::from_utf8_lossy(bytes).into_owned().into()
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
