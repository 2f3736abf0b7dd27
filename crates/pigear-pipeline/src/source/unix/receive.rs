//! Receives one datagram and its sender.

use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pigear_alert::Sender;

use super::control::Control;
use crate::pulse::Pulse;

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

/// Where to receive.
#[derive(Clone, Copy)]
pub(super) struct Sockets<'a> {
    pub(super) alerts: &'a UnixDatagram,
    /// Where wake-ups arrive, if not between alerts; doesn't block.
    pub(super) wake_ups: Option<&'a UnixDatagram>,
}

/// Receives into the same memory each time.
pub(super) struct Receiver {
    buffer: Vec<u8>,
    control: Control,
    pulse: Pulse,
}

impl Receiver {
    pub(super) fn new(pulse: Pulse) -> Self {
        Self { buffer: vec![0; BUFFER_LEN], control: Control::default(), pulse }
    }

    /// Receives a datagram; `None` if none came in time.
    pub(super) fn receive(
        &mut self,
        sockets: Sockets<'_>,
        wait: Wait,
    ) -> Result<Option<Received<'_>>, Errno> {
        self.pulse.beat();
        let Some((len, sender)) = self.receive_into(sockets, wait)? else { return Ok(None) };
        let (datagram, cut_from) = match self.buffer.get(..len) {
            Some(datagram) => (datagram, None),
            None => (&*self.buffer, Some(len)),
        };
        Ok(Some(Received { datagram, cut_from, sender }))
    }

    /// The length of a datagram, and its sender.
    fn receive_into(
        &mut self,
        sockets: Sockets<'_>,
        wait: Wait,
    ) -> Result<Option<(usize, Option<Sender>)>, Errno> {
        if let Wait::For(_) = wait
            && !sockets.become_readable(wait)?
        {
            return Ok(None);
        }
        loop {
            match self.control.receive(sockets.alerts.as_raw_fd(), &mut self.buffer) {
                Err(Errno::EINTR) => {}
                // The socket need not be in blocking mode.
                Err(Errno::EAGAIN) => match wait {
                    Wait::ForEver if sockets.become_readable(wait)? => {}
                    _ => return Ok(None),
                },
                received => return received.map(Some),
            }
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.pulse.end();
    }
}

impl Sockets<'_> {
    /// Whether there is a datagram; false if none comes in time, or a wake-up or a signal came.
    fn become_readable(self, wait: Wait) -> Result<bool, Errno> {
        let timeout = match wait {
            Wait::ForEver => PollTimeout::NONE,
            Wait::For(time) => PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX),
        };
        let wake_ups = self.wake_ups.unwrap_or(self.alerts);
        let mut polled =
            [self.alerts, wake_ups].map(|it| PollFd::new(it.as_fd(), PollFlags::POLLIN));
        match poll(&mut polled, timeout) {
            Ok(_) => {
                let [alerts, wake_up] = polled.map(|it| it.any().unwrap_or(true));
                if wake_up && let Some(wake_ups) = self.wake_ups {
                    while wake_ups.recv(&mut [0]).is_ok() {}
                }
                Ok(alerts)
            }
            Err(Errno::EINTR) => Ok(false),
            Err(error) => Err(error),
        }
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
            let mut receiver = Receiver::new(Pulse::new("socket".to_owned()));
            let sockets = Sockets { alerts: &ours, wake_ups: None };
            let received = receiver.receive(sockets, Wait::ForEver).unwrap();
            received.map(|received| received.datagram.to_vec())
        });
        // Returning at once, it would be done before long.
        (0..1_000).for_each(|_| std::thread::yield_now());
        theirs.send(b"hello").unwrap();
        assert_eq!(received.join().unwrap().as_deref(), Some(&b"hello"[..]));
    }

    #[test]
    fn a_wake_up_beside_the_socket_ends_the_wait_and_is_gone_then() {
        let (alerts, sender) = UnixDatagram::pair().unwrap();
        let (wake_ups, waker) = UnixDatagram::pair().unwrap();
        alerts.set_nonblocking(true).unwrap();
        wake_ups.set_nonblocking(true).unwrap();
        let sockets = Sockets { alerts: &alerts, wake_ups: Some(&wake_ups) };
        let mut receiver = Receiver::new(Pulse::new("socket".to_owned()));
        let mut receive = || {
            let received = receiver.receive(sockets, Wait::ForEver).unwrap();
            received.map(|received| received.datagram.to_vec())
        };
        waker.send(&[]).unwrap();
        waker.send(&[]).unwrap();
        assert_eq!(receive(), None);
        sender.send(b"hello").unwrap();
        assert_eq!(receive().as_deref(), Some(&b"hello"[..]));
    }
}
