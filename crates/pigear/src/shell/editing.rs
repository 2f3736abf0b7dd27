//! The callbacks of the line editor.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use pigear_alert::format::Colour;
use rustyline::completion::Completer;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper};

use super::completion::Completion;
use super::tokens::{Scan, TokenKind};

/// Completes, colours, and tells whether the input continues on another line.
pub(super) struct Editing {
    pub(super) completion: Arc<Mutex<Completion>>,
    pub(super) colour: Colour,
}

impl Helper for Editing {}

impl Completer for Editing {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        pos: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let completion = self.completion.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(completion.complete(line.get(..pos).unwrap_or(line)))
    }
}

impl Hinter for Editing {
    type Hint = String;
}

impl Highlighter for Editing {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        if self.colour == Colour::Never {
            return line.into();
        }
        let scan = Scan::of(line);
        let painted = scan.pieces.into_iter().map(|(range, kind)| {
            let piece = line.get(range).unwrap_or_default();
            code(kind)
                .map_or_else(|| piece.to_owned(), |code| format!("\x1b[{code}m{piece}\x1b[0m"))
        });
        painted.collect::<String>().into()
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        match self.colour {
            Colour::Never => prompt.into(),
            Colour::Always => format!("\x1b[1;32m{prompt}\x1b[0m").into(),
        }
    }

    fn highlight_char(&self, _: &str, _: usize, _: CmdKind) -> bool {
        self.colour == Colour::Always
    }
}

fn code(kind: TokenKind) -> Option<&'static str> {
    Some(match kind {
        TokenKind::Comment => "2",
        TokenKind::Keyword => "35",
        TokenKind::AlertFields => "36",
        TokenKind::Number => "33",
        TokenKind::Text => "32",
        TokenKind::Plain => return None,
    })
}

impl Validator for Editing {
    fn validate(&self, context: &mut ValidationContext) -> rustyline::Result<ValidationResult> {
        Ok(if Scan::of(context.input()).goes_on() {
            ValidationResult::Incomplete
        } else {
            ValidationResult::Valid(None)
        })
    }
}
