//! How alerts are put into the body of a request.

use std::str::FromStr;

/// How alerts are put into a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// One alert per request.
    #[default]
    Json,
    /// One alert per line.
    Ndjson,
    /// A JSON array.
    Array,
    /// One alert per request, in the form field `alert`, as the program of 2012 sent it.
    Form,
}

/// The context that a template's values are escaped for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Escape {
    /// The inside of a JSON string.
    #[default]
    Json,
    /// A part of a URL, or of a form.
    Url,
    /// Plain text.
    None,
}

/// The text around the alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Framing {
    pub(super) before: &'static str,
    /// After each but the last.
    pub(super) between: &'static str,
    pub(super) after: &'static str,
}

impl Framing {
    pub(super) fn of(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Json => Self { before: "", between: "", after: "" },
            Encoding::Form => Self { before: "alert=", between: "", after: "" },
            Encoding::Ndjson => Self { before: "", between: "\n", after: "\n" },
            Encoding::Array => Self { before: "[", between: ",", after: "]" },
        }
    }
}

/// A setting has an unknown value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {0}")]
pub struct Unexpected(&'static str);

impl FromStr for Encoding {
    type Err = Unexpected;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "json" => Ok(Self::Json),
            "ndjson" => Ok(Self::Ndjson),
            "array" => Ok(Self::Array),
            "form" => Ok(Self::Form),
            _ => Err(Unexpected("json, ndjson, array or form")),
        }
    }
}

impl FromStr for Escape {
    type Err = Unexpected;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "json" => Ok(Self::Json),
            "url" => Ok(Self::Url),
            "none" => Ok(Self::None),
            _ => Err(Unexpected("json, url or none")),
        }
    }
}
