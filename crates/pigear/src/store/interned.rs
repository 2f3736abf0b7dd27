//! Rows that many alerts share: signatures and origins, each stored once.

mod cached;
mod provenance;
mod row;
mod signature;

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::damage::Damage;
use super::error::StoreProblem;
use super::id_hash::IdSet;
use super::span::Span;
use cached::CachedRows;
pub(super) use provenance::OWN;
pub(crate) use provenance::Provenance;
pub(super) use row::{InternedRow, WantedRow};
pub(crate) use signature::Signature;
pub(super) use signature::{WantedSignature, example_dialects};

/// An interned row, for the writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interned {
    pub(super) id: i64,
    /// Alerts of blocks up to this one may use it. For later blocks it must be renewed: when the oldest
    /// block is a later one, the row may be removed.
    pub(super) until: i64,
}

/// The row in the store, where it is added if it is new, and kept at least for the span.
pub(super) fn intern<T: WantedRow>(
    row: &T,
    span: Span,
    connection: &Connection,
) -> rusqlite::Result<Interned> {
    let digest = row.digest();
    // Most rows that aren't cached are new.
    if row.insert(&digest, span.until, connection)? > 0 {
        return Ok(Interned { id: connection.last_insert_rowid(), until: span.until });
    }
    let find = format!("SELECT id, until FROM {} WHERE digest = ?1", T::TABLE);
    let known = connection
        .prepare_cached(&find)?
        .query_row([digest], |row| Ok(Interned { id: row.get(0)?, until: row.get(1)? }))?;
    if known.until >= span.block {
        return Ok(known);
    }
    renew::<T>(known, span, connection)?.ok_or(rusqlite::Error::QueryReturnedNoRows)
}

/// Keeps a row for the span; `None` if it was removed meanwhile. Ids are never reused, so the row with this
/// id is the same.
pub(super) fn renew<T: WantedRow>(
    row: Interned,
    span: Span,
    connection: &Connection,
) -> rusqlite::Result<Option<Interned>> {
    let renew = format!("UPDATE {} SET until = ?2 WHERE id = ?1", T::TABLE);
    let renewed = connection.prepare_cached(&renew)?.execute([row.id, span.renewed_until])?;
    Ok((renewed > 0).then_some(Interned { until: span.renewed_until, ..row }))
}

/// Adds digests to the rows, which have none in version 1. Of equal rows only one gets a digest.
pub(super) fn add_digests(connection: &Connection) -> rusqlite::Result<()> {
    add_signature_digests(connection)?;
    add_digests_to::<Provenance>(connection)
}

/// The same, for the signatures alone.
pub(super) fn add_signature_digests(connection: &Connection) -> rusqlite::Result<()> {
    add_digests_to::<Signature>(connection)
}

fn add_digests_to<T: InternedRow>(connection: &Connection) -> rusqlite::Result<()> {
    let (table, columns) = (T::TABLE, T::COLUMNS);
    let mut select = connection.prepare(&format!("SELECT {columns} FROM {table} ORDER BY id"))?;
    let mut update =
        connection.prepare(&format!("UPDATE OR IGNORE {table} SET digest = ?2 WHERE id = ?1"))?;
    let mut digests = Vec::new();
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        // A row that can't be decoded is never found, and is reported when its alerts are read.
        if let Ok(decoded) = T::from_row(row) {
            digests.push((row.get::<_, i64>(0)?, decoded.stored_digest()));
        }
    }
    for (id, digest) in digests {
        update.execute(params![id, digest])?;
    }
    Ok(())
}

/// Interned rows by id, for readers.
#[derive(Default)]
pub(super) struct InternedRows {
    pub(super) signatures: CachedRows<Signature>,
    pub(super) origins: CachedRows<Provenance>,
}

impl InternedRows {
    /// The same for another thread, which has the same store open: it reads nothing again that is in memory.
    pub(super) fn for_another_thread(&self) -> Self {
        let Self { signatures, origins } = self;
        Self { signatures: signatures.for_another_thread(), origins: origins.for_another_thread() }
    }

    pub(super) fn signature(
        &mut self,
        id: i64,
        connection: &Connection,
    ) -> rusqlite::Result<Arc<Signature>> {
        self.signatures.get(id, connection).cloned()
    }
}

/// Whether a rule, given by its generator and id, has at most this many signatures: each message of it is one.
pub(super) fn has_few_signatures(
    connection: &Connection,
    (gid, sid): (u32, u32),
    most: u32,
) -> rusqlite::Result<bool> {
    let sql =
        "SELECT count(*) FROM (SELECT 1 FROM signature WHERE sid = ?1 AND gid = ?2 LIMIT ?3 + 1)";
    connection.prepare_cached(sql)?.query_row(params![sid, gid, most], |row| {
        let found: u32 = row.get(0)?;
        Ok(found <= most)
    })
}

/// The ids of the signatures that meet a condition, among those with one of these signature ids, or among
/// all if there are none.
pub(super) fn signatures(
    connection: &Connection,
    damage: &Damage,
    sids: &[u32],
    meets: impl Fn(&Signature) -> bool,
) -> Result<IdSet, StoreProblem> {
    let all = all_signatures(connection, sids, &meets).map(Some);
    match damage.or(all, || None)? {
        Some(ids) => Ok(ids),
        None => each_signature(connection, damage, sids, &meets),
    }
}

fn all_signatures(
    connection: &Connection,
    sids: &[u32],
    meets: &dyn Fn(&Signature) -> bool,
) -> rusqlite::Result<IdSet> {
    let list: Vec<_> = sids.iter().map(ToString::to_string).collect();
    let among = match &*list {
        [] => String::new(),
        list => format!("WHERE sid IN ({})", list.join(",")),
    };
    let columns = Signature::COLUMNS;
    let mut select = connection.prepare(&format!("SELECT {columns} FROM signature {among}"))?;
    let mut rows = select.query([])?;
    let mut ids = IdSet::default();
    while let Some(row) = rows.next()? {
        // Alerts of a signature that can't be decoded are read, and found to be damaged.
        if Signature::from_row(row).map_or(true, |signature| meets(&signature)) {
            ids.insert(row.get(0)?);
        }
    }
    Ok(ids)
}

/// The same, one after the other: some can't be read. Alerts of those are read, and found to be damaged.
fn each_signature(
    connection: &Connection,
    damage: &Damage,
    sids: &[u32],
    meets: &dyn Fn(&Signature) -> bool,
) -> Result<IdSet, StoreProblem> {
    let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'signature'";
    let last: i64 = connection.query_row(sql, [], |row| row.get(0))?;
    let columns = Signature::COLUMNS;
    let mut select =
        connection.prepare(&format!("SELECT {columns} FROM signature WHERE id = ?1"))?;
    let mut ids = IdSet::default();
    for id in 1..=last {
        let meets = |row: &Row<'_>| {
            let is_wanted =
                |it: Signature| (sids.is_empty() || sids.contains(&it.sid)) && meets(&it);
            Ok(Signature::from_row(row).map_or(true, is_wanted))
        };
        if damage.or(select.query_row([id], meets).optional(), || Some(true))? == Some(true) {
            ids.insert(id);
        }
    }
    Ok(ids)
}
