//! TLS, over a socket that never blocks.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use crate::handler::receiver::Transport;

/// How long a server may take to agree on keys.
const HANDSHAKE: Duration = Duration::from_secs(4);

/// What to trust: the certificates in a file, or the system's.
pub(super) fn config(ca: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let roots = match ca {
        Some(path) => from_file(path)?,
        None => of_system()?,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

fn from_file(path: &Path) -> Result<RootCertStore, String> {
    let failed = |error: &dyn std::fmt::Display| format!("cannot read {}: {error}", path.display());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| failed(&error))? {
        let certificate = certificate.map_err(|error| failed(&error))?;
        roots.add(certificate).map_err(|error| failed(&error))?;
    }
    if roots.is_empty() { Err(failed(&"it has no certificate")) } else { Ok(roots) }
}

fn of_system() -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let missing = "the system has no certificates to trust; give them with ca=FILE";
    if roots.is_empty() { Err(missing.to_owned()) } else { Ok(roots) }
}

pub(super) fn server_name(host: &str) -> Result<ServerName<'static>, String> {
    let name = ServerName::try_from(host.to_owned());
    name.map_err(|_| format!("{host:?} is no name that a certificate could have"))
}

/// A connection over TLS.
pub(super) struct Tls {
    connection: ClientConnection,
    socket: TcpStream,
}

/// Agrees on keys with a server, and sees that it is the right one.
pub(super) fn connect(
    socket: TcpStream,
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
) -> io::Result<Tls> {
    let mut connection = ClientConnection::new(config, name).map_err(io::Error::other)?;
    connection.set_buffer_limit(None);
    let mut tls = Tls { connection, socket };
    let deadline = Instant::now() + HANDSHAKE;
    while tls.connection.is_handshaking() {
        match tls.push().and_then(|()| tls.pull()) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => tls.wait(deadline)?,
            Err(error) => return Err(error),
        }
    }
    Ok(tls)
}

impl Tls {
    /// Sends what waits to be sent.
    fn push(&mut self) -> io::Result<()> {
        while self.connection.wants_write() {
            self.connection.write_tls(&mut self.socket)?;
        }
        Ok(())
    }

    /// Takes in what has come.
    fn pull(&mut self) -> io::Result<usize> {
        let n = self.connection.read_tls(&mut self.socket)?;
        if let Err(error) = self.connection.process_new_packets() {
            // It tells the server why.
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
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.connection.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
            if self.pull()? == 0 {
                return Ok(0);
            }
        }
    }
}

impl Write for Tls {
    /// Takes all: what the socket doesn't take yet waits in memory.
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
