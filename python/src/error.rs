//! Errors, as the exceptions that Python's users expect.

use std::error::Error;
use std::io;

use pigear::listen::ListenError;
use pigear_pipeline::recording::RecordingError;
use pigear_pipeline::source::unix::BindError;
use pigear_pipeline::{PipelineError, SourceError};
use pyo3::exceptions::{
    PyFileExistsError, PyFileNotFoundError, PyLookupError, PyOSError, PyPermissionError,
    PyRuntimeError, PySystemExit, PyValueError,
};
use pyo3::{PyErr, create_exception};

create_exception!(pigear, DecodeError, PyValueError, "A datagram is not an alert.");
create_exception!(
    pigear,
    Absent,
    PyLookupError,
    "A class that was named isn't there, or is no such."
);

create_exception!(
    pigear,
    Quit,
    PySystemExit,
    "Raised by a data handler that is done with the alert: ends Pigear."
);

/// The error with its causes, on one line.
pub(crate) fn in_words(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

pub(crate) fn cannot_decode(error: &pigear_alert::wire::DecodeError) -> PyErr {
    DecodeError::new_err(error.to_string())
}

pub(crate) fn cannot_bind(error: &BindError, text: String) -> PyErr {
    match error {
        BindError::NoPermission => PyPermissionError::new_err(text),
        BindError::NoDirectory => PyFileNotFoundError::new_err(text),
        BindError::InUse | BindError::Occupied { .. } => PyFileExistsError::new_err(text),
        BindError::PathTooLong { .. } => PyValueError::new_err(text),
        _ => PyOSError::new_err(text),
    }
}

pub(crate) fn cannot_listen(error: &ListenError) -> PyErr {
    let text = in_words(error);
    if let ListenError::Socket { source, .. } = error {
        return cannot_bind(source, text);
    }
    match io_cause(error) {
        Some(cause) => cannot_read(cause, text),
        None if matches!(error, ListenError::Recording { .. }) => PyOSError::new_err(text),
        None => PyValueError::new_err(text),
    }
}

fn io_cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    let mut causes = std::iter::successors(Some(error), |&error| error.source());
    causes.find_map(|cause| match cause.downcast_ref() {
        Some(RecordingError::Io(error)) => Some(error),
        _ => cause.downcast_ref(),
    })
}

fn cannot_read(error: &io::Error, text: String) -> PyErr {
    match error.kind() {
        io::ErrorKind::NotFound => PyFileNotFoundError::new_err(text),
        io::ErrorKind::PermissionDenied => PyPermissionError::new_err(text),
        _ => PyOSError::new_err(text),
    }
}

pub(crate) fn ended(error: &PipelineError) -> PyErr {
    match error {
        PipelineError::Source { source: SourceError::Malformed(error), .. } => cannot_decode(error),
        PipelineError::Source { .. } => PyOSError::new_err(in_words(error)),
        _ => PyRuntimeError::new_err(in_words(error)),
    }
}
