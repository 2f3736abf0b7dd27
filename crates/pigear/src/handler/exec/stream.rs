//! A program that runs all the time, and gets a line per alert.
//!
//! If it ends, it is restarted, and gets again the lines that could not be written completely. Lines that
//! it has read but not processed are lost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pigear_alert::Alert;
use pigear_alert::format::{Colour, FormatName};
use pigear_pipeline::{Backoff, Deadline, Failure, Progress, Slept};
use tracing::{debug, warn};

use super::child::{Ended, Running};
use super::{CommandLine, Options};
use crate::handler::writer::{BatchWriter, WRITE_SIZE};
use crate::keys::SetupError;

/// A program that ran this long before it ended doesn't count as failing.
const STABLE_TIME: Duration = Duration::from_secs(10);

/// How long it has to end after SIGTERM.
const KILL_TIMEOUT: Duration = Duration::from_millis(200);

/// Feeds a program.
pub(super) struct Stream {
    command: CommandLine,
    writer: BatchWriter,
    running: Option<(Running, Instant)>,
    backoff: Backoff,
    pub(super) deadline: Deadline,
    /// The handler's name, for messages.
    pub(super) name: Arc<str>,
}

/// Why writing to a program stopped, after this many records.
struct Unwritten {
    records: usize,
    why: Why,
}

enum Why {
    /// It has ended, or closed its input.
    Gone,
    TimeUp,
}

impl Stream {
    pub(super) fn start(options: Options) -> Result<Self, SetupError> {
        let Options { command, format, .. } = options;
        let format = format.or(FormatName::Json);
        let format = format.build(Colour::Never).map_err(SetupError::Keys)?;
        let running = Running::start(command.command())
            .map_err(|error| format!("cannot start {}: {error}", command.program()))?;
        Ok(Self {
            command,
            writer: BatchWriter::new(format),
            running: Some((running, Instant::now())),
            backoff: Backoff::default(),
            deadline: Deadline::default(),
            name: Arc::default(),
        })
    }

    pub(super) fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
        let mut done = 0;
        while let Some(left) = alerts.get(done..)
            && !left.is_empty()
        {
            if self.deadline.hands_over() {
                return Err(Failure::time_up().after(done));
            }
            match self.write_some(left) {
                Ok(records) => done += records,
                Err(Unwritten { records, why }) => {
                    done += records;
                    if matches!(why, Why::TimeUp) || self.is_time_up_for_next_start() {
                        return Err(Failure::time_up().after(done));
                    }
                }
            }
        }
        Ok(Progress::All)
    }

    pub(super) fn program(&self) -> &str {
        self.command.program()
    }

    /// Writes the first alerts to the program, and returns how many.
    fn write_some(&mut self, alerts: &[Arc<Alert>]) -> Result<usize, Unwritten> {
        let records = self.writer.fill(alerts, WRITE_SIZE);
        let Some((running, _)) = &mut self.running else {
            return Err(Unwritten { records: 0, why: Why::Gone });
        };
        let mut written = 0;
        while let Some(rest) = records.bytes().get(written..)
            && !rest.is_empty()
        {
            running.listen();
            let unwritten = |why| Unwritten { records: records.whole(written).records, why };
            match running.feed(rest) {
                None => return Err(unwritten(Why::Gone)),
                Some(0) if self.deadline.is_up() => return Err(unwritten(Why::TimeUp)),
                Some(0) => running.rest(true),
                Some(n) => written += n,
            }
        }
        Ok(records.whole(written).records)
    }

    /// Waits for the program to end, and restarts it after a delay.
    fn is_time_up_for_next_start(&mut self) -> bool {
        let (how, output) = self.end();
        let wait = self.backoff.failed();
        if self.backoff.is_worth_a_line() {
            let program = self.command.program();
            warn!("handler {}: {program} {how}; restarting in {wait:?}{output}", self.name);
        }
        if self.deadline.sleep(wait) == Slept::TimeUp {
            return true;
        }
        match Running::start(self.command.command()) {
            Ok(running) => self.running = Some((running, Instant::now())),
            Err(error) => {
                let program = self.command.program();
                warn!("handler {}: cannot start {program}: {error}", self.name);
            }
        }
        false
    }

    /// Ends the program, which has closed its input, and describes how it ended, and its output.
    fn end(&mut self) -> (String, String) {
        let Some((mut running, since)) = self.running.take() else {
            return ("is not running".to_owned(), String::new());
        };
        if since.elapsed() >= STABLE_TIME {
            self.backoff.succeeded();
        }
        let ended = running.ends_within(KILL_TIMEOUT);
        if ended.is_none() {
            running.stop(KILL_TIMEOUT);
        }
        let how = ended.map(|status| Ended(status).to_string());
        let how = how.unwrap_or_else(|| "has closed its input".to_owned());
        (how, running.program_output().to_string())
    }

    /// Closes the program's input and waits for it to end, until the deadline.
    pub(super) fn finish(&mut self) -> Result<(), Failure> {
        let Some((mut running, _)) = self.running.take() else { return Ok(()) };
        running.end_input();
        let program = self.command.program();
        match running.ends_unless(|| self.deadline.is_up()) {
            Some(status) if status.success() => {
                debug!("{program} {}{}", Ended(status), running.program_output());
                Ok(())
            }
            Some(status) => {
                let how = format!("{program} {}{}", Ended(status), running.program_output());
                Err(Failure::refused(how))
            }
            None => {
                running.stop(KILL_TIMEOUT);
                let output = running.program_output();
                let (name, cause) = (&self.name, self.deadline.cause());
                warn!(
                    "handler {name}: {program} did not exit in time and was killed: {cause}{output}"
                );
                Ok(())
            }
        }
    }
}
