//! `syslog`: sends each alert to a syslog server, or to the local one.
//!
//! Messages follow RFC 5424, with the alert's ids as structured data, or RFC 3164. The severity follows
//! the priority: an alert of priority 1 is critical (2), of 2 an error (3), of 3 a warning (4), all
//! others a notice (5).
//!
//! Over TCP and TLS messages are framed by counting octets (RFC 6587, RFC 5425). While the server is
//! down, alerts wait.

mod facility;
mod message;
#[cfg(feature = "command")]
mod probe;
mod target;

use std::path::PathBuf;
use std::sync::Arc;

use pigear_alert::Alert;
use pigear_alert::format::{Colour, Format, FormatName, Snort};
use pigear_pipeline::{Context, EventCounter, Failure, Handler, Needs, Progress};
use serde::Deserialize;
use tracing::warn;

pub use facility::Facility;
pub use message::Rfc;
#[cfg(feature = "command")]
pub(crate) use probe::probe;
pub use target::Target;

use super::receiver::{Receiver, tls};
use crate::description::{Description, FileUse};
use crate::keys::{FormatKeys, SetupError, parsed, parsed_option};
use crate::pem;
use crate::visible::cut;
use message::Header;
use target::Framing;

pub(crate) const DESCRIPTION: Description = Description {
    about: "sends each alert to syslog; \
    target=unix:/dev/log|udp://HOST|tcp://HOST|tls://HOST facility=auth rfc=5424|3164 format=snort \
    ca=FILE cert=FILE key=FILE max_len=8192",
    files: &[("ca", FileUse::Reads), ("cert", FileUse::Reads), ("key", FileUse::Reads)],
};

/// The keys of `syslog`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// The receiver: `udp://HOST:PORT`, `tcp://HOST:PORT`, `tls://HOST:PORT` (the ports 514, 601 and 6514
    /// can be left out), or `unix:PATH`; the default is `unix:/dev/log`.
    #[serde(deserialize_with = "parsed")]
    pub target: Target,
    /// The form of a message: `5424` or `3164`. The default is 5424, but for `unix` 3164 without a host,
    /// which is what local programs send and journald understands.
    #[serde(deserialize_with = "parsed_option")]
    pub rfc: Option<Rfc>,
    /// The facility: `auth`, the default (as Snort's own), `authpriv`, `daemon`, `local0` to
    /// `local7`, or another.
    #[serde(deserialize_with = "parsed")]
    pub facility: Facility,
    /// The format of the alert: `snort`, the default, here as Snort's `alert_syslog`; `fast`, here without the
    /// time; or another format with a line per alert.
    pub format: FormatKeys,
    /// For `tls`: a PEM file with the certificates that sign the server's. The system's, by default.
    pub ca: Option<PathBuf>,
    /// For `tls`: a PEM file with the client's certificate, for servers that ask for one.
    pub cert: Option<PathBuf>,
    /// The key of the certificate (PEM), if it isn't in the same file.
    pub key: Option<PathBuf>,
    /// The maximum length of a message in a datagram (`udp` and `unix`), in bytes; 8192 by default. Longer
    /// messages are truncated and counted.
    #[serde(deserialize_with = "parsed_option")]
    pub max_len: Option<usize>,
}

impl Options {
    /// Checks what can be checked without reading a file.
    pub(crate) fn check(&self) -> Result<(), SetupError> {
        self.problem().map_or(Ok(()), |problem| Err(SetupError::Keys(problem)))
    }

    /// Whether the server confirms what it has.
    pub(crate) fn delivers(&self) -> bool {
        matches!(self.target, Target::Tcp(_) | Target::Tls(_))
    }

    fn problem(&self) -> Option<String> {
        let format = self.format.clone().or(FormatName::Snort);
        if format.name() == FormatName::Full {
            return Some("format=full has several lines an alert; choose another".to_owned());
        }
        if format.name() == FormatName::Snort && format.utc.is_some() {
            let problem = "utc has no effect: format=snort has no time of its own in syslog";
            return Some(problem.to_owned());
        }
        if let Err(problem) = format.build(Colour::Never) {
            return Some(problem);
        }
        let has_files = self.ca.is_some() || self.cert.is_some() || self.key.is_some();
        if has_files && !matches!(self.target, Target::Tls(_)) {
            return Some("ca, cert and key are for target=tls://…".to_owned());
        }
        let max_len = self.max_len.unwrap_or(MAX_LEN);
        if !(MIN_LEN..=MAX_UDP_LEN).contains(&max_len) {
            return Some(format!("max_len is {max_len}, but must be {MIN_LEN} to {MAX_UDP_LEN}"));
        }
        let identity = pem::identity_files(self.cert.as_deref(), self.key.as_deref());
        identity.err().or_else(|| self.target.check().err())
    }
}

