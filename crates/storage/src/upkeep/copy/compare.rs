//! Two databases side by side, every table in key order: counts, checksums, and the first key at which they part.

use super::rows::{Checksum, Reader, Record, count, shown};
use super::{Phase, Standing};
use crate::contract::StorageError;
use crate::contract::value::Value;
use crate::nodes::Store;
use crate::schema::tables::{self, Table};
use std::cmp::Ordering;
use std::collections::VecDeque;

/// One side's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// How many rows it has.
    pub rows: u64,
    /// SHA-256 over its rows in key order, in hexadecimal.
    pub checksum: String,
}

/// A table on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// Its name.
    pub table: &'static str,
    /// The source's.
    pub source: Side,
    /// The destination's.
    pub destination: Side,
    /// Where they part, if they do.
    pub difference: Option<Difference>,
}

impl Comparison {
    /// Whether both sides hold the same rows.
    pub fn is_equal(&self) -> bool {
        self.source == self.destination && self.difference.is_none()
    }
}

/// The first key at which two tables part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// The destination lacks the row.
    Missing {
        /// Its key.
        key: String,
    },
    /// Only the destination has the row.
    Extra {
        /// Its key.
        key: String,
    },
    /// Both have it, with other content.
    Changed {
        /// Its key.
        key: String,
        /// The columns that differ.
        columns: Vec<&'static str>,
    },
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing { key } => write!(f, "{key} is missing in the destination"),
            Self::Extra { key } => write!(f, "{key} is in the destination only"),
            Self::Changed { key, columns } => write!(f, "{key} differs in {}", columns.join(", ")),
        }
    }
}

/// Compares everything that belongs to an installation. Reads both sides once, at the same time, in bounded memory.
///
/// # Errors
/// When one of the databases fails.
pub async fn verify(
    source: &Store,
    destination: &Store,
    mut standing: impl FnMut(Standing),
) -> Result<Vec<Comparison>, StorageError> {
    let mut comparisons = Vec::new();
    for table in tables::of_installation() {
        comparisons.push(compare(source, destination, table, &mut standing).await?);
    }
    Ok(comparisons)
}

async fn compare(
    source: &Store,
    destination: &Store,
    table: &'static Table,
    standing: &mut impl FnMut(Standing),
) -> Result<Comparison, StorageError> {
    let of = count(source, table).await?;
    let (mut left, mut right) = (Walk::of(source, table), Walk::of(destination, table));
    let mut difference = None;
    loop {
        tokio::try_join!(left.fill(), right.fill())?;
        if left.waiting.is_empty() && right.waiting.is_empty() {
            break;
        }
        step(table, &mut left, &mut right, &mut difference);
        standing(Standing { phase: Phase::Comparing, table: table.name, rows: left.rows, of });
    }
    Ok(Comparison { table: table.name, source: left.side(), destination: right.side(), difference })
}

/// Takes rows off both sides until one of them must read on.
fn step(table: &Table, left: &mut Walk<'_>, right: &mut Walk<'_>, difference: &mut Option<Difference>) {
    loop {
        if left.must_read() || right.must_read() {
            return;
        }
        let (mine, theirs) = (left.waiting.front(), right.waiting.front());
        let order = match (mine, theirs) {
            (None, None) => return,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(mine), Some(theirs)) => by_key(mine.key(table), theirs.key(table)),
        };
        if difference.is_none() {
            *difference = part(table, order, mine, theirs);
        }
        if order.is_le() {
            left.take();
        }
        if order.is_ge() {
            right.take();
        }
    }
}

/// How two rows that come next differ, if they do.
fn part(
    table: &Table,
    order: Ordering,
    mine: Option<&Record>,
    theirs: Option<&Record>,
) -> Option<Difference> {
    let key = |row: Option<&Record>| row.map(|row| shown(row.key(table)));
    match order {
        Ordering::Less => Some(Difference::Missing { key: key(mine)? }),
        Ordering::Greater => Some(Difference::Extra { key: key(theirs)? }),
        Ordering::Equal => {
            let (mine, theirs) = (mine?, theirs?);
            let differs = table.columns.iter().zip(mine.0.iter().zip(&theirs.0));
            let columns: Vec<_> =
                differs.filter(|(_, (mine, theirs))| mine != theirs).map(|(column, _)| column.name).collect();
            (!columns.is_empty()).then(|| Difference::Changed { key: shown(mine.key(table)), columns })
        }
    }
}

/// The order of keys on every engine: byte by byte, and numbers by their size.
fn by_key(mine: &[Value], theirs: &[Value]) -> Ordering {
    let bytes = |value: &Value| match value {
        Value::Text(text) => text.as_bytes().to_vec(),
        Value::Bytes(bytes) => bytes.clone(),
        Value::Int(int) => int.wrapping_sub(i64::MIN).to_be_bytes().to_vec(),
        // No key holds it.
        Value::Null => Vec::new(),
    };
    mine.iter().map(bytes).cmp(theirs.iter().map(bytes))
}

/// One side on its way through a table.
struct Walk<'a> {
    store: &'a Store,
    reader: Reader,
    waiting: VecDeque<Record>,
    ended: bool,
    rows: u64,
    checksum: Checksum,
}

impl<'a> Walk<'a> {
    fn of(store: &'a Store, table: &'static Table) -> Self {
        Self {
            store,
            reader: Reader::after(table, None),
            waiting: VecDeque::new(),
            ended: false,
            rows: 0,
            checksum: Checksum::default(),
        }
    }

    fn must_read(&self) -> bool {
        self.waiting.is_empty() && !self.ended
    }

    async fn fill(&mut self) -> Result<(), StorageError> {
        if self.must_read() {
            match self.reader.next(self.store).await? {
                Some(rows) => self.waiting = rows.into(),
                None => self.ended = true,
            }
        }
        Ok(())
    }

    fn take(&mut self) {
        if let Some(row) = self.waiting.pop_front() {
            self.rows += 1;
            self.checksum.add(&row);
        }
    }

    fn side(self) -> Side {
        Side { rows: self.rows, checksum: self.checksum.shown() }
    }
}
