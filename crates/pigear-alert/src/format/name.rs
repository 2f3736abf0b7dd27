//! The formats, by name.

use std::fmt;
use std::str::FromStr;

use super::{
    AlertJson, Cef, Colour, Contents, Csv, Ecs, Eve, Fast, FieldError, Format, FormatOptions, Full,
    Json, Ocsf, Part, Snort,
};

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
    /// [`Snort`]
    Snort,
    /// [`AlertJson`]
    AlertJson,
    /// [`Csv`]
    Csv,
}

impl FormatName {
    /// All formats.
    pub const ALL: [Self; 10] = [
        Self::Fast,
        Self::Full,
        Self::Json,
        Self::Eve,
        Self::Ecs,
        Self::Ocsf,
        Self::Cef,
        Self::Snort,
        Self::AlertJson,
        Self::Csv,
    ];

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
            Self::Snort => "snort",
            Self::AlertJson => "alert_json",
            Self::Csv => "csv",
        }
    }

    /// Whether it writes a JSON object per line.
    #[must_use]
    pub fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::Eve | Self::Ecs | Self::Ocsf | Self::AlertJson)
    }

    /// The format of this name, as it is without options. Machine-readable formats have no colour.
    #[must_use]
    pub fn format(self, colour: Colour) -> Box<dyn Format> {
        let options = FormatOptions { colour, ..FormatOptions::default() };
        // Without options, nothing can be wrong with them.
        self.with(&options).unwrap_or_else(|_| Box::new(Fast { colour }))
    }

    /// The format of this name, with options.
    ///
    /// # Errors
    /// If this format doesn't have one of the options, or the fields are none of its.
    pub fn with(self, options: &FormatOptions) -> Result<Box<dyn Format>, OptionsError> {
        let FormatOptions { colour, ref fields, contents, ref zone } = *options;
        if fields.is_some() && !matches!(self, Self::AlertJson | Self::Csv) {
            return Err(OptionsError::HasNoFields { format: self });
        }
        self.check(contents)?;
        let fields = || fields.clone().unwrap_or_default();
        Ok(match self {
            Self::Fast => Box::new(Fast { colour }),
            Self::Full => Box::new(Full { colour, contents }),
            Self::Json => Box::new(Json { contents }),
            Self::Eve => Box::new(Eve { contents }),
            Self::Ecs => Box::new(Ecs { contents }),
            Self::Ocsf => Box::new(Ocsf),
            Self::Cef => Box::new(Cef),
            Self::Snort => Box::new(Snort::fast(zone.clone())),
            Self::AlertJson => Box::new(AlertJson::new(fields(), zone.clone())?),
            Self::Csv => Box::new(Csv::new(fields(), zone.clone())),
        })
    }

    /// Checks that it writes what is to be left out or shortened.
    fn check(self, contents: Contents) -> Result<(), OptionsError> {
        let Contents { packet, payload, .. } = contents;
        let writes_packet = matches!(self, Self::Full | Self::Json | Self::Eve);
        let writes_payload = matches!(self, Self::Json | Self::Eve | Self::Ecs);
        let format = self;
        if contents != Contents::default() && !writes_packet && !writes_payload {
            return Err(OptionsError::HasNoContents { format });
        }
        if packet == Part::Omitted && !writes_packet {
            return Err(OptionsError::HasNoPacket { format });
        }
        if payload == Part::Omitted && !writes_payload {
            return Err(OptionsError::HasNoPayload { format });
        }
        Ok(())
    }
}

/// A format doesn't have an option.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// The format has no choice of fields.
    #[error("format={format} has no choice of fields; only alert_json and csv have one")]
    HasNoFields {
        /// The format.
        format: FormatName,
    },
    /// The format writes neither packets nor payloads.
    #[error(
        "format={format} writes neither packet nor payload; packet, payload and max_bytes are for json, eve, \
        ecs and full"
    )]
    HasNoContents {
        /// The format.
        format: FormatName,
    },
    /// The format writes no packets.
    #[error("format={format} writes no packet; packet is for json, eve and full")]
    HasNoPacket {
        /// The format.
        format: FormatName,
    },
    /// The format writes payloads as a part of packets, if at all.
    #[error(
        "format={format} writes no payload apart from its packet; payload is for json, eve and ecs, and \
        packet=no leaves out the whole packet"
    )]
    HasNoPayload {
        /// The format.
        format: FormatName,
    },
    /// The fields are none of the format's.
    #[error(transparent)]
    Fields(#[from] FieldError),
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
