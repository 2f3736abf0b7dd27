//! Errors of the whole program, with hints.

mod said;

use std::borrow::Cow;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::anyhow;
use pigear_pipeline::source::unified2::{OpenError, SpoolError};
use pigear_pipeline::source::unix::BindError;
use pigear_pipeline::{OnError, PipelineError, SourceError};

pub(super) use said::Said;

use super::log;
use super::mkdir::mkdir;
use crate::config::ConfigError;
use crate::descriptors::{MORE_DESCRIPTORS, is_of_descriptors};
use crate::listen::ListenError;
use crate::manual::manual;
use crate::output_file::dir;
use crate::registry::{BuildError, Unresolved};
#[cfg(feature = "store")]
use crate::store::{SelectionProblem, StoreProblem};

/// A failure of the whole program.
pub(super) struct Failure {
    error: anyhow::Error,
    hint: Option<Cow<'static, str>>,
    status: u8,
}

#[cfg(feature = "script")]
const FILTER_HINT: &str = concat!(manual!("script"), " has all fields and functions");

const FAILED: u8 = 1;
const WRONG_USAGE: u8 = 2;

impl Failure {
    /// The arguments are invalid.
    pub(super) fn usage(error: anyhow::Error) -> Self {
        Self {
            error,
            hint: Some("pigear --help lists commands and options".into()),
            status: WRONG_USAGE,
        }
    }

    /// A file is invalid.
    pub(super) fn wrong(error: anyhow::Error) -> Self {
        Self { error, hint: None, status: WRONG_USAGE }
    }

    pub(super) fn with_hint(self, hint: impl Into<Cow<'static, str>>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The same about a file that is invalid: what is wrong with it.
    pub(super) fn saying(self, error: anyhow::Error) -> Self {
        Self { error, status: WRONG_USAGE, ..self }
    }

    /// The error with its causes.
    pub(super) fn text(&self) -> String {
        format!("{:#}", self.error)
    }

    /// Prints the error, and returns the program's status.
    pub(super) fn report(&self) -> u8 {
        log::say(&format!("error: {:#}", self.error));
        if let Some(hint) = &self.hint {
            log::say(&format!("hint: {hint}"));
        }
        self.status
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { error, hint: None, status: FAILED }
    }
}

impl From<Unresolved> for Failure {
    fn from(error: Unresolved) -> Self {
        let status = match error {
            Unresolved::Absent(_) => WRONG_USAGE,
            Unresolved::Failed(_) => FAILED,
        };
        Self { error: error.into(), hint: None, status }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let (status, hint) = match &error {
            ConfigError::Broken { .. } => (WRONG_USAGE, None),
            ConfigError::Unreadable { source, .. } => (FAILED, ConfigError::hint_of(source.kind())),
        };
        Self { error: error.into(), hint: hint.map(Into::into), status }
    }
}

#[cfg(feature = "store")]
impl From<SelectionProblem> for Failure {
    fn from(problem: SelectionProblem) -> Self {
        let failure = Self::usage(anyhow!("{problem}"));
        match problem {
            #[cfg(feature = "script")]
            SelectionProblem::Filter(_) => failure.with_hint(FILTER_HINT),
            _ => failure,
        }
    }
}

impl From<ListenError> for Failure {
    fn from(error: ListenError) -> Self {
        Self::of_start(error, &Said::default())
    }
}

impl Failure {
    /// A configuration can't be run. Hints fit what was said.
    pub(super) fn of_start(error: ListenError, said: &Said) -> Self {
        let (status, hint) = match &error {
            ListenError::Handler { problem: BuildError::Failed { problem, .. }, .. }
                if problem.to_string().contains(LISTENS_THERE) =>
            {
                (FAILED, said.occupied_hint(None).map(Into::into))
            }
            ListenError::Metrics { address, problem } if problem.contains(IN_USE) => {
                (FAILED, said.occupied_hint(Some(address.port())).map(Into::into))
            }
            ListenError::Handler { problem: BuildError::Failed { .. }, .. }
            | ListenError::SourceHandler { problem: Unresolved::Failed(_), .. } => (FAILED, None),
            ListenError::Handler { problem: BuildError::Unknown { name, .. }, .. }
                if name.contains('.') =>
            {
                (WRONG_USAGE, Some(python_hint("data", name)))
            }
            ListenError::Filter { .. } => (WRONG_USAGE, Some(FILTER_HINT.into())),
            #[cfg(feature = "store")]
            ListenError::Store { source: StoreProblem::Full, .. } if said.limits_store => {
                (FAILED, Some("free disk space, or keep less with --keep-bytes".into()))
            }
            #[cfg(feature = "store")]
            ListenError::Store { source, path } => (FAILED, source.hint_at(path)),
            ListenError::UnknownSource { name } => (WRONG_USAGE, Some(python_hint("socket", name))),
            ListenError::Handler { problem: BuildError::Absent { .. }, .. }
            | ListenError::SourceHandler { .. }
            | ListenError::From { .. }
            | ListenError::NoSuchDescriptor { .. }
            | ListenError::StoreSettings(_)
            | ListenError::Output(_)
            | ListenError::Address(_)
            | ListenError::SocketTwice { .. }
            | ListenError::UnknownUser { .. }
            | ListenError::UnknownGroup { .. }
            | ListenError::Source(_) => (WRONG_USAGE, None),
            ListenError::Handler { .. } => {
                (WRONG_USAGE, Some("pigear --help lists handlers and keys".into()))
            }
            ListenError::Directories { missing } => {
                (FAILED, Some(create_hint(missing.iter().map(|missing| &*missing.path))))
            }
            ListenError::Socket { path, source: BindError::NoDirectory } => {
                let create = mkdir([dir(path)]);
                let create =
                    if dir(path).exists() { String::new() } else { create + " creates it; " };
                let hint = if said.names_socket {
                    format!("{create}{} names the socket", said.key("from"))
                } else {
                    format!("{create}{} names Snort's log directory", said.key("logdir"))
                };
                (FAILED, Some(hint.into()))
            }
            ListenError::Socket { source, .. } => (FAILED, bind_hint(source, said)),
            ListenError::Descriptor { .. } => (
                FAILED,
                Some("sockets for alerts have ListenDatagram=PATH in the socket unit".into()),
            ),
            ListenError::UnusedSocket { path } => {
                let from = path.display();
                let hint = format!(
                    "Snort would wait for a reader; add a [[source]] with from = \"{from}\", or remove it from the \
                     socket unit"
                );
                (FAILED, Some(hint.into()))
            }
            ListenError::Log { source: OpenError::Spool(problem), .. }
                if problem.is_wrong_usage() =>
            {
                (WRONG_USAGE, None)
            }
            ListenError::Log { source, .. } => (FAILED, log_hint(source, said)),
            _ => (FAILED, None),
        };
        let hint = hint.or_else(|| said.variables_in(&error.to_string()).map(Into::into));
        Self { error: error.into(), hint, status }
    }
}

/// As errors of the system say that an address is in use.
const IN_USE: &str = "in use";

/// The same of the page.
const LISTENS_THERE: &str = "another program listens there";

/// A name with dots is a Python class, which this program can't run.
fn python_hint(what: &str, name: &str) -> Cow<'static, str> {
    let command = format!("python3 -m pigear --{what}-handler {name}");
    format!("classes in Python need Pigear for Python: pip install . in a copy of its repository, then {command} …").into()
}

