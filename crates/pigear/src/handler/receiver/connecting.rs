//! Connections to servers.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt::KeepAlive};

/// How long a server may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(3);

/// A connection whose reads and writes never block.
pub(in crate::handler) fn tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    first((host, port).to_socket_addrs()?, |address| {
        let stream = TcpStream::connect_timeout(&address, CONNECT)?;
        stream.set_nodelay(true)?;
        setsockopt(&stream, KeepAlive, &true)?;
        stream.set_nonblocking(true)?;
        Ok(stream)
    })
}

/// The first connection that succeeds, or the last error.
pub(in crate::handler) fn first<T>(
    addresses: impl Iterator<Item = SocketAddr>,
    mut connect: impl FnMut(SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in addresses {
        match connect(address) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last)
}
