//! SQLite by hand, to measure what the engine adds: one connection that writes, one per processor that reads, calls made where they are needed.

use crate::contract::{Statement, Steps};
use crate::engine::plain::{Found, Plain, Use};
use rusqlite::{Connection, OptionalExtension as _, params_from_iter};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file.
pub(crate) struct PlainSqlite {
    path: PathBuf,
}

impl PlainSqlite {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        let connection = Connection::open(&self.path)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.set_prepared_statement_cache_capacity(64);
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0))?;
        // As durable as the store: the log is on the disk before a commit is acknowledged.
        connection.pragma_update(None, "synchronous", "FULL")?;
        Ok(connection)
    }
}

/// Makes the system forget what it keeps of a database file in memory. The store's own caches stay.
pub(crate) fn forget(path: &Path) -> std::io::Result<()> {
    // Never another handle: closing it would drop SQLite's locks.
    let file = super::guard::sync_handle(path)?;
    // What is not on the disk yet would stay.
    file.sync_data()?;
    Ok(rustix::fs::fadvise(&*file, 0, None, rustix::fs::Advice::DontNeed)?)
}

impl Plain for PlainSqlite {
    type Connection = Connection;

    async fn connect(&self, _: Use) -> Result<Connection, String> {
        self.open().map_err(|error| error.to_string())
    }

    async fn write(&self, connection: &mut Connection, steps: &Steps) -> Result<(), String> {
        in_one_transaction(connection, steps).map_err(|error| error.to_string())
    }

    async fn read(
        &self,
        connection: &mut Connection,
        statement: &Statement,
    ) -> Result<Option<Found>, String> {
        let read = |row: &rusqlite::Row<'_>| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
                row.get(5)?,
                row.get(6)?,
                row.get(7)?,
                row.get(8)?,
            ))
        };
        connection
            .prepare_cached(statement.sql)
            .and_then(|mut prepared| prepared.query_row(params_from_iter(&statement.params), read).optional())
            .map_err(|error| error.to_string())
    }

    fn worth(&self, use_: Use, as_many: usize) -> usize {
        match use_ {
            // SQLite has one writer at a time; more connections would only wait inside of it.
            Use::Write => 1,
            Use::Read => std::thread::available_parallelism().map_or(as_many, usize::from),
        }
    }
}

fn in_one_transaction(connection: &Connection, steps: &Steps) -> rusqlite::Result<()> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    for step in steps.as_slice() {
        let count = connection.prepare_cached(step.sql)?.execute(params_from_iter(&step.params))?;
        if step.expect.count().is_some_and(|expected| expected != count as u64) {
            connection.execute_batch("ROLLBACK")?;
            return Err(rusqlite::Error::StatementChangedRows(count));
        }
    }
    connection.prepare_cached("COMMIT")?.execute([])?;
    Ok(())
}
