//! Ethernet addresses as text.

use std::fmt::{self, Display};

/// An Ethernet address in one of the ways to write it.
pub(super) enum Mac {
    /// `02:00:5e:10:00:14`
    Colons([u8; 6]),
    /// `02-00-5E-10-00-14`
    Dashes([u8; 6]),
}

impl Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Colons([first, rest @ ..]) => {
                write!(f, "{first:02x}")?;
                rest.iter().try_for_each(|byte| write!(f, ":{byte:02x}"))
            }
            Self::Dashes([first, rest @ ..]) => {
                write!(f, "{first:02X}")?;
                rest.iter().try_for_each(|byte| write!(f, "-{byte:02X}"))
            }
        }
    }
}
