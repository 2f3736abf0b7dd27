use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::row::InternedRow;
use crate::store::id_hash::IdMap;

/// The most of each that are cached; an attacker may invent more.
const MAX_CACHED: usize = 20_000;

/// Rows of a table by id, in memory. Each thread of a search has its own; the rows themselves are shared.
pub(in crate::store) struct CachedRows<T> {
    /// Those that this thread has met.
    own: IdMap<Arc<T>>,
    /// Those that any of the threads has met.
    shared: Arc<Mutex<IdMap<Arc<T>>>>,
}

impl<T> Default for CachedRows<T> {
    fn default() -> Self {
        Self { own: IdMap::default(), shared: Arc::default() }
    }
}

impl<T: InternedRow> CachedRows<T> {
    /// The same for another thread, which has the same store open.
    pub(super) fn for_another_thread(&self) -> Self {
        Self { own: IdMap::default(), shared: Arc::clone(&self.shared) }
    }

    /// The row with an id.
    pub(in crate::store) fn get(
        &mut self,
        id: i64,
        connection: &Connection,
    ) -> rusqlite::Result<&Arc<T>> {
        if self.own.len() > MAX_CACHED && !self.own.contains_key(&id) {
            self.own.clear();
        }
        Ok(match self.own.entry(id) {
            Entry::Occupied(row) => row.into_mut(),
            Entry::Vacant(place) => place.insert(read_once(&self.shared, id, connection)?),
        })
    }
}

/// The row, which is read unless another thread has done so. No thread waits while another one reads.
fn read_once<T: InternedRow>(
    shared: &Mutex<IdMap<Arc<T>>>,
    id: i64,
    connection: &Connection,
) -> rusqlite::Result<Arc<T>> {
    let known = locked(shared).get(&id).cloned();
    if let Some(row) = known {
        return Ok(row);
    }
    let select = format!("SELECT {} FROM {} WHERE id = ?1", T::COLUMNS, T::TABLE);
    let row = connection.prepare_cached(&select)?.query_row([id], T::from_row)?;
    let mut shared = locked(shared);
    if shared.len() > MAX_CACHED {
        shared.clear();
    }
    Ok(Arc::clone(shared.entry(id).or_insert_with(|| Arc::new(row))))
}

fn locked<T>(rows: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic of another thread leaves the rows whole.
    rows.lock().unwrap_or_else(PoisonError::into_inner)
}
