//! The ids of signatures and origins, for the writer.

use std::collections::HashMap;
use std::sync::Arc;

use pigear_alert::Alert;
use pigear_alert::maps::Names;
use rusqlite::Connection;

use super::interned::{self, Interned, InternedRow, Provenance, Signature};

/// The most of each that are cached; an attacker may invent more.
const MAX_CACHED: usize = 20_000;

/// The most messages of one rule that are cached.
const MAX_MESSAGES: usize = 64;

/// The ids of an alert's interned rows, for the writer.
#[derive(Default)]
pub(super) struct Ids {
    /// The ids for alerts with these name maps.
    names: Arc<Names>,
    signatures: HashMap<Numbers, Vec<(Sent, Interned)>>,
    origins: HashMap<Provenance, Interned>,
    /// The origin of the last alert; most alerts have the same as the one before.
    last_origin: Option<(Provenance, Interned)>,
}

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

/// A message as Snort sent it.
type Sent = Box<[u8]>;

/// The key of a signature's names, together with the message.
type Numbers = (u32, u32, u32, u32, u32, bool);

impl Ids {
    /// The ids of an alert's signature and origin, which are added to the store if they are new.
    pub(super) fn of(
        &mut self,
        alert: &Alert,
        span: Span,
        connection: &Connection,
    ) -> rusqlite::Result<(i64, i64)> {
        Ok((self.signature(alert, span, connection)?, self.origin(alert, span, connection)?))
    }

    fn signature(
        &mut self,
        alert: &Alert,
        span: Span,
        connection: &Connection,
    ) -> rusqlite::Result<i64> {
        if !Arc::ptr_eq(&self.names, alert.names()) || self.signatures.len() > MAX_CACHED {
            self.names = Arc::clone(alert.names());
            self.signatures.clear();
        }
        let message = &alert.message;
        let numbers = (
            message.sig_generator,
            message.sig_id,
            message.sig_rev,
            message.classification,
            message.priority,
            alert.dialect.is_snort3(),
        );
        let known = self.signatures.entry(numbers).or_default();
        let mut sent = known.iter_mut().find(|(msg, _)| *msg == message.msg);
        let cached = sent.as_ref().map(|(_, interned)| *interned);
        let interned = keep(cached, span, connection, || Signature::of(alert))?;
        if let Some((_, cached)) = &mut sent {
            *cached = interned;
        } else {
            if known.len() > MAX_MESSAGES {
                known.clear();
            }
            known.push((message.msg.clone(), interned));
        }
        Ok(interned.id)
    }

    fn origin(
        &mut self,
        alert: &Alert,
        span: Span,
        connection: &Connection,
    ) -> rusqlite::Result<i64> {
        let provenance = Provenance::of(alert);
        if let Some((last, interned)) = &self.last_origin
            && *last == provenance
            && interned.until >= span.block
        {
            return Ok(interned.id);
        }
        let cached = self.origins.get(&provenance).copied();
        let interned = keep(cached, span, connection, || provenance.clone())?;
        if self.origins.len() > MAX_CACHED {
            self.origins.clear();
        }
        self.origins.insert(provenance.clone(), interned);
        self.last_origin = Some((provenance, interned));
        Ok(interned.id)
    }
}

/// A row that is kept for a block: the cached one, if it is in the store, and otherwise this one.
fn keep<T: InternedRow>(
    cached: Option<Interned>,
    span: Span,
    connection: &Connection,
    row: impl FnOnce() -> T,
) -> rusqlite::Result<Interned> {
    if let Some(cached) = cached {
        if cached.until >= span.block {
            return Ok(cached);
        }
        if let Some(renewed) = interned::renew::<T>(cached, span, connection)? {
            return Ok(renewed);
        }
    }
    interned::intern(&row(), span, connection)
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
