//! A run for each alert.
//!
//! Runs start in the order of the alerts, as many at once as allowed; after a failure no run starts until
//! the failure is reported. A batch is done when all its runs have ended.

use std::fmt::Display;
use std::io;
use std::num::NonZeroUsize;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Builder};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use pigear_alert::format::{Colour, Format, FormatName};
use pigear_alert::{Alert, AlertMessage};
use pigear_pipeline::{Backlog, Context, Deadline, Failure, Progress, Refusal, Slept};
use tracing::{debug, warn};

use super::child::{Ended, Running};
use super::children;
use super::rate::Limit;
use super::{CommandLine, Options};
use crate::handler::pace::{Pace, Work};
use crate::keys::SetupError;
use crate::visible::visible;

/// The default of `timeout`.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How long a program has to end after SIGTERM.
const KILL_TIMEOUT: Duration = Duration::from_secs(2);

/// The same at shutdown.
const SHUTDOWN_KILL_TIMEOUT: Duration = Duration::from_millis(200);

/// Runs a program for each alert.
pub(super) struct Each {
    runner: Runner,
    concurrency: NonZeroUsize,
    deadline: Deadline,
    backlog: Option<Backlog>,
}

struct Runner {
    /// The handler's name.
    name: Arc<str>,
    command: CommandLine,
    format: Box<dyn Format>,
    timeout: Duration,
    limit: Option<Limit>,
    /// How long a run takes.
    pace: Pace,
}

#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error("cannot start {program}: {source}")]
    NotStarted { program: String, source: io::Error },
    #[error("{program} {problem}")]
    Failed { program: String, problem: String },
    #[error("the time is up")]
    TimeUp,
}

impl RunError {
    /// Whether the failure concerns only this alert: its variables are too long, or the program failed. If a
    /// program can't be started for another reason (it is being replaced, say), that would fail for any
    /// alert.
    fn is_refusal(&self) -> bool {
        match self {
            Self::NotStarted { source, .. } => source.raw_os_error() == Some(Errno::E2BIG as i32),
            Self::Failed { .. } => true,
            Self::TimeUp => false,
        }
    }
}

impl Each {
    pub(super) fn new(options: Options) -> Result<Self, SetupError> {
        let format = options.format.or(FormatName::Json);
        let runner = Runner {
            name: Arc::default(),
            command: options.command,
            format: format.build(Colour::Never).map_err(SetupError::Keys)?,
            timeout: options.timeout.map_or(TIMEOUT, |timeout| timeout.0),
            limit: options.rate.map(Limit::new),
            pace: Pace::default(),
        };
        let concurrency = options.concurrency.unwrap_or(NonZeroUsize::MIN);
        Ok(Self { runner, concurrency, deadline: Deadline::default(), backlog: None })
    }

    pub(super) fn start(&mut self, context: Context) {
        let Context { name, deadline, backlog, .. } = context;
        (self.runner.name, self.deadline, self.backlog) = (name, deadline, Some(backlog));
    }

    pub(super) fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
        let outcomes = self.run(alerts);
        let ran = outcomes.len();
        let mut refused = Vec::new();
        for (index, outcome) in outcomes.into_iter().enumerate() {
            match outcome {
                Ok(()) => {}
                Err(error) if error.is_refusal() => {
                    let reason = error.to_string().into();
                    refused.push(Refusal { index, reason });
                }
                // Refused alerts come first; the rest is passed again.
                Err(_) if !refused.is_empty() => {
                    return Err(Failure::refused_among(index, refused));
                }
                Err(RunError::TimeUp) => return Err(Failure::time_up().after(index)),
                Err(error) => return Err(Failure::retry(error).after(index)),
            }
        }
        match NonZeroUsize::new(ran) {
            _ if !refused.is_empty() => Err(Failure::refused_among(ran, refused)),
            Some(ran) => Ok(Progress::First(ran)),
            None => Err(Failure::time_up()),
        }
    }

    pub(super) fn program(&self) -> &str {
        self.runner.command.program()
    }

    /// Whether a run may begin for the next of so many alerts.
    fn may_begin(&self, alerts: usize) -> bool {
        self.runner.pace.may_begin(&Work {
            deadline: &self.deadline,
            backlog: self.backlog.as_ref(),
            alerts,
            at_once: self.concurrency.get(),
        })
    }

    /// Runs the program for the first alerts: for all, if none fails and there is time.
    fn run(&self, alerts: &[Arc<Alert>]) -> Vec<Result<(), RunError>> {
        let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let outcomes = Mutex::new(Vec::new());
        let work = || {
            let left = || alerts.len().saturating_sub(next.load(Ordering::SeqCst));
            while !failed.load(Ordering::SeqCst) && self.may_begin(left()) {
                let n = next.fetch_add(1, Ordering::SeqCst);
                let Some(alert) = alerts.get(n) else { return };
                let outcome = self.runner.run(alert, &self.deadline);
                failed.fetch_or(outcome.is_err(), Ordering::SeqCst);
                outcomes.lock().unwrap_or_else(PoisonError::into_inner).push((n, outcome));
            }
        };
        thread::scope(|scope| {
            for _ in 1..self.concurrency.get().min(alerts.len()) {
                if let Err(error) = Builder::new().name("run".to_owned()).spawn_scoped(scope, work)
                {
                    debug!("running fewer programs at once than allowed: {error}");
                    break;
                }
            }
            work();
        });
        let mut outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
        outcomes.sort_by_key(|(n, _)| *n);
        outcomes.into_iter().map(|(_, outcome)| outcome).collect()
    }
}

