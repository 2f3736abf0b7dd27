//! The fields of Snort's `alert_csv` and `alert_json`.

use std::str::FromStr;

use super::snort2::Snort2Field;
use super::snort3::Snort3Field;

/// Which fields `alert_csv` or `alert_json` has, in their order. The default is Snort's own list.
///
/// Snort 2 and 3 have different names. The names of one tell which of both is meant; a list that
/// both know (`timestamp,msg`) is written as by the alert's Snort.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields {
    pub(super) snort2: Option<Vec<Snort2Field>>,
    pub(super) snort3: Option<Vec<Snort3Field>>,
}

impl Default for Fields {
    fn default() -> Self {
        Self {
            snort2: Some(Snort2Field::DEFAULT.to_vec()),
            snort3: Some(Snort3Field::DEFAULT.to_vec()),
        }
    }
}

/// A list of fields makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FieldError {
    /// The list is empty.
    #[error("the list of fields is empty")]
    Empty,
    /// Neither Snort has this field.
    #[error(
        "unknown field {name:?}; known are {} (Snort 3), or {} (Snort 2)",
        Snort3Field::names(),
        Snort2Field::names()
    )]
    Unknown {
        /// The unknown name.
        name: String,
    },
    /// The format is one of Snort 3, but the field one of Snort 2.
    #[error("{name:?} is a field of Snort 2; alert_json has {}", Snort3Field::names())]
    OnlySnort2 {
        /// The name.
        name: String,
    },
    /// The names are of different Snorts.
    #[error("{snort2:?} is a field of Snort 2, but {snort3:?} one of Snort 3")]
    Mixed {
        /// A name that only Snort 2 knows.
        snort2: String,
        /// A name that only Snort 3 knows.
        snort3: String,
    },
}

impl FieldError {
    /// Of a list of names of Snort 2 where only those of Snort 3 can be.
    pub(super) fn unknown_to_snort3(fields: Option<&[Snort2Field]>) -> Self {
        let names = fields.unwrap_or_default().iter().map(|field| field.name());
        let unknown = names.into_iter().find(|name| Snort3Field::of(name).is_none());
        Self::OnlySnort2 { name: unknown.unwrap_or_default().to_owned() }
    }
}

impl FromStr for Fields {
    type Err = FieldError;

    /// Names with commas or spaces between.
    fn from_str(list: &str) -> Result<Self, Self::Err> {
        let names: Vec<&str> =
            list.split([',', ' ']).map(str::trim).filter(|name| !name.is_empty()).collect();
        if names.is_empty() {
            return Err(FieldError::Empty);
        }
        let known =
            |name: &&&str| Snort2Field::of(name).is_some() || Snort3Field::of(name).is_some();
        if let Some(name) = names.iter().find(|name| !known(name)) {
            return Err(FieldError::Unknown { name: (*name).to_owned() });
        }
        let snort2 = names.iter().map(|name| Snort2Field::of(name)).collect::<Option<Vec<_>>>();
        let snort3 = names.iter().map(|name| Snort3Field::of(name)).collect::<Option<Vec<_>>>();
        if snort2.is_some() || snort3.is_some() {
            return Ok(Self { snort2, snort3 });
        }
        let only = |knows: fn(&str) -> bool| {
            names.iter().find(|name| !knows(name)).map(|name| (*name).to_owned())
        };
        Err(FieldError::Mixed {
            snort2: only(|name| Snort3Field::of(name).is_some()).unwrap_or_default(),
            snort3: only(|name| Snort2Field::of(name).is_some()).unwrap_or_default(),
        })
    }
}
