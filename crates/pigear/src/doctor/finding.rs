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
    /// What to type, or to put into which file.
    #[serde(rename = "do", skip_serializing_if = "Option::is_none")]
    pub(crate) advice: Option<String>,
}

impl Finding {
    pub(super) fn ok(found: impl Into<String>) -> Self {
        Self { status: Severity::Ok, found: found.into(), why: String::new(), advice: None }
    }

    pub(super) fn note(found: impl Into<String>, why: impl Into<String>) -> Self {
        Self { status: Severity::Note, why: why.into(), ..Self::ok(found) }
    }

    pub(super) fn wrong(found: impl Into<String>, why: impl Into<String>) -> Self {
        Self { status: Severity::Wrong, why: why.into(), ..Self::ok(found) }
    }

    pub(super) fn advise(self, advice: impl Into<String>) -> Self {
        Self { advice: Some(advice.into()), ..self }
    }
}
