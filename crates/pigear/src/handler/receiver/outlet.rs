//! What records are sent through.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pigear_pipeline::Deadline;

use crate::handler::writer::Records;

/// How long to wait for a socket before looking again whether time is up.
const TICK: Duration = Duration::from_millis(100);

/// A connection over which nothing could be sent for so long is dead.
const STALLED: Duration = Duration::from_secs(60);

/// A socket that records are sent to.
pub(in crate::handler) trait Outlet: Send {
    /// Sends the records behind the first `sent`, and notes there how many were sent.
    fn send(
        &mut self,
        records: &Records,
        sent: &mut usize,
        deadline: &Deadline,
    ) -> Result<(), SendError>;

    /// How the other end has gone, if it is known to have. Must not take long, whatever the other end
    /// does.
    fn closed(&mut self) -> Option<io::Error>;

    /// Sees to it that what was sent arrives.
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

/// Waits until a socket has room, but not beyond the end.
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
        if waited >= STALLED {
            return Err(io::Error::from(io::ErrorKind::TimedOut).into());
        }
    }
}
