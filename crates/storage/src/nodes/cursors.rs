//! Where sweeps go on. Knows places; what is swept, and when, is `upkeep/sweep.rs`.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Where the walk through live rows goes on, one place per table.
#[derive(Default)]
pub(crate) struct Cursors(Mutex<BTreeMap<usize, Key>>);

/// The id of a row.
pub(crate) type Key = [u8; 16];

impl Cursors {
    pub(crate) fn get(&self, table: usize) -> Option<Key> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&table).copied()
    }

    pub(crate) fn set(&self, table: usize, key: Option<Key>) {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match key {
            Some(key) => places.insert(table, key),
            None => places.remove(&table),
        };
    }
}
