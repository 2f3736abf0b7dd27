//! The interface of the sockets that records are sent through.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pigear_pipeline::Deadline;

use crate::handler::writer::Records;

/// How long to wait for a socket before checking the deadline.
const TICK: Duration = Duration::from_millis(100);

/// A connection over which nothing could be sent for this long is dead.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// A socket that records are sent to.
pub(in crate::handler) trait Outlet: Send {
    /// Sends the records after the first `sent`, and updates `sent`.
    fn send(
        &mut self,
        records: &Records,
        sent: &mut usize,
        deadline: &Deadline,
    ) -> Result<(), SendError>;

    /// How the peer has closed the connection, if that is known. Must not block, whatever the peer does.
    fn closed(&mut self) -> Option<io::Error>;

    /// Ensures that sent data arrives.
    fn close(&mut self) {}
}

/// Why records could not be sent.
#[derive(Debug)]
pub(in crate::handler) enum SendError {
    Io(io::Error),
    TimeUp,
}

impl From<io::Error> for SendError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Errno> for SendError {
    fn from(error: Errno) -> Self {
        Self::Io(error.into())
    }
}

/// Waits until a socket has room, at most until the deadline.
pub(super) fn wait_for_room(fd: &impl AsFd, deadline: &Deadline) -> Result<(), SendError> {
    let fd = PollFd::new(fd.as_fd(), PollFlags::POLLOUT);
    let tick = PollTimeout::try_from(TICK).unwrap_or(PollTimeout::ZERO);
    let mut waited = Duration::ZERO;
    loop {
        match poll(&mut [fd.clone()], tick) {
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        if deadline.is_up() {
            return Err(SendError::TimeUp);
        }
        waited += TICK;
        if waited >= STALL_TIMEOUT {
            return Err(io::Error::from(io::ErrorKind::TimedOut).into());
        }
    }
}
