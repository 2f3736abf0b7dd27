//! The dialects: who sends which layout, and what to make of it.

use std::fmt;
use std::str::FromStr;

use super::layout::{self, Layout};

/// A layout of the datagram, together with the habits of the Snort that sends it.
///
/// The names that [`Display`](fmt::Display) writes and [`FromStr`] reads are those in the table at
/// the head of [this module](super).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// Snort 3 (65,864 bytes).
    Snort3,
    /// Snort 2.9 without `OpenAppID` (65,864 bytes).
    Snort29,
    /// Snort 2.9.8 to 2.9.20 with `OpenAppID` (65,928 bytes).
    Snort29AppId,
    /// Snort 2.9.7 with `OpenAppID` (65,880 bytes).
    Snort297AppId,
    /// Snort 2.7 to 2.8.5 on 64-bit machines (1,856 bytes).
    Snort27,
    /// Snort 2.2 to 2.3.3 on 64-bit machines (1,864 bytes).
    Snort22,
    /// Snort 2.2 to 2.8.5 on 32-bit machines (1,844 bytes).
    Snort2x32,
    /// barnyard2 on 64-bit machines (1,856 bytes).
    Barnyard2,
    /// barnyard2 on 32-bit machines (1,844 bytes).
    Barnyard2x32,
}

impl Dialect {
    /// All dialects, newest first.
    pub const ALL: [Self; 9] = [
        Self::Snort3,
        Self::Snort29,
        Self::Snort29AppId,
        Self::Snort297AppId,
        Self::Snort27,
        Self::Snort22,
        Self::Snort2x32,
        Self::Barnyard2,
        Self::Barnyard2x32,
    ];

    /// The name, as settings and JSON have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Snort3 => "snort3",
            Self::Snort29 => "snort2.9",
            Self::Snort29AppId => "snort2.9-appid",
            Self::Snort297AppId => "snort2.9.7-appid",
            Self::Snort27 => "snort2.7",
            Self::Snort22 => "snort2.2",
            Self::Snort2x32 => "snort2-32bit",
            Self::Barnyard2 => "barnyard2",
            Self::Barnyard2x32 => "barnyard2-32bit",
        }
    }

    /// Length of this dialect's datagrams, in bytes.
    #[must_use]
    pub fn datagram_len(self) -> usize {
        self.layout().len
    }

    /// Whether Snort 3 sends this. It quotes messages, looks inside VXLAN, and its decoder's alerts
    /// have the class that the rule says; Snort 2 does none of these.
    #[must_use]
    pub fn is_snort3(self) -> bool {
        self == Self::Snort3
    }

    /// Whether all nine fields of the event are sent. Snort 2.9.7 with `OpenAppID` fills generator,
    /// signature, revision and class only; priority, event id and event reference are always 0.
    #[must_use]
    pub fn sends_whole_event(self) -> bool {
        self != Self::Snort297AppId
    }

    /// The dialect that a datagram of this length is taken for, before its text is looked at.
    pub(super) fn of_length(len: usize) -> Option<Self> {
        let guessed = [
            Self::Snort29,
            Self::Snort29AppId,
            Self::Snort297AppId,
            Self::Snort27,
            Self::Snort22,
            Self::Snort2x32,
        ];
        guessed.into_iter().find(|dialect| dialect.datagram_len() == len)
    }

    pub(super) fn layout(self) -> &'static Layout {
        match self {
            Self::Snort3 | Self::Snort29 => &layout::A,
            Self::Snort29AppId => &layout::A_APP_ID,
            Self::Snort297AppId => &layout::A_APP_ID_297,
            Self::Snort27 => &layout::B,
            Self::Snort22 => &layout::B_WIDE,
            Self::Snort2x32 => &layout::C,
            Self::Barnyard2 => &layout::B_BARNYARD2,
            Self::Barnyard2x32 => &layout::C_BARNYARD2,
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// No dialect has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown dialect {name:?}; known are {}", Dialect::ALL.map(Dialect::name).join(", "))]
pub struct UnknownDialect {
    /// The name that was asked for.
    pub name: String,
}

impl FromStr for Dialect {
    type Err = UnknownDialect;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|dialect| dialect.name() == name)
            .ok_or_else(|| UnknownDialect { name: name.to_owned() })
    }
}
