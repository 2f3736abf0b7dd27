//! What is read from the store in one go.

use std::sync::Arc;

use pigear_alert::Alert;

use super::in_flight::Item;
use crate::store::reader::Further;
use crate::store::row::{DamagedRow, StoredRow};
use crate::store::settled_ranges::IdRange;

/// The most bytes of a batch, roughly.
const MAX_BYTES: usize = 16 << 20;

/// Alerts, with what is not there, or is damaged, before and between them.
pub(super) struct Found {
    pub(super) items: Vec<Item>,
    pub(super) alerts: Vec<Arc<Alert>>,
    /// Alerts that were removed before the lane got them.
    pub(super) gone: Vec<IdRange>,
    /// What is stored but can't be decoded.
    pub(super) damaged: Vec<DamagedRow>,
    /// Up to where this goes.
    pub(super) last: i64,
    /// There may be more before what was asked for is read.
    pub(super) is_cut: bool,
    bytes: usize,
}

impl Found {
    /// Nothing yet, behind this number.
    pub(super) fn behind(last: i64) -> Self {
        Self {
            items: Vec::new(),
            alerts: Vec::new(),
            gone: Vec::new(),
            damaged: Vec::new(),
            last,
            is_cut: false,
            bytes: 0,
        }
    }

    /// Adds what comes next, while there are fewer than `most` alerts.
    pub(super) fn add(&mut self, row: StoredRow, most: usize) -> Further {
        match row {
            StoredRow::Alert(stored) => {
                self.gone_up_to(stored.id - 1);
                self.last = stored.id;
                self.items.push(Item::Stored(stored.id));
                self.bytes += stored.alert.memory();
                self.alerts.push(Arc::new(stored.alert));
                self.is_cut = self.bytes >= MAX_BYTES || self.alerts.len() >= most;
            }
            // What lies before is given out first.
            StoredRow::Damaged(_) if !self.alerts.is_empty() => self.is_cut = true,
            StoredRow::Damaged(row) => {
                self.gone_up_to(row.id - 1);
                self.last = row.id;
                self.damaged.push(row);
            }
        }
        if self.is_cut { Further::Enough } else { Further::On }
    }

    /// There is nothing more up to this number.
    pub(super) fn gone_up_to(&mut self, last: i64) {
        if last > self.last {
            self.gone.push((self.last + 1, last));
            self.last = last;
        }
    }

    /// What is up to this number was settled in an earlier run.
    pub(super) fn settled_up_to(&mut self, last: i64) {
        self.last = self.last.max(last);
    }

    /// How many alerts were removed.
    pub(super) fn count_gone(&self) -> u64 {
        self.gone.iter().map(|(first, last)| (last - first + 1).unsigned_abs()).sum()
    }
}
