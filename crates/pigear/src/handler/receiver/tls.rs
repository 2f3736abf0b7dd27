//! TLS over a non-blocking socket.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ClientConnection, SignatureScheme};

use super::stream::Transport;
use crate::crypto;
use crate::pem;

/// The timeout of the handshake.
const HANDSHAKE: Duration = Duration::from_secs(4);

/// A server that asks for a certificate may check it only after the handshake. If it sends no alert within
/// this time, it has accepted the certificate.
const VERDICT: Duration = Duration::from_secs(1);

/// How many times to read in a row when records have no data (such as key updates): a server may send
/// any number of them.
const MAX_PULLS: usize = 16;

/// Files of certificates and keys (PEM).
#[derive(Debug, Default)]
pub(in crate::handler) struct Files {
    /// The trusted certificates, instead of the system's.
    pub(in crate::handler) ca: Option<PathBuf>,
    /// The client's certificate, and its key, which may be in the same file.
    pub(in crate::handler) cert: Option<PathBuf>,
    pub(in crate::handler) key: Option<PathBuf>,
}

/// The TLS configuration.
#[derive(Clone)]
pub(in crate::handler) struct Config {
    tls: Arc<ClientConfig>,
    identity: Arc<Identity>,
}

/// The client's certificate, if there is one, for servers that ask.
#[derive(Debug)]
struct Identity {
    key: Option<Arc<CertifiedKey>>,
    was_asked: AtomicBool,
}

impl ResolvesClientCert for Identity {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.was_asked.store(true, Ordering::Relaxed);
        self.key.clone()
    }

    fn has_certs(&self) -> bool {
        self.key.is_some()
    }
}

impl Config {
    pub(in crate::handler) fn read(files: &Files) -> Result<Self, String> {
        let roots = pem::roots(files.ca.as_deref())?;
        let provider = crypto::provider();
        let key = own(files, &provider)?.map(Arc::new);
        let identity = Arc::new(Identity { key, was_asked: AtomicBool::new(false) });
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_client_cert_resolver(Arc::clone(&identity) as _);
        Ok(Self { tls: Arc::new(tls), identity })
    }
}

fn own(files: &Files, provider: &CryptoProvider) -> Result<Option<CertifiedKey>, String> {
    let Some((cert, key)) = pem::identity_files(files.cert.as_deref(), files.key.as_deref())?
    else {
        return Ok(None);
    };
    let (chain, read) = pem::identity(cert, key)?;
    CertifiedKey::from_der(chain, read, provider)
        .map(Some)
        .map_err(|error| pem::not_its_key(cert, key, error))
}

pub(in crate::handler) fn server_name(host: &str) -> Result<ServerName<'static>, String> {
    let name = ServerName::try_from(host.to_owned());
    name.map_err(|_| format!("{host:?} is not a valid host name"))
}

/// A connection over TLS.
pub(in crate::handler) struct Tls {
    connection: ClientConnection,
    socket: TcpStream,
}

impl Config {
    /// Performs the handshake, and verifies the server.
    pub(in crate::handler) fn connect(
        &self,
        socket: TcpStream,
        name: ServerName<'static>,
    ) -> io::Result<Tls> {
        let tls = Arc::clone(&self.tls);
        let mut connection = ClientConnection::new(tls, name).map_err(io::Error::other)?;
        connection.set_buffer_limit(None);
        let mut tls = Tls { connection, socket };
        let agreed = tls.agree();
        if !self.identity.was_asked.load(Ordering::Relaxed) {
            return agreed.map(|()| tls);
        }
        agreed.and_then(|()| tls.hear_verdict()).map(|()| tls).map_err(|error| {
            let problem = match self.identity.key {
                Some(_) => "the server asks for a certificate and doesn't accept ours",
                None => "the server asks for a certificate; give cert and key",
            };
            io::Error::new(error.kind(), format!("{problem} ({error})"))
        })
    }
}

impl Tls {
    fn agree(&mut self) -> io::Result<()> {
        self.talk(HANDSHAKE, |connection| connection.is_handshaking())
    }

    /// Fails if the server closes the connection now, or sends an alert.
    fn hear_verdict(&mut self) -> io::Result<()> {
        match self.talk(VERDICT, |_| true) {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Ok(()),
            end => end,
        }
    }

    /// Sends and receives handshake messages, at most for this long.
    fn talk(
        &mut self,
        time: Duration,
        goes_on: impl Fn(&ClientConnection) -> bool,
    ) -> io::Result<()> {
        let deadline = Instant::now() + time;
        while goes_on(&self.connection) {
            if Instant::now() >= deadline {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match self.push().and_then(|()| self.pull()) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait(deadline)?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Sends pending data.
    fn push(&mut self) -> io::Result<()> {
        while self.connection.wants_write() {
            self.connection.write_tls(&mut self.socket)?;
        }
        Ok(())
    }

    /// Receives available data.
    fn pull(&mut self) -> io::Result<usize> {
        let n = self.connection.read_tls(&mut self.socket)?;
        if let Err(error) = self.connection.process_new_packets() {
            // Send the alert that tells the server why.
            let _ = self.push();
            return Err(io::Error::new(io::ErrorKind::InvalidData, error));
        }
        Ok(n)
    }

    fn wait(&self, deadline: Instant) -> io::Result<()> {
        let mut flags = PollFlags::POLLIN;
        flags.set(PollFlags::POLLOUT, self.connection.wants_write());
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
        match poll(&mut [PollFd::new(self.socket.as_fd(), flags)], timeout)? {
            0 => Err(io::ErrorKind::TimedOut.into()),
            _ => Ok(()),
        }
    }
}

impl Read for Tls {
    /// Reads the server's data. Interrupted if the records so far have none.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        for _ in 0..MAX_PULLS {
            match self.connection.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
            if self.pull()? == 0 {
                return Ok(0);
            }
        }
        Err(io::ErrorKind::Interrupted.into())
    }
}

impl Write for Tls {
    /// Accepts everything: data that the socket doesn't accept yet waits in memory.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.connection.writer().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.push()
    }
}

impl AsFd for Tls {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Transport for Tls {
    fn has_unsent(&self) -> bool {
        self.connection.wants_write()
    }

    fn end(&mut self) -> io::Result<()> {
        self.connection.send_close_notify();
        self.push()?;
        self.socket.shutdown(Shutdown::Write)
    }
}
