//! The tables of an installation whose schema is older than this program's, as far as they are there, and their rows on the way into an empty
//! database of the same schema: for a rehearsal. What is there is found out by asking for it; no engine's catalogue is known here.

use super::rows::{Record, Slice, patiently};
use crate::contract::row::Rows;
use crate::contract::{Access, Applied, Command, Query, Statement, Steps, StorageError};
use crate::nodes::Store;
use crate::params;
use crate::schema::tables::{Belongs, Column, TABLES, Table, TableSql, statements};

/// Rows that travel at once.
const SLICE: usize = 500;

/// A table as an older schema has it, or as this program's has.
pub(crate) struct Older {
    pub(crate) name: &'static str,
    pub(crate) belongs: Belongs,
    key: usize,
    refers: &'static [(&'static str, &'static str)],
    columns: &'static [Column],
    sql: &'static TableSql,
}

/// The tables that are there, each with the columns that are there. What it says of them stays in memory: a rehearsal is a process of its own.
pub(crate) async fn tables(store: &Store) -> Result<Vec<Older>, StorageError> {
    let mut found = Vec::new();
    for table in TABLES {
        let mut columns = table.columns.to_vec();
        if !has(store, table.name, &columns).await? {
            columns.clear();
            for column in table.columns {
                if has(store, table.name, std::slice::from_ref(column)).await? {
                    columns.push(*column);
                }
            }
        }
        if columns.len() >= table.key {
            let columns: &'static [Column] = columns.leak();
            let sql = statements(&Table { columns, ..*table });
            let Table { name, belongs, key, refers, .. } = *table;
            found.push(Older { name, belongs, key, refers, columns, sql: Box::leak(Box::new(sql)) });
        }
    }
    Ok(found)
}

impl Older {
    /// Whether every column of this program's is there.
    pub(crate) fn is_whole(&self) -> bool {
        TABLES.iter().any(|table| table.name == self.name && table.columns.len() == self.columns.len())
    }

    /// How many rows it has.
    pub(crate) async fn count(&self, store: &Store) -> Result<u64, StorageError> {
        patiently(|| store.read(Number(self.sql.count))).await
    }

    /// How many ids of each column that refers to a table point nowhere, where both are there.
    pub(crate) async fn dangling(
        &self,
        store: &Store,
        all: &[Self],
    ) -> Result<Vec<(&'static str, u64)>, StorageError> {
        let mut counts = Vec::new();
        for (column, other) in self.refers {
            let is_there = self.columns.iter().any(|there| there.name == *column);
            let Some(other) = all.iter().find(|there| there.name == *other).filter(|_| is_there) else {
                continue;
            };
            let Some(key) = other.columns.first().map(|key| key.name) else { continue };
            let sql = format!(
                "SELECT count(*) FROM {} a WHERE a.{column} IS NOT NULL AND NOT EXISTS \
                 (SELECT 1 FROM {} b WHERE b.{key} = a.{column})",
                self.name, other.name
            );
            let sql: &'static str = sql.leak();
            counts.push((*column, patiently(|| store.read(Number(sql))).await?));
        }
        Ok(counts)
    }

    /// Carries every row over; how many there were. The source may change meanwhile: then it is some of before and some of after.
    pub(crate) async fn carry(&self, source: &Store, to: &Store) -> Result<u64, StorageError> {
        let (mut after, mut carried) = (None, 0);
        loop {
            let rows = patiently(|| source.read(Slice::of(self.sql, after.clone(), SLICE))).await?;
            let Some(last) = rows.last() else { return Ok(carried) };
            after = last.0.get(..self.key).map(<[_]>::to_vec);
            carried += rows.len() as u64;
            let is_last = rows.len() < SLICE;
            to.write(Carried { insert: self.sql.insert_one, rows }).await?;
            if is_last {
                return Ok(carried);
            }
        }
    }
}

async fn has(store: &Store, table: &str, columns: &[Column]) -> Result<bool, StorageError> {
    let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
    let sql: &'static str = format!("SELECT {} FROM {table} WHERE 1 = 0", names.join(", ")).leak();
    match patiently(|| store.read(Nothing(sql))).await {
        Ok(()) => Ok(true),
        Err(StorageError::Statement(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// A statement that finds no row, or is refused.
struct Nothing(&'static str);

impl Query for Nothing {
    type Output = ();
    const ACCESS: Access = Access::Scan;

    fn statement(&self) -> Statement {
        Statement::new(self.0, params![])
    }

    fn read(_: &mut Rows<'_>) -> Result<(), StorageError> {
        Ok(())
    }
}

/// A statement that answers with one number.
pub(crate) struct Number(pub(crate) &'static str);

impl Query for Number {
    type Output = u64;
    const ACCESS: Access = Access::Scan;

    fn statement(&self) -> Statement {
        Statement::new(self.0, params![])
    }

    fn read(rows: &mut Rows<'_>) -> Result<u64, StorageError> {
        Ok(rows.first(|row| row.get::<i64>(0))?.unwrap_or_default().unsigned_abs())
    }
}

struct Carried {
    insert: &'static str,
    rows: Vec<Record>,
}

impl Command for Carried {
    type Outcome = ();

    fn steps(&self, steps: &mut Steps) {
        for row in &self.rows {
            steps.any(self.insert, row.0.clone());
        }
    }

    fn outcome(&self, _: Applied) {}
}
