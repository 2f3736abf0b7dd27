//! What people said about a stored alert.

use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// What people said about a stored alert.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Triage {
    /// It was acknowledged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Mark>,
    /// It was starred.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starred: Option<Mark>,
    /// The comments, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub comments: Vec<Comment>,
}

/// Who did something, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// When.
    #[serde(serialize_with = "microseconds")]
    pub at: Timestamp,
    /// Who.
    pub by: String,
}

/// A comment on an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comment {
    /// Its number, unique in a store.
    pub id: i64,
    /// When it was made.
    #[serde(serialize_with = "microseconds")]
    pub at: Timestamp,
    /// Who made it.
    pub by: String,
    /// Its text.
    pub text: String,
}

fn microseconds<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{time:.6}"))
}
