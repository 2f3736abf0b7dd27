//! The message, and the quotes that Snort 3 puts around it.

use super::dialect::Dialect;
use super::layout::{self, TEXT_LEN};

const QUOTE: u8 = b'"';

/// Whether the message of a datagram is quoted as Snort 3 does it.
pub(super) fn is_quoted(datagram: &[u8]) -> bool {
    layout::text(datagram).is_some_and(|text| {
        // Snort 3 closes the quote unless the text fills the field. A lone opening quote in a
        // shorter text is the rule's own, and was sent by Snort 2.
        let full = text.len() == TEXT_LEN - 1;
        text.len() >= 2 && text.first() == Some(&QUOTE) && (full || text.last() == Some(&QUOTE))
    })
}

/// The message as the rule has it.
pub(super) fn unquoted(text: &[u8], dialect: Dialect) -> &[u8] {
    match text.strip_prefix(&[QUOTE]) {
        Some(inner) if dialect.is_snort3() => inner.strip_suffix(&[QUOTE]).unwrap_or(inner),
        _ => text,
    }
}
