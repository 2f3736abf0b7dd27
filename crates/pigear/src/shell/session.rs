//! The dialogue between the user and the shell.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use pigear_alert::Alert;
use pigear_alert::format::Colour;
use pigear_pipeline::{Backlog, Deadline};
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{ColorMode, CompletionType, Config, Editor};
use tracing::warn;

use super::alerts::Alerts;
use super::completion::Completion;
use super::editing::Editing;
use super::interpreter::Interpreter;
use super::interrupt::foreground;
use super::terminal::{self, Gate};
use super::{help, history, show};
use crate::handler::print::colour;
use crate::rules::SharedRules;

/// The user's decision about an alert.
pub(super) enum Outcome {
    Next,
    Quit,
    /// The terminal failed.
    Failed(String),
}

/// The dialogue between the user and the shell, from the first alert to the last.
pub(super) struct Session {
    alerts: Arc<Mutex<Alerts>>,
    completion: Arc<Mutex<Completion>>,
    interrupted: Arc<AtomicBool>,
    interpreter: Interpreter,
    colour: Colour,
    gate: Gate,
    history: Option<PathBuf>,
    editor: Option<LineEditor>,
    skip: Option<Skip>,
}

/// The alerts that `next N` passes over: of those that waited then.
struct Skip {
    asked: Timestamp,
    left: usize,
    skipped: usize,
}

type LineEditor = Editor<Editing, FileHistory>;

/// The meaning of a line.
enum Step {
    Nothing,
    Say(String),
    End(Outcome),
}

impl Session {
    pub(super) fn new(
        gate: Gate,
        history: Option<PathBuf>,
        rules: SharedRules,
        backlog: Option<Backlog>,
        deadline: Deadline,
    ) -> Self {
        let alerts = Arc::new(Mutex::new(Alerts::new(backlog)));
        let interrupted = Arc::default();
        let interpreter = Interpreter::new(&alerts, &interrupted, rules, deadline);
        let (completion, colour) = (Arc::default(), colour());
        let (editor, skip) = (None, None);
        Self { alerts, completion, interrupted, interpreter, colour, gate, history, editor, skip }
    }

    /// Lets the user work with an alert, until done.
    pub(super) fn look_at(&mut self, alert: &Arc<Alert>) -> Outcome {
        let _foreground = foreground(&self.interrupted);
        let number = self.alerts().add(alert);
        if self.passes_over(alert) {
            return Outcome::Next;
        }
        self.interpreter.look_at(alert);
        lock(&self.completion).look_at(alert);
        show::say(&show::line(alert, self.colour));
        loop {
            let step = match self.read(number) {
                Ok(line) => self.obey(line.trim()),
                Err(ReadlineError::Interrupted | ReadlineError::Signal(_)) => Step::Nothing,
                Err(ReadlineError::Eof) if terminal::is_gone() => Step::End(Outcome::Quit),
                Err(ReadlineError::Eof) => Step::End(Outcome::Next),
                Err(_) if terminal::is_gone() => Step::End(Outcome::Quit),
                Err(error) => Step::End(Outcome::Failed(format!("cannot read a line: {error}"))),
            };
            match step {
                Step::Nothing => {}
                Step::Say(text) => show::say(text.trim_end_matches('\n')),
                Step::End(outcome) => return self.end(outcome),
            }
        }
    }

    /// Whether `next N` passes over this alert. What came only after it is shown: behind a filter it is not
    /// known how many of those that wait will be seen.
    fn passes_over(&mut self, alert: &Alert) -> bool {
        let Some(skip) = self.skip.as_mut().filter(|skip| skip.left > 0) else { return false };
        if alert.received <= skip.asked {
            (skip.left, skip.skipped) = (skip.left - 1, skip.skipped + 1);
            return true;
        }
        show::say(&format!(
            "skipped {}: no more of those that waited passed the filter",
            skip.skipped
        ));
        self.skip = None;
        false
    }

