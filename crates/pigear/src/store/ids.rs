//! The ids of signatures and origins, for the writer.

use std::collections::HashMap;
use std::sync::Arc;

use pigear_alert::Alert;
use pigear_alert::maps::Names;
use rusqlite::Connection;

use super::interned::{Interned, Provenance, Signature};

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
}

/// The blocks for which a row must be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// The block of the current alert.
    pub(super) block: i64,
    /// If the row isn't known to be kept for it, the row is kept up to this block. So a row is updated
    /// only now and then, however many alerts have it.
    pub(super) until: i64,
}

impl Span {
    /// The span of an alert's block, with the oldest stored block.
    pub(super) fn new(block: i64, oldest: i64) -> Self {
        Self { block, until: block + ((block - oldest) / 8).max(16) }
    }
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
        let place = known.iter().position(|(msg, _)| *msg == message.msg);
        if let Some((_, interned)) = place.and_then(|place| known.get(place))
            && interned.until >= span.block
        {
            return Ok(interned.id);
        }
        let interned = Signature::of(alert).intern(connection, span.block, span.until)?;
        if let Some((_, known)) = place.and_then(|place| known.get_mut(place)) {
            *known = interned;
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
        if let Some(interned) = self.origins.get(&provenance)
            && interned.until >= span.block
        {
            return Ok(interned.id);
        }
        if self.origins.len() > MAX_CACHED {
            self.origins.clear();
        }
        let interned = provenance.intern(connection, span.block, span.until)?;
        self.origins.insert(provenance, interned);
        Ok(interned.id)
    }
}
