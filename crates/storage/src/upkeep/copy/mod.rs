//! Moving an installation from one database to another, and comparing the two. Knows tables, slices and checksums; knows no engine and
//! no URL.
//!
//! Rows travel in key order, a slice at a time; how far a table has come is written in the same commit as the slice, so a copy that was
//! killed goes on where it stopped. Until both sides were compared the destination is marked unfinished, and is not to be served.

mod compare;
pub(crate) mod older;
mod progress;
mod rest;
mod rows;

pub use compare::{Comparison, Difference, Side, verify};
pub use progress::{Unfinished, unfinished};

use crate::contract::StorageError;
use crate::contract::value::Value;
use crate::nodes::Store;
use crate::schema::tables::{self, ROWS_PER_INSERT, Table};
use progress::{Begin, ListProgress, Progress, Release, WriteSlice};
use rows::{Checksum, Record, Slice};
use tokio::sync::mpsc;

/// Where a copy or a comparison stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What is being done.
    pub phase: Phase,
    /// The table.
    pub table: &'static str,
    /// Rows of the table that are done.
    pub rows: u64,
    /// Rows the table has.
    pub of: u64,
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Rows travel.
    Copying,
    /// Both sides are read and compared.
    Comparing,
}

/// What a copy did. Both sides were compared.
#[derive(Debug, Clone)]
pub struct CopyReport {
    /// Each table, equal on both sides.
    pub tables: Vec<Comparison>,
    /// Rows that had arrived before, when this went on with an unfinished copy.
    pub resumed_after: Option<u64>,
    /// Rows that travelled now.
    pub copied: u64,
}

/// Why a copy was not made, or not finished.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The destination holds something, and not what a copy of this source would.
    #[error(
        "the destination is not empty: its table {table} has rows. A copy goes into a new, empty database, and overwrites nothing"
    )]
    NotEmpty {
        /// The first table with rows.
        table: &'static str,
    },
    /// The destination holds an unfinished copy, of something else or of what the source was before.
    #[error(
        "the destination holds an unfinished copy of another installation, or of this one before its secrets changed: \
         run this again with --start-over to empty it and begin anew"
    )]
    OfAnother,
    /// The source is itself an unfinished copy.
    #[error("the source is itself an unfinished copy: finish that one first")]
    SourceUnfinished,
    /// A server still uses the source.
    #[error("the server {node} still uses the source: stop every server first")]
    SourceInUse {
        /// Its name.
        node: String,
    },
    /// Both sides were compared and differ.
    #[error(
        "the copy differs from its source in {}: the source was written to meanwhile. Stop every server that uses it, and run \
         this again with --start-over",
        differing(.0)
    )]
    Differs(Vec<Comparison>),
    /// Somebody else writes to the destination.
    #[error(
        "rows of {table} could not be written: is another copy into the same destination running, or a server?"
    )]
    Contended {
        /// The table.
        table: &'static str,
    },
    /// The destination refused rows, for instance because a text is longer than its column.
    #[error("the destination refused rows of {table} up to the key {to}: {cause}")]
    Refused {
        /// The table.
        table: &'static str,
        /// The last key of the rows that were refused.
        to: String,
        /// What it said.
        cause: StorageError,
    },
    /// One of the databases failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

fn differing(tables: &[Comparison]) -> String {
    let names: Vec<&str> = tables.iter().filter(|table| !table.is_equal()).map(|table| table.table).collect();
    names.join(", ")
}

/// Copies everything that belongs to the installation into an empty database, or goes on with an unfinished copy of the same source;
/// then compares both sides, and releases the destination when they are equal. `start_over` empties an unfinished copy first.
///
/// Nobody may write to the source meanwhile: the comparison would find it, and the destination would stay unfinished.
///
/// # Errors
/// When the destination is not empty, holds something else, or differs in the end, or when one of the databases fails.
pub async fn copy(
    source: &Store,
    destination: &Store,
    start_over: bool,
    mut standing: impl FnMut(Standing),
) -> Result<CopyReport, CopyError> {
    if unfinished(source).await?.is_some() {
        return Err(CopyError::SourceUnfinished);
    }
    if let Some(node) = rest::living_node(source).await? {
        return Err(CopyError::SourceInUse { node });
    }
    let identity = rows::identity(source).await?;
    if start_over {
        progress::empty(destination).await?;
    }
    let mut resumed_after = None;
    let mut all = destination.read(ListProgress).await?;
    if all.is_empty() {
        if let Some(table) = first_with_rows(destination).await? {
            return finished_before(source, destination, &identity, table, &mut standing).await;
        }
        all = Progress::of_nothing(&identity);
        if !destination.write(Begin(all.clone())).await? {
            return Err(CopyError::Contended { table: "copies" });
        }
    } else if all.iter().any(|progress| progress.source != identity) {
        return Err(CopyError::OfAnother);
    } else {
        resumed_after = Some(all.iter().map(|progress| progress.rows).sum());
    }
    let mut copied = 0;
    for table in tables::of_installation() {
        // A table that a newer version added since the copy began.
        let progress = match all.iter().find(|progress| progress.table == table.name) {
            Some(progress) => progress.clone(),
            None => return Err(CopyError::OfAnother),
        };
        let before = progress.rows;
        copied += copy_table(source, destination, table, progress, &mut standing).await? - before;
    }
    let tables = verify(source, destination, &mut standing).await?;
    if !tables.iter().all(Comparison::is_equal) {
        return Err(CopyError::Differs(tables));
    }
    destination.write(Release).await?;
    Ok(CopyReport { tables, resumed_after, copied })
}

