//! How a SQLite file is copied while others write to it, sealed, and put back. Knows pages, temporary names and syncs.
//!
//! The copy is made inside one read transaction, in which the rows are counted too: what arrives can be compared with what was there.

use crate::archive::{BackupError, BackupReport, Sealer};
use crate::contract::{Database, OpenError};
use crate::engine::clock;
use crate::engine::owner::Owner;
use crate::engine::sqlite::error::opening;
use crate::engine::sqlite::guard::{self, beside};
use crate::engine::sqlite::{connection, schema, sealed};
use crate::schema::migrate;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use rustix::fs::{CWD, RenameFlags};
use std::fs::{File, OpenOptions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Page cache of a connection that copies or checks: 4 MiB.
const CACHE: u64 = 4 * 1024 * 1024;
/// How often to try when another process holds the lock for a moment.
const ATTEMPTS: u32 = 200;

/// Copies `database` to `target`.
pub(crate) fn backup(
    database: &Path,
    target: &Path,
    sealer: &dyn Sealer,
) -> Result<BackupReport, BackupError> {
    let started = clock::now();
    // SQLite would take a log beside it for its own, whatever it came from.
    if let Some(path) =
        ["", "-wal", "-journal"].map(|suffix| beside(target, suffix)).into_iter().find(|path| path.exists())
    {
        return Err(BackupError::Exists { path });
    }
    let source = open_to_read(database)?;
    let partial = beside(target, &format!(".partial-{}", std::process::id()));
    let leftover = Leftover(partial.clone());
    unaltered(&source, database)?;
    let mut report = copy(&source, database, &partial)?;
    drop(source);
    report.bytes = sealed::append(&partial, sealer).map_err(|error| BackupError::io(target, &error))?;
    publish(&partial, target)?;
    drop(leftover);
    report.took = clock::now().saturating_duration_since(started);
    Ok(report)
}

/// Puts `backup` in the place of `database`.
pub(crate) fn restore(
    backup: &Path,
    database: &Path,
    force: bool,
    sealer: Option<&dyn Sealer>,
) -> Result<BackupReport, BackupError> {
    let Some(sealer) = sealer else { return put_in_place(backup, database, force) };
    if !backup.exists() {
        return Err(BackupError::Missing { path: backup.to_owned() });
    }
    sealed::demand(backup, sealer)?;
    // Its bytes and no others: a log that somebody put beside it is not looked at.
    let source = of_known_version(open_alone(backup).map_err(|error| opening(backup, &error))?, backup)?;
    replace(&source, backup, database, force)
}

/// The same with a file that need not be proven.
pub(super) fn put_in_place(backup: &Path, database: &Path, force: bool) -> Result<BackupReport, BackupError> {
    replace(&open_to_read(backup)?, backup, database, force)
}

fn replace(
    source: &Connection,
    backup: &Path,
    database: &Path,
    force: bool,
) -> Result<BackupReport, BackupError> {
    let started = clock::now();
    unaltered(source, backup)?;
    verify(source, backup)?;
    guard::directory(database)?;
    let _lock = guard::lock(database)?;
    if database.exists() && !force {
        return Err(BackupError::Exists { path: database.to_owned() });
    }
    let partial = beside(database, ".restoring");
    let leftover = Leftover(partial.clone());
    let mut report = copy(source, backup, &partial)?;
    // Whoever runs this as root must not lock the server's user out.
    Owner::of(database)
        .and_then(|owner| owner.give(&partial))
        .map_err(|error| BackupError::io(database, &error))?;
    report.kept_aside = set_aside(database)?;
    publish(&partial, database)?;
    drop(leftover);
    let restored = open_to_read(database)?;
    compare(&report.tables, &rows_per_table(&restored, database)?, database)?;
    report.took = clock::now().saturating_duration_since(started);
    Ok(report)
}

/// A file that is removed, with what SQLite puts beside it, unless it was renamed.
pub(super) struct Leftover(pub(super) PathBuf);

impl Drop for Leftover {
    fn drop(&mut self) {
        for path in ["", "-journal", "-wal", "-shm"].map(|suffix| beside(&self.0, suffix)) {
            // Usually it is not there any more, which is what we want.
            let _absent = std::fs::remove_file(path);
        }
    }
}

pub(super) fn open_to_read(path: &Path) -> Result<Connection, BackupError> {
    if !path.exists() {
        return Err(BackupError::Missing { path: path.to_owned() });
    }
    of_known_version(connection::reader(path, CACHE, 0).map_err(|error| opening(path, &error))?, path)
}

/// What a file name keeps in a URI.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_');

/// Reads a file as if nothing could change it: without locks, and without the logs beside it.
fn open_alone(path: &Path) -> rusqlite::Result<Connection> {
    let uri = format!("file:{}?immutable=1", percent_encode(path.as_os_str().as_bytes(), PLAIN));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

fn of_known_version(connection: Connection, path: &Path) -> Result<Connection, BackupError> {
    let known = migrate::newest_known();
    match schema::version(&connection).map_err(|error| opening(path, &error))? {
        0 => Err(BackupError::Foreign { path: path.to_owned() }),
        found if found > known => {
            Err(OpenError::Newer { database: Database::Sqlite(path.to_owned()), found, known }.into())
        }
        _ => Ok(connection),
    }
}

/// Checks a database that is not in use.
pub(super) fn examine(database: &Path) -> Result<BackupReport, BackupError> {
    let connection = open_to_read(database)?;
    verify(&connection, database)?;
    let tables = rows_per_table(&connection, database)?;
    let schema_version = schema::version(&connection).map_err(|error| opening(database, &error))?;
    let bytes = std::fs::metadata(database).map_err(|error| BackupError::io(database, &error))?.len();
    Ok(BackupReport { tables, bytes, schema_version, took: Duration::ZERO, kept_aside: None })
}

/// Copies the source as it is at one instant into a new file, checks the copy, and syncs it. The instant is that of the transaction the
/// source has open, else now.
pub(super) fn copy(source: &Connection, from: &Path, to: &Path) -> Result<BackupReport, BackupError> {
    drop(Leftover(to.to_owned()));
    let create = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
    drop(create.map_err(|error| BackupError::io(to, &error))?);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut target = Connection::open_with_flags(to, flags).map_err(|error| opening(to, &error))?;
    let writing = |error: rusqlite::Error| opening(to, &error);
    target.pragma_update(None, "synchronous", "OFF").map_err(writing)?;

    if source.is_autocommit() {
        source.execute_batch("BEGIN").map_err(|error| opening(from, &error))?;
    }
    let tables = rows_per_table(source, from)?;
    copy_pages(source, &mut target).map_err(writing)?;
    source.execute_batch("COMMIT").map_err(|error| opening(from, &error))?;

    // The source's header says WAL; a file that is carried about should be complete by itself.
    target
        .pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get::<_, String>(0))
        .map_err(writing)?;
    drop(target);

    let copied = open_to_read(to)?;
    verify(&copied, to)?;
    compare(&tables, &rows_per_table(&copied, to)?, to)?;
    let schema_version = schema::version(&copied).map_err(writing)?;
    drop(copied);
    let bytes = sync(to).map_err(|error| BackupError::io(to, &error))?;
    Ok(BackupReport { tables, bytes, schema_version, took: Duration::ZERO, kept_aside: None })
}

/// All pages in one step, within the source's open read transaction: page by page, every write would begin it anew.
fn copy_pages(source: &Connection, target: &mut Connection) -> rusqlite::Result<()> {
    let backup = Backup::new(source, target)?;
    for _ in 0..ATTEMPTS {
        if backup.step(-1)? == StepResult::Done {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY), None))
}

