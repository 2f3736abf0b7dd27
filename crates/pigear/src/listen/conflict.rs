//! A setting that excludes another one, and where it is.

use super::ListenError;

/// A setting that excludes another one.
#[derive(Debug)]
pub(crate) struct Conflict {
    pub(crate) place: Place,
    pub(crate) error: ListenError,
}

/// Where a setting is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) table: TableId,
    /// The key; it may not be given. None, for the table.
    pub(crate) key: &'static str,
}

/// A table of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum TableId {
    /// The top of the file.
    Top,
    Store,
    Names,
    /// With its number.
    Source(usize),
    Handler(usize),
}

/// # Errors
/// The first of these conflicts.
pub(super) fn refuse(conflicts: impl IntoIterator<Item = Conflict>) -> Result<(), ListenError> {
    conflicts.into_iter().next().map_or(Ok(()), |conflict| Err(conflict.error))
}
