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
    /// The maps that names of alerts are looked up in. Other maps may give other names.
    maps: Arc<Names>,
    signatures: HashMap<Numbers, Vec<CachedSignature>>,
    origins: HashMap<Provenance, Interned>,
    /// The origin of the last alert; most alerts have the same as the one before.
    last_origin: Option<(Provenance, Interned)>,
}

/// The key of a signature, together with the message and the names.
type Numbers = (u32, u32, u32, u32, bool);

/// A signature with its row.
struct CachedSignature {
    /// The message as Snort sent it.
    sent: Box<[u8]>,
    /// What its names come from.
    names: Arc<Names>,
    row: Interned,
}

impl CachedSignature {
    /// Whether an alert with the same numbers has this signature. Alerts that another Pigear received have names of
    /// their own, without maps.
    fn is_of(&self, alert: &Alert) -> bool {
        let (ours, theirs) = (&self.names, alert.names());
        self.sent == alert.message.msg
            && (Arc::ptr_eq(ours, theirs)
                || (ours.looked.is_some() && ours.looked == theirs.looked))
    }
}

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
        let names = alert.names();
        let is_other_map = names.looked.is_none() && !Arc::ptr_eq(&self.maps, names);
        if is_other_map {
            self.maps = Arc::clone(names);
        }
        if is_other_map || self.signatures.len() > MAX_CACHED {
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
        let mut found = known.iter_mut().find(|known| known.is_of(alert));
        let cached = found.as_ref().map(|known| known.row);
        let row = keep(cached, span, connection, || WantedSignature::of(alert))?;
        if let Some(known) = &mut found {
            known.row = row;
        } else {
            if known.len() > MAX_MESSAGES {
                known.clear();
            }
            known.push(CachedSignature {
                sent: message.msg.clone(),
                names: Arc::clone(names),
                row,
            });
        }
        Ok(row.id)
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