/// What others added to the schema would run in whoever opens the copy.
pub(super) fn unaltered(connection: &Connection, path: &Path) -> Result<(), BackupError> {
    schema::compare(connection).map_err(|why| BackupError::Altered { path: path.to_owned(), why })
}

fn verify(connection: &Connection, path: &Path) -> Result<(), BackupError> {
    let mut check = connection.prepare("PRAGMA integrity_check(5)").map_err(|error| opening(path, &error))?;
    let found: Vec<String> = check
        .query_map([], |row| row.get(0))
        .and_then(Iterator::collect)
        .map_err(|error| BackupError::Damaged { path: path.to_owned(), why: error.to_string() })?;
    if found == ["ok"] {
        return Ok(());
    }
    Err(BackupError::Damaged { path: path.to_owned(), why: found.join("; ") })
}

fn rows_per_table(connection: &Connection, path: &Path) -> Result<Vec<(String, u64)>, BackupError> {
    count_rows(connection).map_err(|error| opening(path, &error).into())
}

/// Every table's rows, in the order of the tables' names.
pub(super) fn count_rows(connection: &Connection) -> rusqlite::Result<Vec<(String, u64)>> {
    let mut names = connection.prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
    )?;
    let names: Vec<String> = names.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    names
        .into_iter()
        .map(|name| {
            let rows: i64 = connection.query_row(
                &format!("SELECT count(*) FROM \"{}\"", name.replace('"', "\"\"")),
                [],
                |row| row.get(0),
            )?;
            Ok((name, rows.unsigned_abs()))
        })
        .collect()
}

