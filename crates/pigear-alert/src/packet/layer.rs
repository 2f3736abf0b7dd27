use std::ops::Range;

use super::Header;

/// One header of a packet and its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The header's fields.
    pub header: Header,
    /// The header's bytes, options included.
    pub range: Range<usize>,
}