async fn first_with_rows(destination: &Store) -> Result<Option<&'static str>, CopyError> {
    for table in tables::of_installation() {
        if !destination.read(Slice::first(table, 1)).await?.is_empty() {
            return Ok(Some(table.name));
        }
    }
    Ok(None)
}

/// A destination with rows and without a mark: refused, unless it is this very copy, which was released before anybody heard of it.
async fn finished_before(
    source: &Store,
    destination: &Store,
    identity: &str,
    table: &'static str,
    standing: &mut impl FnMut(Standing),
) -> Result<CopyReport, CopyError> {
    // Reading all of it is worth while only where it is the same installation.
    if rows::identity(destination).await? == identity {
        let tables = verify(source, destination, standing).await?;
        if tables.iter().all(Comparison::is_equal) {
            let rows = tables.iter().map(|table| table.destination.rows).sum();
            return Ok(CopyReport { tables, resumed_after: Some(rows), copied: 0 });
        }
    }
    Err(CopyError::NotEmpty { table })
}

/// Slices that are read ahead while one is written.
const READ_AHEAD: usize = 2;

/// Copies what is left of a table; how many rows it has then.
async fn copy_table(
    source: &Store,
    destination: &Store,
    table: &'static Table,
    mut progress: Progress,
    standing: &mut impl FnMut(Standing),
) -> Result<u64, CopyError> {
    if progress.finished {
        return Ok(progress.rows);
    }
    let of = rows::count(source, table).await?;
    let (sender, mut slices) = mpsc::channel(READ_AHEAD);
    let after = progress.last_key.clone();
    let reading = async move {
        let mut reader = rows::Reader::after(table, after);
        while let Some(slice) = reader.next(source).await? {
            if sender.send(slice).await.is_err() {
                // The writer has failed, and says why.
                break;
            }
        }
        Ok::<(), CopyError>(())
    };
    let writing = async move {
        while let Some(slice) = slices.recv().await {
            progress = write_slice(destination, table, progress, slice).await?;
            standing(Standing { phase: Phase::Copying, table: table.name, rows: progress.rows, of });
        }
        Ok::<Progress, CopyError>(progress)
    };
    let ((), mut progress) = tokio::try_join!(reading, writing)?;
    let rows = progress.rows;
    progress.finished = true;
    write(destination, &WriteSlice { table, rows: Vec::new(), before: rows, progress }).await?;
    Ok(rows)
}

/// Writes a slice and how far it brings the table, in one commit.
async fn write_slice(
    destination: &Store,
    table: &'static Table,
    mut progress: Progress,
    rows: Vec<Record>,
) -> Result<Progress, CopyError> {
    let before = progress.rows;
    let mut checksum = Checksum::from(progress.checksum);
    for row in &rows {
        checksum.add(row);
    }
    progress.rows += u64::try_from(rows.len()).unwrap_or_default();
    progress.checksum = checksum.into();
    if let Some(last) = rows.last() {
        progress.last_key = Some(last.key(table).to_vec());
    }
    let slice = WriteSlice { table, rows, before, progress };
    write(destination, &slice).await?;
    Ok(slice.progress)
}

/// Writes, and waits its turn when the destination has too much to do.
async fn write(destination: &Store, slice: &WriteSlice) -> Result<(), CopyError> {
    let table = slice.table.name;
    loop {
        match destination.write(slice).await {
            Ok(true) => return Ok(()),
            Ok(false) => return Err(CopyError::Contended { table }),
            Err(StorageError::Overloaded { retry_after }) => tokio::time::sleep(retry_after).await,
            Err(error @ StorageError::Statement(_)) => {
                let to = rows::shown(slice.progress.last_key.as_deref().unwrap_or_default());
                return Err(CopyError::Refused { table, to, cause: error });
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Bytes that one INSERT statement carries, at most, unless it is one row's.
const BYTES_PER_INSERT: usize = 512 * 1024;

/// A slice as statements: as many rows in each as its text has places for, or one by one what is left or large.
fn inserts(table: &Table, rows: &[Record]) -> Vec<(u64, &'static str, Vec<Value>)> {
    let sql = table.sql();
    let mut inserts = Vec::new();
    for rows in rows.chunks(ROWS_PER_INSERT) {
        let bytes: usize = rows.iter().map(Record::bytes).sum();
        if rows.len() == ROWS_PER_INSERT && bytes <= BYTES_PER_INSERT {
            let params = rows.iter().flat_map(|row| row.0.iter().cloned()).collect();
            inserts.push((ROWS_PER_INSERT as u64, sql.insert_many, params));
        } else {
            inserts.extend(rows.iter().map(|row| (1, sql.insert_one, row.0.clone())));
        }
    }
    inserts
}
