//! A socket that is bound as safely as Pigear's own.

use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::path::PathBuf;

use pigear_pipeline::source::unix::{self, SocketSettings};
use pyo3::prelude::*;

use crate::error::{cannot_bind, in_words};

/// A bound socket, which is removed from the file system when this is dropped.
///
/// Replaces only a stale socket, and removes only what it bound.
#[pyclass(frozen, module = "pigear._pigear")]
pub(crate) struct Binding(unix::Binding);

#[pymethods]
impl Binding {
    #[new]
    #[pyo3(signature = (path, mode=0o660))]
    #[expect(clippy::needless_pass_by_value, reason = "so that Python can pass it")]
    fn new(path: PathBuf, mode: u32) -> PyResult<Self> {
        let settings = SocketSettings { mode, ..SocketSettings::default() };
        unix::Binding::new(&path, settings).map(Self).map_err(|error| {
            let text = format!("cannot listen on {}: {}", path.display(), in_words(&error));
            cannot_bind(&error, text)
        })
    }

    /// The socket's file descriptor, which remains owned by this object.
    fn fileno(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }

    /// Removes the socket's path, if it is still ours.
    fn unlink(&self) {
        self.0.unlink();
    }
}
