//! How alerts become the body of a request.

use std::str::FromStr;

/// How alerts are put into a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// One alert a request.
    #[default]
    Json,
    /// An alert a line.
    Ndjson,
    /// A JSON array.
    Array,
    /// One alert a request, in the field `alert` of a form, as the program of 2012 sent it.
    Form,
}

/// What a template's values are escaped for.
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

/// What goes around the alerts' texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Framing {
    pub(super) before: &'static str,
    /// Behind each but the last.
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

/// A setting has none of the values that it may have.
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
