//! What went wrong, and what to do about it.

use std::process::ExitCode;

use pigear_pipeline::source::unix::BindError;
use pigear_pipeline::{PipelineError, SourceError};

use super::log;
use crate::config::ConfigError;
use crate::listen::ListenError;
use crate::registry::BuildError;

/// A failure of the whole program.
pub(super) struct Failure {
    error: anyhow::Error,
    hint: Option<&'static str>,
    status: u8,
}

const FAILED: u8 = 1;
const WRONG_USAGE: u8 = 2;

impl Failure {
    /// What was typed makes no sense.
    pub(super) fn usage(error: anyhow::Error) -> Self {
        Self { error, hint: Some("pigear --help lists what there is"), status: WRONG_USAGE }
    }

    pub(super) fn with_hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    /// Prints it, and gives the program's status.
    pub(super) fn report(&self) -> ExitCode {
        log::say(&format!("error: {:#}", self.error));
        if let Some(hint) = self.hint {
            log::say(&format!("hint: {hint}"));
        }
        ExitCode::from(self.status)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { error, hint: None, status: FAILED }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let status = match error {
            ConfigError::Broken { .. } => WRONG_USAGE,
            _ => FAILED,
        };
        Self { error: error.into(), hint: None, status }
    }
}

impl From<ListenError> for Failure {
    fn from(error: ListenError) -> Self {
        let (status, hint) = match &error {
            ListenError::Handler { problem: BuildError::Failed { .. }, .. } => (FAILED, None),
            ListenError::Handler { .. } => {
                (WRONG_USAGE, Some("pigear --help lists handlers and keys"))
            }
            ListenError::Filter { .. } => {
                (WRONG_USAGE, Some("docs/script.md has all fields and functions"))
            }
            #[cfg(feature = "store")]
            ListenError::Store { source, .. } => (FAILED, source.hint()),
            ListenError::Kept(_)
            | ListenError::UnknownUser { .. }
            | ListenError::UnknownGroup { .. }
            | ListenError::Source(_) => (WRONG_USAGE, None),
            ListenError::Socket { source, .. } => (FAILED, bind_hint(source)),
            _ => (FAILED, None),
        };
        Self { error: error.into(), hint, status }
    }
}

fn bind_hint(error: &BindError) -> Option<&'static str> {
    Some(match error {
        BindError::PathTooLong { .. } => {
            "use a log directory with a shorter path; Snort would cut this one and send elsewhere"
        }
        BindError::NoDirectory => "create it, or give Snort's log directory with --logdir",
        BindError::NoPermission => {
            "run as root or as a user who may write there, or give another directory with --logdir"
        }
        BindError::InUse => "stop it, or listen elsewhere with --logdir",
        BindError::Occupied { .. } => {
            "remove it if nobody needs it, or listen elsewhere with --logdir"
        }
        BindError::Group { .. } => "only root may give a socket to a group that it isn't in",
        _ => return None,
    })
}

impl From<PipelineError> for Failure {
    fn from(error: PipelineError) -> Self {
        const GO_ON: &str =
            "with --serve-forever, errors are counted and the next alert is handled";
        let hint = match &error {
            PipelineError::Handler { .. }
            | PipelineError::Source { source: SourceError::Malformed(_), .. } => Some(GO_ON),
            _ => None,
        };
        Self { error: error.into(), hint, status: FAILED }
    }
}
