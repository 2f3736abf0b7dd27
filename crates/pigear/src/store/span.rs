//! How long rows are kept that alerts share.

/// The blocks for which a row must be kept.
///
/// A row that isn't known to be kept for the current block is kept up to a later one, so it is updated only
/// now and then, however many alerts have it. The spans of many rows end with the same block: then most rows
/// are updated by the same transactions, and a page with many of them is written once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// The block of the current alert.
    pub(super) block: i64,
    /// The last block for which a new row is kept: an attacker may invent many, each for one alert.
    pub(super) until: i64,
    /// The last block for which a row is kept that was used before.
    pub(super) renewed_until: i64,
}

impl Span {
    /// The span of an alert's block, with the oldest stored block.
    pub(super) fn new(block: i64, oldest: i64) -> Self {
        let stored = block - oldest;
        Self {
            block,
            until: end_of_span(block, stored / 8),
            renewed_until: end_of_span(block, stored / 2),
        }
    }
}

/// The end of the span with a block. Spans have this length, or up to twice of it.
fn end_of_span(block: i64, length: i64) -> i64 {
    let length = length.clamp(16, 1 << 32).unsigned_abs().next_power_of_two().cast_signed();
    block | (length - 1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn spans_have_their_block_and_end_together() {
        for oldest in [0, 1, 1_000] {
            let spans: Vec<_> =
                (oldest..=oldest + 10_000).map(|block| Span::new(block, oldest)).collect();
            for Span { block, until, renewed_until } in &spans {
                let stored = block - oldest;
                assert!((0..16.max(stored / 4 + 1)).contains(&(until - block)), "{block} {until}");
                assert!((0..16.max(stored + 1)).contains(&(renewed_until - block)), "{block}");
            }
            let ends = |end: fn(&Span) -> i64| spans.iter().map(end).collect::<BTreeSet<_>>().len();
            let (new, renewed) = (ends(|span| span.until), ends(|span| span.renewed_until));
            assert!(new < 60 && renewed < 25, "{new} {renewed}");
        }
    }
}
