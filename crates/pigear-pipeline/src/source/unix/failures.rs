use std::thread;
use std::time::Duration;

use nix::errno::Errno;

/// The wait after a failure, doubled after each further one …
const FIRST_PAUSE: Duration = Duration::from_millis(1);
/// … up to this: Snort waits meanwhile.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// Consecutive failures to receive.
///
/// `recvmsg(2)` fails for temporary reasons: no memory (`ENOMEM`, `ENOBUFS`), an error that the kernel
/// stored for the socket (`ECONNRESET`, `ECONNREFUSED`), a security module's policy (`EACCES`, `EPERM`).
/// None of them affects the next datagram, so receiving continues. Only if the descriptor is no longer a
/// socket can no datagram follow.
#[derive(Debug, Default)]
pub struct Failures {
    in_a_row: u32,
}

impl Failures {
    /// Whether retrying is useless.
    #[must_use]
    pub fn is_final(errno: Errno) -> bool {
        matches!(errno, Errno::EBADF | Errno::ENOTSOCK | Errno::EOPNOTSUPP)
    }

    /// A datagram came.
    pub fn end(&mut self) {
        self.in_a_row = 0;
    }

    /// Counts a failure, and waits a little, so that a permanent one doesn't use a whole processor.
    pub fn pause(&mut self) {
        thread::sleep(pause_after(self.in_a_row));
        self.in_a_row = self.in_a_row.saturating_add(1);
    }
}

fn pause_after(failures: u32) -> Duration {
    2_u32
        .checked_pow(failures)
        .and_then(|times| FIRST_PAUSE.checked_mul(times))
        .map_or(LONGEST_PAUSE, |pause| pause.min(LONGEST_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_descriptor_that_is_no_socket_ends_receiving() {
        let passing = [
            Errno::ENOBUFS,
            Errno::ENOMEM,
            Errno::EMSGSIZE,
            Errno::ECONNREFUSED,
            Errno::ECONNRESET,
            Errno::ENOTCONN,
            Errno::EFAULT,
            Errno::EINVAL,
            Errno::EIO,
            Errno::EPERM,
            Errno::EACCES,
            Errno::EMFILE,
        ];
        assert!(!passing.into_iter().any(Failures::is_final));
        assert!([Errno::EBADF, Errno::ENOTSOCK].into_iter().all(Failures::is_final));
    }

    #[test]
    fn pauses_grow_and_stay_short() {
        let millis = |failures| pause_after(failures).as_millis();
        assert_eq!([0, 1, 2, 6, 7, 40, u32::MAX].map(millis), [1, 2, 4, 64, 100, 100, 100]);
    }
}
