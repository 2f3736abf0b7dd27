//! The functions of scripts besides the language's own.

use std::net::IpAddr;
use std::ops::{Range, RangeInclusive};

use pigear_alert::Alert;
use pigear_alert::format::{self, Colour, FormatName};
use rhai::{Array, Blob, Dynamic, Engine, EvalAltResult};

use super::caseless::Word;
use super::fields::{AlertFields, SnortMessage};
use super::layers;
use crate::network::Network;

/// One function.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// How to call it.
    pub call: &'static str,
    /// Its description.
    pub about: &'static str,
}

/// The functions, by name.
pub const FUNCTIONS: &[Function] = &[
    Function {
        name: "contains",
        call: "alert.payload.contains(\"cmd.exe\")",
        about: "whether bytes hold a text or other bytes; a text has this too",
    },
    Function {
        name: "format",
        call: "format(alert, \"json\")",
        about: "the alert in one of the formats of `print`",
    },
    Function { name: "hex", call: "hex(msg.pkt)", about: "bytes as hexadecimal digits" },
    Function {
        name: "hexdump",
        call: "hexdump(msg.pkt)",
        about: "bytes as a text of lines with offset, values and characters",
    },
    Function {
        name: "ip_in",
        call: "ip_in(alert.src_ip, \"10.0.0.0/8\")",
        about: "whether an address is in a network, or in one of a list of networks",
    },
    Function {
        name: "layers",
        call: "layers(alert)",
        about: "the packet's headers as a text that shows a tree",
    },
    Function {
        name: "text",
        call: "text(alert.payload)",
        about: "bytes as text; what isn't UTF-8 becomes U+FFFD",
    },
];

/// Methods of texts that numbers don't have; lists have `index_of` and `split`, too.
pub(crate) const TEXT_METHODS: &[&str] = &[
    "crop",
    "ends_with",
    "index_of",
    "replace",
    "split",
    "starts_with",
    "sub_string",
    "to_lower",
    "to_upper",
    "trim",
];

type Fallible<T> = Result<T, Box<EvalAltResult>>;

/// Registers the functions with an engine.
pub(super) fn register(engine: &mut Engine) {
    engine
        .register_fn("contains", |bytes: &mut Blob, text: &str| holds(bytes, text.as_bytes()))
        .register_fn("contains", |bytes: &mut Blob, part: Blob| holds(bytes, &part))
        .register_fn("contains", |bytes: &mut Blob, part: Word| holds(bytes, part.0.as_bytes()))
        .register_fn("format", |known: &mut AlertFields, name: &str| formatted(&known.0, name))
        .register_fn("format", |said: &mut SnortMessage, name: &str| formatted(&said.0, name))
        .register_fn("hex", |bytes: &mut Blob| hex(bytes))
        .register_fn("hexdump", |bytes: &mut Blob| hexdump(bytes))
        .register_fn("layers", |known: &mut AlertFields| layers::tree(&known.0))
        .register_fn("layers", |said: &mut SnortMessage| layers::tree(&said.0))
        .register_fn("text", |bytes: &mut Blob| String::from_utf8_lossy(bytes).into_owned())
        .register_fn("text", |text: &str| text.to_owned());
    for_addresses(engine);
    for_unknown_values(engine);
    without_sleep(engine);
}

fn for_addresses(engine: &mut Engine) {
    engine
        .register_fn("ip_in", |ip: &str, network: &str| -> Fallible<bool> {
            Ok(self::network(network)?.contains(address(ip)?))
        })
        .register_fn("ip_in", |ip: &str, networks: Array| -> Fallible<bool> {
            let ip = address(ip)?;
            networks.into_iter().try_fold(false, |found, text| {
                let text = text.into_immutable_string()?;
                Ok(found || network(&text)?.contains(ip))
            })
        });
}

/// An unknown value is in no network and contains nothing.
fn for_unknown_values(engine: &mut Engine) {
    engine
        .register_fn("ip_in", |(): (), _: Dynamic| false)
        .register_fn("contains", |(): (), _: Dynamic| false)
        .register_fn("contains", |_: &str, (): ()| false)
        .register_fn("contains", |_: &mut Blob, (): ()| false)
        .register_fn("contains", |_: &mut Range<i64>, (): ()| false)
        .register_fn("contains", |_: &mut RangeInclusive<i64>, (): ()| false)
        .register_fn("starts_with", |(): (), _: Dynamic| false)
        .register_fn("ends_with", |(): (), _: Dynamic| false)
        .register_fn("text", |(): ()| String::new());
}

/// A sleeping script would block its handler, and could not be stopped meanwhile.
fn without_sleep(engine: &mut Engine) {
    engine.register_fn("sleep", |_: Dynamic| -> Fallible<()> { Err("scripts can't sleep".into()) });
    engine.register_fn("sleep", |_: i64| -> Fallible<()> { Err("scripts can't sleep".into()) });
    engine.register_fn("sleep", |_: f64| -> Fallible<()> { Err("scripts can't sleep".into()) });
}

fn network(text: &str) -> Fallible<Network> {
    Network::parse(text).map_err(Into::into)
}

fn address(text: &str) -> Fallible<IpAddr> {
    text.parse().map_err(|_| format!("{text:?} is not an address").into())
}

fn formatted(alert: &Alert, name: &str) -> Fallible<String> {
    let name: FormatName =
        name.parse().map_err(|error: format::UnknownFormat| error.to_string())?;
    let mut out = Vec::new();
    name.format(Colour::Never).write(alert, &mut out);
    Ok(String::from_utf8_lossy(out.trim_ascii_end()).into_owned())
}

fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0x0f)]).collect()
}

fn hexdump(bytes: &[u8]) -> String {
    let mut out = Vec::new();
    format::hexdump(bytes, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    part.is_empty() || bytes.windows(part.len()).any(|window| window == part)
}
