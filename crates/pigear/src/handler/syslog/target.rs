//! The receiver of messages.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::str::FromStr;

use super::message::{Form, Rfc};
use crate::handler::receiver::{Connect, Datagrams, Stream, first, tcp, tls};

/// The receiver of messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A server over UDP.
    Udp(Server),
    /// A server over TCP.
    Tcp(Server),
    /// A server over TLS.
    Tls(Server),
    /// A local datagram socket.
    Unix(PathBuf),
}

/// A server's name or address, and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its name, or its address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// How messages are framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Datagram,
    /// By the length before each.
    Counted,
}

impl Default for Target {
    fn default() -> Self {
        Self::Unix("/dev/log".into())
    }
}

impl FromStr for Target {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("unix", "" | "//")) => Err("the path is missing"),
            Some(("unix", path)) => Ok(Self::Unix(path.strip_prefix("//").unwrap_or(path).into())),
            Some(("udp", server)) => Server::parse(server, 514).map(Self::Udp),
            Some(("tcp", server)) => Server::parse(server, 601).map(Self::Tcp),
            Some(("tls", server)) => Server::parse(server, 6514).map(Self::Tls),
            _ => Err("expected udp://HOST:PORT, tcp://HOST:PORT, tls://HOST:PORT or unix:PATH"),
        }
    }
}

impl Server {
    /// Reads `//HOST:PORT`, `//[IPV6]:PORT`, or either without the port.
    fn parse(text: &str, default_port: u16) -> Result<Self, &'static str> {
        let text = text.strip_prefix("//").ok_or("expected // before the host")?;
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => rest.split_once(']').ok_or("a bracket is not closed")?,
            None => text.split_at(text.find(':').unwrap_or(text.len())),
        };
        if host.is_empty() || host.contains('/') {
            return Err("expected a host");
        }
        let port = match port.strip_prefix(':') {
            Some(port) => port.parse().map_err(|_| "expected a port from 1 to 65535")?,
            None if port.is_empty() => default_port,
            None => return Err("expected a port behind the host"),
        };
        Ok(Self { host: host.to_owned(), port })
    }

    fn addresses(&self) -> io::Result<impl Iterator<Item = SocketAddr>> {
        (&*self.host, self.port).to_socket_addrs()
    }

    fn udp(&self) -> io::Result<UdpSocket> {
        first(self.addresses()?, |address| {
            let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            let socket = UdpSocket::bind(any)?;
            socket.connect(address)?;
            Ok(socket)
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Udp(server) => write!(f, "udp://{server}"),
            Self::Tcp(server) => write!(f, "tcp://{server}"),
            Self::Tls(server) => write!(f, "tls://{server}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

impl Target {
    pub(super) fn form(&self, rfc: Option<Rfc>) -> Form {
        match (rfc, self) {
            (Some(Rfc::Rfc5424), _) => Form::Rfc5424,
            (_, Self::Unix(_)) => Form::Local,
            (Some(Rfc::Rfc3164), _) => Form::Rfc3164,
            (None, _) => Form::Rfc5424,
        }
    }

    pub(super) fn framing(&self) -> Framing {
        match self {
            Self::Udp(_) | Self::Unix(_) => Framing::Datagram,
            Self::Tcp(_) | Self::Tls(_) => Framing::Counted,
        }
    }

    /// Checks what can be checked without a connection.
    pub(super) fn check(&self) -> Result<(), String> {
        match self {
            Self::Tls(server) => tls::server_name(&server.host).map(drop),
            Self::Udp(_) | Self::Tcp(_) | Self::Unix(_) => Ok(()),
        }
    }

    /// How to connect; the files are for TLS.
    pub(super) fn connect(self, files: &tls::Files) -> Result<Connect, String> {
        Ok(match self {
            Self::Udp(server) => Box::new(move || Ok(Box::new(Datagrams::udp(server.udp()?)))),
            Self::Tcp(server) => {
                Box::new(move || Ok(Box::new(Stream(tcp(&server.host, server.port)?))))
            }
            Self::Tls(server) => {
                let config = tls::Config::read(files)?;
                let name = tls::server_name(&server.host)?;
                Box::new(move || {
                    let tls = config.connect(tcp(&server.host, server.port)?, name.clone())?;
                    Ok(Box::new(Stream(tls)))
                })
            }
            Self::Unix(path) => Box::new(move || {
                let socket = UnixDatagram::unbound()?;
                socket.connect(&path)?;
                Ok(Box::new(Datagrams::unix(socket)))
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_written_as_they_are_read() {
        for (text, shown) in [
            ("udp://log.example", "udp://log.example:514"),
            ("tcp://10.0.0.1", "tcp://10.0.0.1:601"),
            ("tls://log.example:1", "tls://log.example:1"),
            ("tls://[2001:db8::1]", "tls://[2001:db8::1]:6514"),
            ("udp://[::1]:5514", "udp://[::1]:5514"),
            ("unix:/dev/log", "unix:/dev/log"),
            ("unix:///dev/log", "unix:/dev/log"),
        ] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_target_is_refused() {
        for text in [
            "",
            "log.example",
            "udp:log",
            "udp://",
            "udp://:514",
            "udp://a:b",
            "udp://a:70000",
            "udp://[::1",
            "udp://[::1]5",
            "http://a",
            "unix:",
            "tcp://a/b",
            "tcp://a:1/b",
        ] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }
}
