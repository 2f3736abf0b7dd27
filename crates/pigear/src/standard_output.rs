//! Whether standard output was open when the program started.
//!
//! If it wasn't, Rust opens `/dev/null` in its place before `main`, so that no other file gets its number.
//! Alerts would be lost there silently. So this checks before that.
#![expect(
    unsafe_code,
    reason = "a function that runs before `main` is named in a section of its own"
)]

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

static WAS_CLOSED: AtomicBool = AtomicBool::new(false);

// SAFETY: the section is a list of functions of this type, which the C library calls once, on the only
// thread. The function neither panics nor needs what Rust prepares for `main`.
#[cfg(target_os = "linux")]
#[used]
#[unsafe(link_section = ".init_array")]
static LOOK: extern "C" fn() = look;

#[cfg(target_os = "linux")]
extern "C" fn look() {
    let flags = nix::fcntl::fcntl(io::stdout(), nix::fcntl::FcntlArg::F_GETFD);
    WAS_CLOSED.store(flags == Err(nix::errno::Errno::EBADF), Ordering::Relaxed);
}

/// Standard output was closed when the program started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("standard output is closed; for no output, send it to /dev/null")]
pub(crate) struct Closed;

/// Standard output, if there is one.
pub(crate) fn open() -> Result<io::Stdout, Closed> {
    if WAS_CLOSED.load(Ordering::Relaxed) { Err(Closed) } else { Ok(io::stdout()) }
}
