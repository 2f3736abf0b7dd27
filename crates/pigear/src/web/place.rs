//! A place among the alerts of a store: how far a page or a stream has come.

use std::fmt;
use std::str::FromStr;

use crate::keys::number;
use crate::store::StoreIdentity;

/// The number of an alert, and the store that it is of: `27-0123456789abcdef`. The number alone is of the store
/// that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) id: i64,
    pub(super) store: Option<StoreIdentity>,
}

/// The text is not a place.
#[derive(Debug, thiserror::Error)]
#[error("expected a whole number from 0 on, with the store behind a dash or without")]
pub(super) struct NotAPlace;

impl Place {
    pub(super) fn new(id: i64, store: StoreIdentity) -> Self {
        Self { id, store: Some(store) }
    }

    /// Whether it is in another store than this.
    pub(super) fn is_of_other(self, than: StoreIdentity) -> bool {
        self.store.is_some_and(|store| store != than)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.store {
            Some(store) => write!(f, "{}-{store}", self.id),
            None => write!(f, "{}", self.id),
        }
    }
}

impl FromStr for Place {
    type Err = NotAPlace;

    fn from_str(text: &str) -> Result<Self, NotAPlace> {
        let (id, store) = match text.split_once('-') {
            Some((id, store)) if !id.is_empty() => (id, Some(store)),
            _ => (text, None),
        };
        let id = number::<i64>(id).ok().filter(|id| *id >= 0).ok_or(NotAPlace)?;
        let store = store.map(str::parse).transpose().map_err(|_| NotAPlace)?;
        Ok(Self { id, store })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_number_with_or_without_its_store() {
        for text in ["0", "27", "27-0123456789abcdef"] {
            assert_eq!(text.parse::<Place>().unwrap().to_string(), text);
        }
        for wrong in
            ["", "-1", "x", "27-", "27-0123456789ABCDEF", "27-0123", "-0123456789abcdef", "1.5"]
        {
            assert!(wrong.parse::<Place>().is_err(), "{wrong}");
        }
        let (place, other): (Place, Place) =
            ("1-0000000000000001".parse().unwrap(), "1-0000000000000002".parse().unwrap());
        assert!(
            place.is_of_other(other.store.unwrap()) && !place.is_of_other(place.store.unwrap())
        );
        assert!(!"1".parse::<Place>().unwrap().is_of_other(place.store.unwrap()));
    }
}