    fn end(&self, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Next if self.alerts().may_be_long() => {
                show::say("waiting for the next alert; Ctrl-C ends");
            }
            Outcome::Quit => {
                let waiting = self.alerts().waiting();
                if let Some(number) = waiting.strip_suffix(" wait") {
                    let were = if number == "1" { "alert was" } else { "alerts were" };
                    show::say(&format!("{number} more {were} not examined"));
                }
            }
            _ => {}
        }
        outcome
    }

    fn read(&mut self, number: usize) -> Result<String, ReadlineError> {
        let waiting = self.alerts().waiting();
        let comma = if waiting.is_empty() { "" } else { ", " };
        let prompt = format!("pigear[{number}{comma}{waiting}]> ");
        let editor = match &mut self.editor {
            Some(editor) => editor,
            none => none.insert(editor(&self.completion, self.colour, self.history.as_deref())?),
        };
        let read = self.gate.read(|| editor.readline(&prompt));
        // The deadline has come, and the lane has left.
        let line = read.unwrap_or(Err(ReadlineError::Eof))?;
        if editor.add_history_entry(&line)?
            && let Some(path) = &self.history
            && let Err(error) = editor.append_history(path)
        {
            warn!("cannot write {}: {error}", path.display());
            self.history = None;
        }
        Ok(line)
    }

    fn obey(&mut self, line: &str) -> Step {
        match line {
            "" => Step::Nothing,
            "next" => Step::End(Outcome::Next),
            "quit" | "exit" | "quit()" | "exit()" => Step::End(Outcome::Quit),
            "alerts" => Step::Say(self.alerts().list(self.colour)),
            "layers" => self.run("layers(alert)"),
            "rule" => self.run("rule(alert)"),
            _ if line.starts_with("next ") => self.pass_over(line),
            _ => match help_on(line) {
                Some(subject) => Step::Say(help::on(subject)),
                None => self.run(line),
            },
        }
    }

    /// `next N` goes on to the Nth of the alerts that wait.
    fn pass_over(&mut self, line: &str) -> Step {
        let number = line.strip_prefix("next").and_then(|number| number.trim().parse().ok());
        let Some(number @ 1..) = number else {
            return Step::Say("error: next takes a number of alerts, such as next 5".to_owned());
        };
        let asked = Timestamp::now();
        let alerts = self.alerts();
        let (waiting, shown) = (alerts.number_waiting(), alerts.waiting());
        drop(alerts);
        self.skip = Some(Skip { asked, left: number.min(waiting.max(1)) - 1, skipped: 0 });
        if number > waiting.max(1) {
            show::say(&if waiting == 0 { "none wait".to_owned() } else { format!("only {shown}") });
        }
        Step::End(Outcome::Next)
    }

    fn run(&mut self, script: &str) -> Step {
        let result = self.interpreter.run(script);
        let (variables, functions) = (self.interpreter.variables(), self.interpreter.functions());
        lock(&self.completion).know(variables, functions);
        match result {
            Ok(Some(text)) => Step::Say(text),
            Ok(None) => Step::Nothing,
            // The terminal prints ^C before this.
            Err(_) if self.interrupted.load(Ordering::Relaxed) => {
                Step::Say("\ninterrupted".to_owned())
            }
            Err(problem) => Step::Say(format!("error: {problem}")),
        }
    }

    fn alerts(&self) -> MutexGuard<'_, Alerts> {
        lock(&self.alerts)
    }
}

/// `help`, `?`, `help(msg)`, `?msg` and `msg?` ask for help on a subject.
fn help_on(line: &str) -> Option<&str> {
    let marked = line.strip_prefix('?').or_else(|| line.strip_suffix('?'));
    let called = || {
        let rest = line.strip_prefix("help")?;
        let inner = rest.trim().strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        inner.or_else(|| rest.is_empty().then_some("")).or_else(|| rest.strip_prefix(' '))
    };
    marked.or_else(called).map(str::trim)
}

fn editor(
    completion: &Arc<Mutex<Completion>>,
    colour: Colour,
    history: Option<&std::path::Path>,
) -> Result<LineEditor, ReadlineError> {
    let color_mode = match colour {
        Colour::Always => ColorMode::Enabled,
        Colour::Never => ColorMode::Disabled,
    };
    let config = Config::builder()
        .max_history_size(history::ENTRIES)?
        .history_ignore_dups(true)?
        .history_ignore_space(true)
        .completion_type(CompletionType::List)
        .completion_show_all_if_ambiguous(true)
        .color_mode(color_mode)
        .build();
    let mut editor = Editor::with_config(config)?;
    editor.set_helper(Some(Editing { completion: Arc::clone(completion), colour }));
    if let Some(path) = history {
        let read = history::create_dir_of(path).map_err(ReadlineError::from);
        match read.and_then(|()| editor.load_history(path)) {
            Err(ReadlineError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => warn!("cannot read {}: {error}", path.display()),
            Ok(()) => {}
        }
    }
    Ok(editor)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
