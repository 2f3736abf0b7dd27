//! Receives one datagram and its sender.

use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pigear_alert::Sender;

use super::control::Control;

/// Room for the longest alert; a longer datagram is truncated.
const BUFFER_LEN: usize = 66 * 1024;

/// A datagram in the receiver's memory.
pub(super) struct Received<'a> {
    pub(super) datagram: &'a [u8],
    /// The datagram's length, if it was longer than the buffer, and so not an alert.
    pub(super) cut_from: Option<usize>,
    /// The sender, from the kernel.
    pub(super) sender: Option<Sender>,
}

/// How long to wait for a datagram.
#[derive(Clone, Copy)]
pub(super) enum Wait {
    ForEver,
    For(Duration),
}

impl Received<'_> {
    /// Whether this only wakes the reader: an empty datagram from this process.
    pub(super) fn is_wake_up(&self) -> bool {
        let is_ours = |sender: Sender| u32::try_from(sender.pid) == Ok(std::process::id());
        self.datagram.is_empty() && self.sender.is_some_and(is_ours)
    }
}

/// Receives into the same memory each time.
pub(super) struct Receiver {
    buffer: Vec<u8>,
    control: Control,
}

impl Receiver {
    pub(super) fn new() -> Self {
        Self { buffer: vec![0; BUFFER_LEN], control: Control::default() }
    }

    /// Receives a datagram; `None` if none came in time.
    pub(super) fn receive(
        &mut self,
        socket: &UnixDatagram,
        wait: Wait,
    ) -> Result<Option<Received<'_>>, Errno> {
        if let Wait::For(_) = wait
            && !becomes_readable(socket, wait)?
        {
            return Ok(None);
        }
        let (len, sender) = loop {
            match self.control.receive(socket.as_raw_fd(), &mut self.buffer) {
                Err(Errno::EINTR) => {}
                // The socket need not be in blocking mode.
                Err(Errno::EAGAIN) => match wait {
                    Wait::For(_) => return Ok(None),
                    Wait::ForEver => {
                        becomes_readable(socket, wait)?;
                    }
                },
                received => break received?,
            }
        };
        let (datagram, cut_from) = match self.buffer.get(..len) {
            Some(datagram) => (datagram, None),
            None => (&*self.buffer, Some(len)),
        };
        Ok(Some(Received { datagram, cut_from, sender }))
    }
}

/// False if it doesn't in time, or a signal came.
fn becomes_readable(socket: &UnixDatagram, wait: Wait) -> Result<bool, Errno> {
    let timeout = match wait {
        Wait::ForEver => PollTimeout::NONE,
        Wait::For(time) => PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX),
    };
    match poll(&mut [PollFd::new(socket.as_fd(), PollFlags::POLLIN)], timeout) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::EINTR) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_does_not_block_is_waited_for() {
        let (ours, theirs) = UnixDatagram::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let received = std::thread::spawn(move || {
            let mut receiver = Receiver::new();
            let received = receiver.receive(&ours, Wait::ForEver).unwrap();
            received.map(|received| received.datagram.to_vec())
        });
        // Returning at once, it would be done before long.
        (0..1_000).for_each(|_| std::thread::yield_now());
        theirs.send(b"hello").unwrap();
        assert_eq!(received.join().unwrap().as_deref(), Some(&b"hello"[..]));
    }
}