/// Few servers accept more in a datagram.
const MAX_LEN: usize = 8_192;

/// The minimum that every server must accept (RFC 5424, 6.1).
const MIN_LEN: usize = 480;

/// The maximum that fits into a datagram over IPv4.
const MAX_UDP_LEN: usize = 65_507;

/// Sends each alert to a syslog server.
pub struct Syslog {
    receiver: Receiver,
    messages: Messages,
    /// Whether the loss of the server is noticed.
    delivers: bool,
}

/// Writes messages.
struct Messages {
    header: Header,
    format: Box<dyn Format>,
    /// `fast` begins with the time, which a message already has.
    skip_time: bool,
    framing: Framing,
    max_len: usize,
    /// How many messages were truncated.
    cut: EventCounter,
    /// The handler's name, for messages.
    handler: Arc<str>,
    text: Vec<u8>,
}

impl Syslog {
    /// Nothing is sent yet: the server may start later.
    ///
    /// # Errors
    /// If the keys contradict each other, or the certificates can't be read.
    pub fn new(options: Options) -> Result<Self, SetupError> {
        options.check()?;
        let delivers = options.delivers();
        let Options { target, rfc, facility, format, ca, cert, key, max_len } = options;
        let format = format.or(FormatName::Snort);
        let built = format.build(Colour::Never).map_err(SetupError::Keys)?;
        let files = tls::Files { ca, cert, key };
        let messages = Messages {
            header: Header::new(facility, target.form(rfc)),
            skip_time: format.name() == FormatName::Fast,
            format: match format.name() {
                FormatName::Snort => Box::new(Snort::syslog()),
                _ => built,
            },
            framing: target.framing(),
            max_len: max_len.unwrap_or(MAX_LEN),
            cut: EventCounter::default(),
            handler: Arc::default(),
            text: Vec::new(),
        };
        let receiver = Receiver::new(target.to_string(), target.connect(&files)?);
        Ok(Self { receiver, messages, delivers })
    }
}

impl Messages {
    fn put(&mut self, alert: &Alert, out: &mut Vec<u8>) {
        self.text.clear();
        self.header.write(alert, &mut self.text);
        let start = self.text.len();
        self.format.write(alert, &mut self.text);
        if self.skip_time {
            let time = self.text.iter().skip(start).position(|&byte| byte == b' ');
            self.text.drain(start..start + time.map_or(0, |len| len + 1));
        }
        let text = self.text.trim_ascii_end();
        match self.framing {
            Framing::Counted => {
                out.extend_from_slice(format!("{} ", text.len()).as_bytes());
                out.extend_from_slice(text);
            }
            Framing::Datagram => {
                // Formats write UTF-8 only.
                let whole = str::from_utf8(text).unwrap_or_default();
                let short = cut(whole, self.max_len);
                out.extend_from_slice(short.as_bytes());
                if short.len() < whole.len() {
                    self.count_cut();
                }
            }
        }
    }

    fn count_cut(&mut self) {
        if let Some(count) = self.cut.add(1) {
            let (handler, max) = (&self.handler, self.max_len);
            warn!(
                "handler {handler}: messages of more than {max} bytes are truncated: {count} so far"
            );
        }
    }
}

impl Handler for Syslog {
    fn needs(&self) -> Needs {
        Needs {
            delivers: self.delivers,
            target: Some(self.receiver.name().to_owned()),
            ..Needs::default()
        }
    }

    fn start(&mut self, context: Context) -> Result<(), Failure> {
        self.messages.handler = Arc::clone(&context.name);
        self.receiver.start(context);
        Ok(())
    }

    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
        let Self { receiver, messages, .. } = self;
        receiver.deliver_all(alerts, |alert, out| messages.put(alert, out))
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.receiver.finish();
        Ok(())
    }
}
