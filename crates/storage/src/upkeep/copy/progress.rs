//! How far a copy has come, as the destination's table `copies` holds it: begun, moved on with every slice, released at the end.

use super::rows::{Record, Slice, decode, encode};
use crate::contract::row::{Row, Rows};
use crate::contract::value::Value;
use crate::contract::{Access, Applied, Command, Query, Statement, Steps, StorageError};
use crate::nodes::Store;
use crate::params;
use crate::schema::tables::{self, Table};

/// A database that is an unfinished copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// Tables that have arrived whole.
    pub tables: usize,
    /// Of so many.
    pub of: usize,
    /// Rows that have arrived.
    pub rows: u64,
}

/// Whether a database is an unfinished copy. Then it must not be served: what it lacks would be taken for never having been.
///
/// # Errors
/// When the database fails.
pub async fn unfinished(store: &Store) -> Result<Option<Unfinished>, StorageError> {
    let all = store.read(ListProgress).await?;
    Ok((!all.is_empty()).then(|| Unfinished {
        tables: all.iter().filter(|progress| progress.finished).count(),
        of: all.len(),
        rows: all.iter().map(|progress| progress.rows).sum(),
    }))
}

/// How far one table has come.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    pub(super) table: String,
    pub(super) source: String,
    pub(super) last_key: Option<Vec<Value>>,
    pub(super) rows: u64,
    pub(super) checksum: [u8; 32],
    pub(super) finished: bool,
}

impl Progress {
    /// Every table, before its first row.
    pub(super) fn of_nothing(source: &str) -> Vec<Self> {
        tables::of_installation()
            .map(|table| Self {
                table: table.name.to_owned(),
                source: source.to_owned(),
                last_key: None,
                rows: 0,
                checksum: [0; 32],
                finished: false,
            })
            .collect()
    }

    fn of_row(row: &Row<'_>) -> Result<Self, StorageError> {
        let damaged = || StorageError::Corrupt("the last key of an unfinished copy".to_owned());
        let last_key: Option<Vec<u8>> = row.get(2)?;
        Ok(Self {
            table: row.get(0)?,
            source: row.get(1)?,
            last_key: last_key.map(|key| decode(&key).ok_or_else(damaged)).transpose()?,
            rows: row.get::<i64>(3)?.unsigned_abs(),
            checksum: row.get(4)?,
            finished: row.get(5)?,
        })
    }

    fn encoded_key(&self) -> Value {
        let encoded = self.last_key.as_ref().map(|key| {
            let mut bytes = Vec::new();
            encode(key, &mut bytes);
            bytes
        });
        Value::from(encoded)
    }
}

fn int(count: u64) -> Value {
    Value::Int(i64::try_from(count).unwrap_or(i64::MAX))
}

/// How far every table has come; nothing when no copy is under way.
pub(super) struct ListProgress;

impl Query for ListProgress {
    type Output = Vec<Progress>;
    const ACCESS: Access = Access::Scan;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT table_name, source, last_key, rows_copied, checksum, finished FROM copies ORDER BY table_name",
            params![],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.all(Progress::of_row)
    }
}

/// Marks a database as an unfinished copy; refused when it is one already.
pub(super) struct Begin(pub(super) Vec<Progress>);

impl Command for Begin {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        for progress in &self.0 {
            steps.one(
                "INSERT INTO copies (table_name, source, last_key, rows_copied, checksum, finished) \
                 VALUES (?, ?, NULL, 0, ?, 0)",
                params![&progress.table, &progress.source, progress.checksum.as_slice()],
            );
        }
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// Some rows of a table, and how far it has come with them. Refused when it had not come as far as was thought: another copy is running.
pub(super) struct WriteSlice {
    pub(super) table: &'static Table,
    pub(super) rows: Vec<Record>,
    /// Rows that had arrived before.
    pub(super) before: u64,
    pub(super) progress: Progress,
}

impl Command for &WriteSlice {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        let Progress { source, rows, checksum, finished, .. } = &self.progress;
        steps.one(
            "UPDATE copies SET last_key = ?, rows_copied = ?, checksum = ?, finished = ? \
             WHERE table_name = ? AND source = ? AND rows_copied = ? AND finished = 0",
            params![
                self.progress.encoded_key(),
                int(*rows),
                checksum.as_slice(),
                *finished,
                self.table.name,
                source,
                int(self.before),
            ],
        );
        for (count, sql, params) in super::inserts(self.table, &self.rows) {
            steps.exactly(count, sql, params);
        }
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// A finished copy is a database like any other.
pub(super) struct Release;

impl Command for Release {
    type Outcome = ();

    fn steps(&self, steps: &mut Steps) {
        steps.any("DELETE FROM copies", params![]);
    }

    fn outcome(&self, _: Applied) {}
}

/// Says that what has arrived is no copy of anything any more, so that no copy goes on with what is left of it.
struct Disown;

impl Command for Disown {
    type Outcome = ();

    fn steps(&self, steps: &mut Steps) {
        steps.any("UPDATE copies SET source = ''", params![]);
    }

    fn outcome(&self, _: Applied) {}
}

/// Deletes the front of a table.
struct DeleteTo {
    table: &'static Table,
    to: Value,
}

impl Command for DeleteTo {
    type Outcome = ();

    fn steps(&self, steps: &mut Steps) {
        steps.any(self.table.sql().delete_to, vec![self.to.clone()]);
    }

    fn outcome(&self, _: Applied) {}
}

/// Rows deleted at once.
const SLICE: usize = 2_000;

/// Empties an unfinished copy, in slices; leaves any other database alone.
pub(super) async fn empty(store: &Store) -> Result<(), StorageError> {
    if unfinished(store).await?.is_none() {
        return Ok(());
    }
    store.write(Disown).await?;
    for table in tables::of_installation() {
        loop {
            let front = store.read(Slice::first(table, SLICE)).await?;
            let Some(to) = front.last().and_then(|row| row.0.first()) else { break };
            store.write(DeleteTo { table, to: to.clone() }).await?;
        }
    }
    store.write(Release).await
}