impl Runner {
    fn run(&self, alert: &Alert, deadline: &Deadline) -> Result<(), RunError> {
        if let Some(limit) = &self.limit
            && (limit.wait(deadline) == Slept::TimeUp || !self.pace.may_begin(&Work::one(deadline)))
        {
            return Err(RunError::TimeUp);
        }
        let mut input = Vec::new();
        self.format.write(alert, &mut input);
        let mut command = self.command.command();
        set_environment(&mut command, alert);
        let mut running = Running::start(command).map_err(|source| RunError::NotStarted {
            program: self.command.program().to_owned(),
            source,
        })?;
        self.wait_for_end(&mut running, &input, deadline)
    }

    /// Feeds a program, reads its output, and waits until it ends or must be ended.
    fn wait_for_end(
        &self,
        running: &mut Running,
        mut input: &[u8],
        deadline: &Deadline,
    ) -> Result<(), RunError> {
        let begun = Instant::now();
        let kill_at = begun + self.timeout;
        loop {
            // A program need not read input that it doesn't use.
            let fed = running.feed(input).unwrap_or(input.len());
            input = input.get(fed..).unwrap_or_default();
            if input.is_empty() {
                running.end_input();
            }
            running.listen();
            if let Some(status) = running.ended() {
                self.pace.note(begun.elapsed());
                let output = running.program_output();
                if !status.success() && children::are_killed() {
                    return Err(RunError::TimeUp);
                }
                if !status.success() {
                    return Err(self.failed(format_args!("{}{output}", Ended(status))));
                }
                if !output.is_empty() {
                    debug!("{} {}{output}", self.command.program(), Ended(status));
                }
                return Ok(());
            }
            if deadline.is_up() {
                running.stop(SHUTDOWN_KILL_TIMEOUT);
                let (name, program, cause) = (&self.name, self.command.program(), deadline.cause());
                let output = running.program_output();
                warn!(
                    "handler {name}: {program} did not exit in time and was killed: {cause}{output}"
                );
                return Err(RunError::TimeUp);
            }
            if Instant::now() >= kill_at {
                self.pace.note(begun.elapsed());
                running.stop(KILL_TIMEOUT.min(deadline.left().unwrap_or(KILL_TIMEOUT)));
                let output = running.program_output();
                return Err(
                    self.failed(format_args!("took longer than {:?}{output}", self.timeout))
                );
            }
            running.rest(!input.is_empty());
        }
    }

    fn failed(&self, problem: impl Display) -> RunError {
        let program = self.command.program().to_owned();
        RunError::Failed { program, problem: problem.to_string() }
    }
}

/// Adds an alert's main fields to the environment. An unknown field has no variable. Text is printable:
/// control characters are escaped, and bytes that are not UTF-8 are U+FFFD.
fn set_environment(command: &mut Command, alert: &Alert) {
    let AlertMessage { sig_generator, sig_id, sig_rev, .. } = alert.message;
    let class = alert.class().map(|class| visible(class.name.as_bytes()));
    let variables = [
        ("PIGEAR_GID", Some(sig_generator.to_string())),
        ("PIGEAR_SID", Some(sig_id.to_string())),
        ("PIGEAR_REV", Some(sig_rev.to_string())),
        ("PIGEAR_MSG", Some(visible(&alert.msg()))),
        ("PIGEAR_PRIORITY", shown(alert.priority())),
        ("PIGEAR_CLASS", class),
        ("PIGEAR_SRC_IP", shown(alert.src_ip())),
        ("PIGEAR_SRC_PORT", shown(alert.src_port())),
        ("PIGEAR_DST_IP", shown(alert.dst_ip())),
        ("PIGEAR_DST_PORT", shown(alert.dst_port())),
        ("PIGEAR_PROTO", shown(alert.protocol())),
        ("PIGEAR_TIMESTAMP", Some(format!("{:.6}", alert.timestamp()))),
    ];
    for (name, value) in variables {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
}

fn shown(value: Option<impl ToString>) -> Option<String> {
    value.map(|value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_to_do_with_the_alert_is_a_refusal() {
        let not_started = |errno: Errno| RunError::NotStarted {
            program: "it".to_owned(),
            source: io::Error::from_raw_os_error(errno as i32),
        };
        for errno in [Errno::ENOENT, Errno::EACCES, Errno::ETXTBSY, Errno::EMFILE, Errno::ENOMEM] {
            assert!(!not_started(errno).is_refusal(), "{errno}");
        }
        assert!(not_started(Errno::E2BIG).is_refusal());
        let failed = RunError::Failed { program: "it".to_owned(), problem: "failed".to_owned() };
        assert!(failed.is_refusal() && !RunError::TimeUp.is_refusal());
    }
}
