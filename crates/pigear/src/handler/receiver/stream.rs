use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pigear_pipeline::Deadline;

use super::outlet::{Outlet, SendError, wait_for_room};
use crate::handler::writer::Records;

/// How long the peer may take to read the last data.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// How many times to read in a row: 64 KiB at most. A peer that floods us blocks nothing.
const MAX_READS: usize = 16;

/// A connection whose reads and writes never block.
pub(in crate::handler) trait Transport: Read + Write + AsFd + Send {
    /// Whether accepted data still waits to be sent.
    fn has_unsent(&self) -> bool {
        false
    }

    /// Signals the end of data to the peer.
    fn end(&mut self) -> io::Result<()>;
}

impl Transport for TcpStream {
    fn end(&mut self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

impl Transport for UnixStream {
    fn end(&mut self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

/// A connection over which records are sent one after the other.
pub(in crate::handler) struct Stream<T>(pub(in crate::handler) T);

impl<T: Transport> Outlet for Stream<T> {
    fn send(
        &mut self,
        records: &Records,
        sent: &mut usize,
        deadline: &Deadline,
    ) -> Result<(), SendError> {
        let mut written = 0;
        while let Some(rest) = records.bytes().get(written..)
            && !rest.is_empty()
        {
            match self.0.write(rest) {
                Ok(0) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                Ok(n) => written += n,
                Err(error) => self.wait_after(error, deadline)?,
            }
        }
        while self.0.has_unsent() {
            self.0.flush().or_else(|error| self.wait_after(error, deadline))?;
        }
        *sent = records.len();
        Ok(())
    }

    /// Data from the peer is ignored; only its end matters. The rest of a flood is read the next time.
    fn closed(&mut self) -> Option<io::Error> {
        let mut buffer = [0; 4096];
        let mut reads = 0..MAX_READS;
        while reads.next().is_some() {
            match self.0.read(&mut buffer) {
                Ok(0) => return Some(io::Error::other("the peer closed the connection")),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    return Some(error).filter(|it| it.kind() != io::ErrorKind::WouldBlock);
                }
            }
        }
        None
    }

    /// Closing a connection with unread data resets it, and the data sent last may be lost. So the peer
    /// closes first, if it does so soon.
    fn close(&mut self) {
        let deadline = Instant::now() + CLOSE_TIMEOUT;
        let mut ended = self.0.end().is_ok();
        while self.closed().is_none() && ended {
            let left = deadline.saturating_duration_since(Instant::now());
            let fd = PollFd::new(self.0.as_fd(), PollFlags::POLLIN);
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
            ended = !left.is_zero() && poll(&mut [fd], timeout).is_ok();
        }
    }
}

impl<T: Transport> Stream<T> {
    /// Waits until the socket is writable.
    fn wait_after(&self, error: io::Error, deadline: &Deadline) -> Result<(), SendError> {
        match error.kind() {
            io::ErrorKind::Interrupted => Ok(()),
            io::ErrorKind::WouldBlock => wait_for_room(&self.0, deadline),
            _ => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The peer never stops sending, and never closes.
    struct Flood {
        socket: UnixStream,
        read: usize,
    }

    impl Read for Flood {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.read += buffer.len();
            assert!(self.read <= 1 << 20, "reads on and on");
            Ok(buffer.len())
        }
    }

    impl Write for Flood {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.socket.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl AsFd for Flood {
        fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
            self.socket.as_fd()
        }
    }

    impl Transport for Flood {
        fn end(&mut self) -> io::Result<()> {
            Transport::end(&mut self.socket)
        }
    }

    #[test]
    fn a_peer_that_floods_us_does_not_hold_us_up() {
        let (socket, _other) = UnixStream::pair().unwrap();
        let mut stream = Stream(Flood { socket, read: 0 });
        assert!(stream.closed().is_none());
        assert!((1..=64 * 1024).contains(&stream.0.read), "{}", stream.0.read);
    }

    #[test]
    fn a_peer_that_goes_is_noticed_behind_what_it_said() {
        let (socket, mut other) = UnixStream::pair().unwrap();
        socket.set_nonblocking(true).unwrap();
        let mut stream = Stream(socket);
        assert!(stream.closed().is_none());
        other.write_all(&vec![0; 100_000]).unwrap();
        drop(other);
        let closed = (0..3).find_map(|_| stream.closed());
        assert_eq!(closed.unwrap().to_string(), "the peer closed the connection");
    }
}
