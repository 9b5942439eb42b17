//! How connections are opened: one that writes, one that checkpoints, many that read. Knows the pragmas and why each is set.

use crate::engine::{Durability, Options};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;

/// Statements kept prepared per connection: more than this program has.
const CACHED_STATEMENTS: usize = 512;

/// The connection that writes. It waits for no lock: the writer decides how long it tries.
pub(super) fn writer(path: &Path, options: &Options) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, plain(OpenFlags::SQLITE_OPEN_READ_WRITE))?;
    connection.busy_timeout(Duration::from_millis(20))?;
    keep_statements(&connection)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0))?;
    let synchronous = match options.durability {
        Durability::Full => "FULL",
        Durability::Process => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    // The checkpointer decides when; a commit must never pay for it.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    // After a long reader let the log grow, its file shrinks again at the next restart.
    connection.pragma_update(
        None,
        "journal_size_limit",
        i64::try_from(options.wal_soft_limit * 2).unwrap_or(i64::MAX),
    )?;
    connection.pragma_update(None, "cache_size", kibibytes(options.writer_cache))?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

/// The connection that copies the write-ahead log back. It needs no statement and hardly any cache.
pub(super) fn checkpointer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, plain(OpenFlags::SQLITE_OPEN_READ_WRITE))?;
    connection.busy_timeout(Duration::ZERO)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "cache_size", kibibytes(256 * 1024))?;
    Ok(connection)
}

/// A connection that reads.
pub(crate) fn reader(path: &Path, cache: u64, mapped: u64) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, plain(OpenFlags::SQLITE_OPEN_READ_ONLY))?;
    // Readers never wait for the writer; this is for the moment when another process recovers or closes the log.
    connection.busy_timeout(Duration::from_secs(1))?;
    keep_statements(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", kibibytes(cache))?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "mmap_size", i64::try_from(mapped).unwrap_or(i64::MAX))?;
    Ok(connection)
}

/// A statement is prepared once. Without the query planner stability guarantee, a SQLite built with STAT4 (ours is) prepares a statement again
/// whenever another value is bound to a parameter of its WHERE clause: that is every point read we make.
fn keep_statements(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(|_| ())
}

/// Each connection belongs to one thread, and a file name is a name, not a URI.
fn plain(access: OpenFlags) -> OpenFlags {
    access | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

/// SQLite counts a negative cache size in KiB.
fn kibibytes(bytes: u64) -> i64 {
    -i64::try_from(bytes / 1024).unwrap_or(i64::MAX)
}
