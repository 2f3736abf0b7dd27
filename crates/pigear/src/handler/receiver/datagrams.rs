use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixDatagram;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, send};
use pigear_pipeline::Deadline;

use super::outlet::{Outlet, SendError, wait_for_room};
use crate::handler::writer::Records;

/// A connected datagram socket: a record per datagram.
pub(in crate::handler) struct Datagrams {
    socket: OwnedFd,
    refused: Refused,
}

/// The datagram that a refusal is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Refused {
    This,
    #[cfg(feature = "syslog")]
    TheOneBefore,
}

impl Datagrams {
    pub(in crate::handler) fn unix(socket: UnixDatagram) -> Self {
        Self { socket: socket.into(), refused: Refused::This }
    }

    /// Over UDP, a refusal (ICMP) arrives with a delay.
    #[cfg(feature = "syslog")]
    pub(in crate::handler) fn udp(socket: std::net::UdpSocket) -> Self {
        Self { socket: socket.into(), refused: Refused::TheOneBefore }
    }
}

impl Outlet for Datagrams {
    fn send(
        &mut self,
        records: &Records,
        sent: &mut usize,
        deadline: &Deadline,
    ) -> Result<(), SendError> {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        while let Some(record) = records.get(*sent) {
            match send(self.socket.as_raw_fd(), record, flags) {
                Ok(_) => *sent += 1,
                Err(Errno::EAGAIN | Errno::ENOBUFS) => wait_for_room(&self.socket, deadline)?,
                Err(Errno::EINTR) => {}
                Err(error) => {
                    if error == Errno::ECONNREFUSED && self.refused != Refused::This {
                        *sent = sent.saturating_sub(1);
                    }
                    return Err(error.into());
                }
            }
        }
        Ok(())
    }

    fn closed(&mut self) -> Option<std::io::Error> {
        None
    }
}
