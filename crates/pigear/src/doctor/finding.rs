use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// As it should be.
    Ok,
    /// It works, but you may want to know it.
    Note,
    /// Alerts don't come, or will be lost.
    Wrong,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub(crate) status: Severity,
    /// What was found.
    pub(crate) found: String,
    /// Why it matters; empty if it is as it should be.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) why: String,
    /// What to do, in words.
    #[serde(rename = "do", skip_serializing_if = "Option::is_none")]
    pub(crate) advice: Option<String>,
    /// The line to type into a shell.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<String>,
}

impl Finding {
    pub(super) fn ok(found: impl Into<String>) -> Self {
        let (status, found) = (Severity::Ok, found.into());
        Self { status, found, why: String::new(), advice: None, line: None }
    }

    pub(super) fn note(found: impl Into<String>, why: impl Into<String>) -> Self {
        Self { status: Severity::Note, why: why.into(), ..Self::ok(found) }
    }

    pub(super) fn wrong(found: impl Into<String>, why: impl Into<String>) -> Self {
        Self { status: Severity::Wrong, why: why.into(), ..Self::ok(found) }
    }

    /// Says what to do.
    pub(super) fn advise(self, advice: impl Into<String>) -> Self {
        Self { advice: Some(advice.into()), ..self }
    }

    /// Says what to type. It is done as soon as it was typed, or a program that goes on running.
    pub(super) fn typed(self, line: impl Into<String>) -> Self {
        Self { line: Some(line.into()), ..self }
    }

    /// Says what to type, or what to do if there is no line.
    pub(super) fn typed_or(self, line: Option<String>, advice: impl Into<String>) -> Self {
        match line {
            Some(line) => self.typed(line),
            None => self.advise(advice),
        }
    }

    /// The same where there is a line to type.
    pub(super) fn typed_if(self, line: Option<String>) -> Self {
        match line {
            Some(line) => self.typed(line),
            None => self,
        }
    }
}
