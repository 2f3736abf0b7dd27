//! Reading a part of a store's alerts, before the first of it is visited.

use super::{Reader, check_over, may_be};
use crate::store::error::StoreProblem;
use crate::store::part::{Order, Part};
use crate::store::row::StoredRow;
use crate::store::row_range::rows;
use crate::store::search::Search;
use crate::store::triage::TriageReader;

impl Reader {
    /// The wanted alerts with these ids. They are all read before the first is visited, because the visitor may be
    /// slow, and the journal grows while a read is in progress.
    pub(super) fn read(
        &mut self,
        (from, to): (i64, i64),
        search: Option<&Search<'_>>,
        order: Order,
    ) -> Result<Part, StoreProblem> {
        let Self { connection, interned, unreadable, is_over, .. } = self;
        let is_over = is_over.as_ref().filter(|_| search.is_some_and(Search::has_test));
        let triage = search.map_or_else(|| TriageReader::new(connection), |s| Ok(s.triage))?;
        let mut said = triage.read(connection, (from, to))?;
        let (mut found, mut over) = (Vec::new(), Ok(()));
        let may_be = |signature: Option<i64>| may_be(signature, search);
        let mut rows = rows(connection, interned, (from, to), &may_be)?;
        if order == Order::NewestFirst {
            rows.reverse();
        }
        for row in rows {
            match row {
                StoredRow::Alert(mut stored) => {
                    over = check_over(is_over, order.before(stored.id));
                    if over.is_err() {
                        break;
                    }
                    stored.alert.triage = said.remove(&stored.id).map(Box::new);
                    if search.is_none_or(|search| search.accepts(&stored.alert)) {
                        found.push(stored);
                    }
                }
                StoredRow::Damaged(_) => *unreadable += 1,
            }
        }
        Ok(Part { found, over })
    }
}