fn compare(expected: &[(String, u64)], found: &[(String, u64)], path: &Path) -> Result<(), BackupError> {
    if expected == found {
        return Ok(());
    }
    let why = format!("it should hold {expected:?} rows, and holds {found:?}");
    Err(BackupError::Damaged { path: path.to_owned(), why })
}

/// Syncs a file that no connection of this process has open, and tells its size.
fn sync(path: &Path) -> std::io::Result<u64> {
    let file = File::open(path)?;
    file.sync_all()?;
    Ok(file.metadata()?.len())
}

/// Gives the finished file its name, unless another has taken it, and makes the name durable.
pub(super) fn publish(partial: &Path, target: &Path) -> Result<(), BackupError> {
    use rustix::io::Errno;
    let failed = |error: std::io::Error| BackupError::io(target, &error);
    match rustix::fs::renameat_with(CWD, partial, CWD, target, RenameFlags::NOREPLACE) {
        Ok(()) => {}
        Err(Errno::EXIST) => return Err(BackupError::Exists { path: target.to_owned() }),
        // Some file systems cannot promise it; the name was free a moment ago.
        Err(Errno::INVAL | Errno::NOSYS) if !target.exists() => {
            std::fs::rename(partial, target).map_err(failed)?
        }
        Err(error) => return Err(failed(error.into())),
    }
    let directory = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)
}

/// Renames an existing database, with its logs when it has any. Logs of one that is gone are renamed too: SQLite would take them for those of
/// the one that is put in its place.
fn set_aside(database: &Path) -> Result<Option<PathBuf>, BackupError> {
    const LOGS: [&str; 3] = ["-wal", "-shm", "-journal"];
    let was_there = database.exists();
    if !was_there && LOGS.iter().all(|suffix| !beside(database, suffix).exists()) {
        return Ok(None);
    }
    // Opening and closing it copies the log back, so that one file is kept and not two. A damaged one is kept as it is.
    if was_there
        && let Ok(connection) = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_WRITE)
    {
        let _damaged = connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
    }
    let aside = (1..)
        .map(|number: u32| beside(database, &format!(".before-restore-{number}")))
        .find(|aside| !aside.exists() && LOGS.iter().all(|suffix| !beside(aside, suffix).exists()))
        .ok_or_else(|| BackupError::Exists { path: database.to_owned() })?;
    for suffix in [""].into_iter().chain(LOGS) {
        let (from, to) = (beside(database, suffix), beside(&aside, suffix));
        if from.exists() {
            std::fs::rename(&from, &to).map_err(|error| BackupError::io(&from, &error))?;
        }
    }
    Ok(was_there.then_some(aside))
}
