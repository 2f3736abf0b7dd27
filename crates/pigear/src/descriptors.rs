//! File descriptors, of which a process may have a limited number.

use std::fs::File;
use std::io;

use nix::errno::Errno;

/// What the user can do if there are none left.
pub(crate) const MORE_DESCRIPTORS: &str =
    "raise the limit: LimitNOFILE=1024 in its unit, or ulimit -n 1024 in the shell that starts it";

/// Whether an error says that no descriptors are left.
pub(crate) fn is_of_descriptors(error: &io::Error) -> bool {
    let none_left = [Errno::EMFILE, Errno::ENFILE].map(|errno| errno as i32);
    error.raw_os_error().is_some_and(|errno| none_left.contains(&errno))
}

/// The error of the system, if fewer descriptors are left than are needed: for a library that doesn't say it.
pub(crate) fn no_descriptors(needed: usize) -> Option<io::Error> {
    let opened: io::Result<Vec<_>> = (0..needed).map(|_| File::open("/dev/null")).collect();
    opened.err().filter(is_of_descriptors)
}
