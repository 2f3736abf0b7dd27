//! The formats, by name.

use std::fmt;
use std::str::FromStr;

use super::{Cef, Colour, Ecs, Eve, Fast, Format, Full, Json, Ocsf};

/// The formats, by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FormatName {
    /// [`Fast`]
    #[default]
    Fast,
    /// [`Full`]
    Full,
    /// [`Json`]
    Json,
    /// [`Eve`]
    Eve,
    /// [`Ecs`]
    Ecs,
    /// [`Ocsf`]
    Ocsf,
    /// [`Cef`]
    Cef,
}

impl FormatName {
    /// All formats.
    pub const ALL: [Self; 7] =
        [Self::Fast, Self::Full, Self::Json, Self::Eve, Self::Ecs, Self::Ocsf, Self::Cef];

    /// The name in settings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Full => "full",
            Self::Json => "json",
            Self::Eve => "eve",
            Self::Ecs => "ecs",
            Self::Ocsf => "ocsf",
            Self::Cef => "cef",
        }
    }

    /// The format of this name. Machine-readable formats have no colour.
    #[must_use]
    pub fn format(self, colour: Colour) -> Box<dyn Format> {
        match self {
            Self::Fast => Box::new(Fast { colour }),
            Self::Full => Box::new(Full { colour }),
            Self::Json => Box::new(Json),
            Self::Eve => Box::new(Eve),
            Self::Ecs => Box::new(Ecs),
            Self::Ocsf => Box::new(Ocsf),
            Self::Cef => Box::new(Cef),
        }
    }
}

impl fmt::Display for FormatName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The format is unknown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown format {name:?}; known are {}", FormatName::ALL.map(FormatName::name).join(", "))]
pub struct UnknownFormat {
    /// The unknown name.
    pub name: String,
}

impl FromStr for FormatName {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == name)
            .ok_or_else(|| UnknownFormat { name: name.to_owned() })
    }
}
