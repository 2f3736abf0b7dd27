//! The ids of signatures and origins, for the writer.

use std::collections::HashMap;
use std::sync::Arc;

use pigear_alert::Alert;
use pigear_alert::maps::Names;
use rusqlite::Connection;

use super::interned::{self, Interned, Provenance, WantedRow, WantedSignature};
use super::span::Span;

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

/// A message as Snort sent it.
type Sent = Box<[u8]>;

/// The key of a signature, together with the message.
type Numbers = (u32, u32, u32, u32, bool);

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
            message.classification,
            message.priority,
            alert.dialect.is_snort3(),
        );
        let known = self.signatures.entry(numbers).or_default();
        let mut sent = known.iter_mut().find(|(msg, _)| *msg == message.msg);
        let cached = sent.as_ref().map(|(_, interned)| *interned);
        let interned = keep(cached, span, connection, || WantedSignature::of(alert))?;
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
fn keep<T: WantedRow>(
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
