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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_in_both_ways() {
        let address = [2, 0, 0x5e, 0x10, 0, 0xff];
        assert_eq!(Mac::Colons(address).to_string(), "02:00:5e:10:00:ff");
        assert_eq!(Mac::Dashes(address).to_string(), "02-00-5E-10-00-FF");
    }
}
