//! `socket`: sends each alert to a Unix socket.
//!
//! `EveBox` and others take EVE from Suricata in this way: they listen, and get a line per alert over a
//! stream, or a datagram per alert. While there is no reader, alerts wait; those that don't fit into the
//! handler's queue are dropped and counted.

use std::fmt;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use nix::sys::socket::{setsockopt, sockopt::SndBuf};
use pigear_alert::Alert;
use pigear_alert::format::{Colour, Format, FormatName};
use pigear_pipeline::{Context, Failure, Handler, Needs, Progress};
use serde::Deserialize;

use super::receiver::{Connect, Datagrams, Receiver, Stream};
use crate::description::Description;
use crate::keys::{FormatKeys, SetupError, parsed};
#[cfg(feature = "command")]
use crate::probed::Probed;

pub(crate) const DESCRIPTION: Description = Description {
    about: "sends each alert to a Unix socket; \
    target=unix-stream:PATH|unix-dgram:PATH format=eve|json|fast|ecs|ocsf|cef|snort|alert_json|csv",
    files: &[],
};

/// The keys of `socket`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The socket: `unix-stream:PATH` gets a line an alert, `unix-dgram:PATH` a datagram.
    #[serde(deserialize_with = "parsed")]
    pub target: Target,
    /// The format of an alert: `eve`, the default, or another format with a line per alert.
    #[serde(default)]
    pub format: FormatKeys,
}

impl Options {
    /// Checks what can be checked without connecting.
    pub(crate) fn check(&self) -> Result<(), SetupError> {
        let format = self.format.clone().or(FormatName::Eve);
        if format.name() == FormatName::Full {
            let problem = "format=full has several lines an alert; choose another";
            return Err(SetupError::Keys(problem.to_owned()));
        }
        format.build(Colour::Never).map(drop).map_err(SetupError::Keys)
    }
}

/// A Unix socket of another program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A stream: records are separated by newlines.
    Stream(PathBuf),
    /// Datagrams: a record per datagram, without the newline.
    Datagram(PathBuf),
}

impl FromStr for Target {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some((_, "")) => Err("the path is missing"),
            Some(("unix-stream", path)) => Ok(Self::Stream(path.into())),
            Some(("unix-dgram", path)) => Ok(Self::Datagram(path.into())),
            _ => Err("expected unix-stream:PATH or unix-dgram:PATH"),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream(path) => write!(f, "unix-stream:{}", path.display()),
            Self::Datagram(path) => write!(f, "unix-dgram:{}", path.display()),
        }
    }
}

/// Sends each alert to a Unix socket.
pub struct Socket {
    receiver: Receiver,
    format: Box<dyn Format>,
    /// Whether each record keeps its newline.
    lines: bool,
}

impl Socket {
    /// Nothing is sent yet: the reader may start later.
    ///
    /// # Errors
    /// If the format has more than a line per alert, or doesn't have one of the options.
    pub fn new(options: Options) -> Result<Self, SetupError> {
        options.check()?;
        let keys = options.format.or(FormatName::Eve);
        let format = keys.build(Colour::Never).map_err(SetupError::Keys)?;
        let lines = matches!(options.target, Target::Stream(_));
        let receiver = Receiver::new(options.target.to_string(), connect(options.target));
        Ok(Self { receiver, format, lines })
    }
}

/// The send buffer for datagrams; the system usually allows less. EVE with a long packet exceeds the
/// default.
const SEND_BUFFER: usize = 1 << 20;

fn connect(target: Target) -> Connect {
    Box::new(move || match &target {
        Target::Stream(path) => {
            let stream = UnixStream::connect(path)?;
            stream.set_nonblocking(true)?;
            Ok(Box::new(Stream(stream)))
        }
        Target::Datagram(path) => {
            let socket = UnixDatagram::unbound()?;
            socket.connect(path)?;
            setsockopt(&socket, SndBuf, &SEND_BUFFER)?;
            Ok(Box::new(Datagrams::unix(socket)))
        }
    })
}

/// Tries to reach the reader, and sends nothing.
#[cfg(feature = "command")]
pub(crate) fn probe(options: Options) -> Probed {
    let receiver = options.target.to_string();
    let result = connect(options.target)().map(|_| "is there, and may be written to");
    Probed { receiver, result: result.map_err(|error| error.to_string()) }
}

impl Handler for Socket {
    fn needs(&self) -> Needs {
        Needs { target: Some(self.receiver.name().to_owned()), ..Needs::default() }
    }

    fn start(&mut self, context: Context) -> Result<(), Failure> {
        self.receiver.start(context);
        Ok(())
    }

    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
        let Self { receiver, format, lines } = self;
        receiver.deliver_all(alerts, |alert, out| {
            format.write(alert, out);
            if !*lines {
                out.truncate(out.len() - usize::from(out.ends_with(b"\n")));
            }
        })
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.receiver.finish();
        Ok(())
    }
}
