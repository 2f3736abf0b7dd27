use std::io::IoSliceMut;
use std::os::fd::RawFd;

use nix::libc;
use nix::sys::socket::{MsgFlags, recvmsg};
use pigear_alert::Sender;

/// `cmsghdr` of Linux: length, level and type.
const HEADER_LEN: usize = size_of::<usize>() + 2 * size_of::<i32>();
/// `ucred`: process, user and group.
const CREDENTIALS_LEN: usize = 3 * size_of::<u32>();
/// Data begins at a multiple of a word.
const LEN: usize = (HEADER_LEN + CREDENTIALS_LEN).next_multiple_of(size_of::<usize>());

/// The kernel's ancillary data of a datagram: who sent it.
///
/// There is room only for that. File descriptors that a sender attaches (`SCM_RIGHTS`) don't fit: the
/// kernel closes them before this process gets them. It writes the credentials first, so these are
/// complete nevertheless.
#[derive(Debug, Default)]
pub struct Control([u8; LEN]);

impl Control {
    /// Receives a datagram from a socket with `SO_PASSCRED`. Returns its length, which may be more than
    /// the buffer has, and its sender.
    ///
    /// # Errors
    /// The error of `recvmsg(2)`.
    pub fn receive(
        &mut self,
        fd: RawFd,
        buffer: &mut [u8],
    ) -> nix::Result<(usize, Option<Sender>)> {
        // Don't attribute the datagram to the previous sender.
        self.0 = [0; LEN];
        let flags = MsgFlags::MSG_CMSG_CLOEXEC | MsgFlags::MSG_TRUNC;
        let mut parts = [IoSliceMut::new(buffer)];
        let len = recvmsg::<()>(fd, &mut parts, Some(&mut self.0), flags)?.bytes;
        Ok((len, self.sender()))
    }

    /// nix returns no message at all if one didn't fit, so the first one is parsed here.
    fn sender(&self) -> Option<Sender> {
        let (len, rest) = self.0.split_first_chunk()?;
        let (level, rest) = rest.split_first_chunk()?;
        let (kind, rest) = rest.split_first_chunk()?;
        let (pid, rest) = rest.split_first_chunk()?;
        let is_credentials = usize::from_ne_bytes(*len) >= HEADER_LEN + CREDENTIALS_LEN
            && i32::from_ne_bytes(*level) == libc::SOL_SOCKET
            && i32::from_ne_bytes(*kind) == libc::SCM_CREDENTIALS;
        let uid = rest.first_chunk()?;
        is_credentials
            .then(|| Sender { pid: i32::from_ne_bytes(*pid), uid: u32::from_ne_bytes(*uid) })
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::{AsFd, AsRawFd};
    use std::os::unix::net::UnixDatagram;

    use nix::sys::socket::{ControlMessage, sendmsg, setsockopt, sockopt::PassCred};

    use super::*;

    #[test]
    fn the_sender_is_known_also_where_descriptors_are_sent_along() {
        let (ours, theirs) = UnixDatagram::pair().unwrap();
        setsockopt(&ours.as_fd(), PassCred, &true).unwrap();
        let (mut control, mut buffer) = (Control::default(), [0; 8]);
        let us = Sender {
            pid: i32::try_from(std::process::id()).unwrap(),
            uid: nix::unistd::getuid().as_raw(),
        };
        for count in [0, 1, 253] {
            let fds = vec![theirs.as_raw_fd(); count];
            let rights = [ControlMessage::ScmRights(&fds)];
            let along = if count == 0 { &[] } else { &rights[..] };
            let part = [std::io::IoSlice::new(b"hello")];
            sendmsg::<()>(theirs.as_raw_fd(), &part, along, MsgFlags::empty(), None).unwrap();
            let received = control.receive(ours.as_raw_fd(), &mut buffer).unwrap();
            assert_eq!(received, (5, Some(us)), "{count}");
        }
        setsockopt(&ours.as_fd(), PassCred, &false).unwrap();
        theirs.send(b"hello").unwrap();
        assert_eq!(control.receive(ours.as_raw_fd(), &mut buffer), Ok((5, None)));
    }
}
