//! A change of the store: made whole, or not at all.

use std::ops::Deref;

use pigear_alert::Alert;
use rusqlite::{Connection, Transaction};

use super::ids::Ids;
use super::span::Span;

/// A change that is taken back unless it is committed.
pub(super) struct Change<'a> {
    transaction: Transaction<'a>,
    interner: Interner<'a>,
}

impl<'a> Change<'a> {
    pub(super) fn new(transaction: Transaction<'a>, interner: Interner<'a>) -> Self {
        Self { transaction, interner }
    }

    /// The ids of an alert's signature and origin.
    pub(super) fn intern(&mut self, alert: &Alert, span: Span) -> rusqlite::Result<(i64, i64)> {
        let (connection, ids) = self.parts();
        ids.of(alert, span, connection)
    }

    /// The connection, whose prepared statements may be kept while ids are looked up.
    pub(super) fn parts(&mut self) -> (&Connection, &mut Ids) {
        (&self.transaction, self.interner.ids)
    }

    pub(super) fn commit(self) -> rusqlite::Result<()> {
        let Self { transaction, mut interner } = self;
        transaction.commit()?;
        interner.is_committed = true;
        Ok(())
    }
}

impl Deref for Change<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.transaction
    }
}

/// The ids that are known. All are forgotten unless the change is committed: some of its rows may be gone.
pub(super) struct Interner<'a> {
    ids: &'a mut Ids,
    is_committed: bool,
}

impl<'a> Interner<'a> {
    pub(super) fn new(ids: &'a mut Ids) -> Self {
        Self { ids, is_committed: false }
    }
}

impl Drop for Interner<'_> {
    fn drop(&mut self) {
        if !self.is_committed {
            *self.ids = Ids::default();
        }
    }
}