/// How to create directories.
pub(super) fn create_hint<'a>(paths: impl Iterator<Item = &'a Path>) -> Cow<'static, str> {
    format!("{} creates what is missing", mkdir(paths)).into()
}

fn bind_hint(error: &BindError, said: &Said) -> Option<Cow<'static, str>> {
    Some(match error {
        BindError::PathTooLong { .. } => {
            "use a log directory with a shorter path; Snort truncates this one and sends to another path".into()
        }
        BindError::NoPermission => {
            let place = said.another_place();
            format!("run as root or as a user who may write there, or give {place}").into()
        }
        BindError::InUse => format!("stop it, or use {}", said.another_place()).into(),
        BindError::Occupied { .. } => {
            format!("remove it if it is not needed, or use {}", said.another_place()).into()
        }
        BindError::Io(error) if is_of_descriptors(error) => MORE_DESCRIPTORS.into(),
        BindError::Group { .. } => "only root may give a socket to a group that it isn't in".into(),
        _ => return None,
    })
}

fn log_hint(error: &OpenError, said: &Said) -> Option<Cow<'static, str>> {
    let bookmark = said.key("bookmark");
    Some(match error {
        OpenError::Bookmark { source, .. } if source.kind() == ErrorKind::InvalidData => format!(
            "name another file with {bookmark}, or remove this one to start without a bookmark"
        )
        .into(),
        OpenError::Bookmark { .. } => format!("name another file with {bookmark}").into(),
        OpenError::Spool(SpoolError::Unreadable { source, .. })
            if source.kind() == ErrorKind::NotFound =>
        {
            "create it: the log's files may be missing, but their directory must exist".into()
        }
        _ => return None,
    })
}

impl Failure {
    /// A run ended early. That `--serve-forever` would help is only said if it wasn't given.
    pub(super) fn of_run(error: PipelineError, on_error: OnError) -> Self {
        const SERVE_FOREVER: &str =
            "with --serve-forever, errors are counted and the next alert is handled";
        let may_go_on = matches!(
            error,
            PipelineError::Handler { .. }
                | PipelineError::Source { source: SourceError::Malformed(_), .. }
        );
        let hint = (may_go_on && on_error == OnError::Stop).then(|| SERVE_FOREVER.into());
        Self { error: error.into(), hint, status: FAILED }
    }
}
