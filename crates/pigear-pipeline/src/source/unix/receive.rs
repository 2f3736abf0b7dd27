//! One datagram, and who sent it.

use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use nix::cmsg_space;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, UnixCredentials, recvmsg};
use pigear_alert::Sender;

/// Room for the longest alert; a longer datagram is cut.
const BUFFER_LEN: usize = 66 * 1024;

/// A datagram in the receiver's memory.
pub(super) struct Received<'a> {
    pub(super) datagram: &'a [u8],
    /// How long the datagram was, if it was longer than the buffer; no alert is.
    pub(super) cut_from: Option<usize>,
    /// Who sent it, as the kernel says.
    pub(super) sender: Option<Sender>,
}

/// How long to wait for a datagram.
#[derive(Clone, Copy)]
pub(super) enum Wait {
    ForEver,
    For(Duration),
}

impl Received<'_> {
    /// Whether this only wakes the reader: an empty datagram from this very process.
    pub(super) fn is_wake_up(&self) -> bool {
        let is_ours = |sender: Sender| u32::try_from(sender.pid) == Ok(std::process::id());
        self.datagram.is_empty() && self.sender.is_some_and(is_ours)
    }
}

/// Receives from a socket, into the same memory again and again.
pub(super) struct Receiver<'a> {
    socket: &'a UnixDatagram,
    buffer: Vec<u8>,
    /// Room for one sender's credentials only: file descriptors that somebody sends along find
    /// none, and are closed by the kernel.
    control: Vec<u8>,
}

impl<'a> Receiver<'a> {
    pub(super) fn new(socket: &'a UnixDatagram) -> Self {
        Self { socket, buffer: vec![0; BUFFER_LEN], control: cmsg_space!(UnixCredentials) }
    }

    /// Receives a datagram; `None` if none came in time.
    pub(super) fn receive(&mut self, wait: Wait) -> io::Result<Option<Received<'_>>> {
        if let Wait::For(time) = wait
            && !becomes_readable(self.socket, time)?
        {
            return Ok(None);
        }
        let (len, sender) = loop {
            match self.receive_now() {
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
                Ok(received) => break received,
            }
        };
        let (datagram, cut_from) = match self.buffer.get(..len) {
            Some(datagram) => (datagram, None),
            None => (&*self.buffer, Some(len)),
        };
        Ok(Some(Received { datagram, cut_from, sender }))
    }

    /// Receives into the buffer, and returns how long the datagram was, cut or not.
    fn receive_now(&mut self) -> nix::Result<(usize, Option<Sender>)> {
        let mut parts = [IoSliceMut::new(&mut self.buffer)];
        let (fd, flags) =
            (self.socket.as_raw_fd(), MsgFlags::MSG_CMSG_CLOEXEC | MsgFlags::MSG_TRUNC);
        let message = recvmsg::<()>(fd, &mut parts, Some(&mut self.control), flags)?;
        let sender = message.cmsgs()?.find_map(|control| match control {
            ControlMessageOwned::ScmCredentials(of) => {
                Some(Sender { pid: of.pid(), uid: of.uid() })
            }
            _ => None,
        });
        Ok((message.bytes, sender))
    }
}

fn becomes_readable(socket: &UnixDatagram, time: Duration) -> io::Result<bool> {
    let timeout = PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX);
    match poll(&mut [PollFd::new(socket.as_fd(), PollFlags::POLLIN)], timeout) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::EINTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
