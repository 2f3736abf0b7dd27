use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, send};
use pigear_pipeline::Ending;

use super::{Outlet, SendError, wait_for_room};
use crate::handler::writer::Records;

/// A connected socket for datagrams: a record each.
pub(in crate::handler) struct Datagrams(pub(in crate::handler) OwnedFd);

impl Outlet for Datagrams {
    fn send(
        &mut self,
        records: &Records,
        sent: &mut usize,
        ending: &Ending,
    ) -> Result<(), SendError> {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        while let Some(record) = records.get(*sent) {
            match send(self.0.as_raw_fd(), record, flags) {
                Ok(_) => *sent += 1,
                Err(Errno::EAGAIN | Errno::ENOBUFS) => wait_for_room(&self.0, ending)?,
                Err(Errno::EINTR) => {}
                Err(error) => {
                    // Over UDP, this is about the datagram before.
                    if error == Errno::ECONNREFUSED {
                        *sent = sent.saturating_sub(1);
                    }
                    return Err(error.into());
                }
            }
        }
        Ok(())
    }

    fn is_closed(&mut self) -> bool {
        false
    }
}
