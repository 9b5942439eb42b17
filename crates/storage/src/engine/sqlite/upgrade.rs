//! How a SQLite file is migrated on purpose: on a clone beside it, where everything is counted before and after, or in place, after a
//! backup. Knows no table's meaning beyond the list of tables.

use crate::archive::{BackupError, Sealer};
use crate::contract::finding::Finding;
use crate::engine::sqlite::doctor::free_bytes;
use crate::engine::sqlite::error::opening;
use crate::engine::sqlite::guard::{self, beside};
use crate::engine::sqlite::{backup, connection, schema, sealed};
use crate::engine::upgrade::{Rehearsal, UpgradeError, Upgraded};
use crate::engine::{Options, Schema, clock, owner};
use crate::schema::migrate;
use crate::schema::tables::{TABLES, Table};
use rusqlite::Connection;
use rusqlite::wal::CheckpointMode;
use std::path::{Path, PathBuf};

/// Room that is left alone.
const SPARE: u64 = 16 * 1024 * 1024;

/// A file beside a database that goes when this goes.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm", "-journal", ".lock"] {
            // Most were never there.
            let _absent = std::fs::remove_file(beside(&self.0, suffix));
        }
    }
}

/// Migrates a clone.
pub(crate) fn rehearse(database: &Path) -> Result<Rehearsal, UpgradeError> {
    let source = backup::open_to_read(database)?;
    let free = room(database, size_with_log(database))?;
    let clone = Scratch(beside(database, &format!(".rehearsal-{}", std::process::id())));
    let began = clock::now();
    backup::copy(&source, database, clone.path())?;
    let cloning_took = clock::now().saturating_duration_since(began);
    drop(source);
    let bytes_before = size(clone.path());

    let failed = |error: rusqlite::Error| UpgradeError::from(opening(database, &error));
    let mut connection = connection::writer(clone.path(), &Options::at(clone.path())).map_err(failed)?;
    let found = schema::version(&connection).map_err(failed)?;
    let before = State::of(&connection).map_err(failed)?;
    let began = clock::now();
    let applied = schema::bring_up_to_date(&mut connection, clone.path(), Schema::Newest)?;
    let took = clock::now().saturating_duration_since(began);
    let log = size(&beside(clone.path(), "-wal"));
    let after = State::of(&connection).map_err(failed)?;
    let checks = checks(&connection, &before, &after).map_err(failed)?;
    connection.wal_checkpoint_v2(Some("main"), CheckpointMode::TRUNCATE).map_err(failed)?;
    drop(connection);
    let bytes_after = size(clone.path());
    Ok(Rehearsal {
        found,
        known: migrate::newest_known(),
        applied,
        took,
        cloning_took,
        bytes_before,
        bytes_after,
        disk_needed: bytes_before + bytes_after.saturating_sub(bytes_before) + log + SPARE,
        disk_free: free,
        checks,
        clone,
    })
}

/// Migrates in place.
pub(crate) fn upgrade(database: &Path, sealer: Option<&dyn Sealer>) -> Result<Upgraded, UpgradeError> {
    if !database.exists() {
        return Err(BackupError::Missing { path: database.to_owned() }.into());
    }
    let _lock = guard::lock(database)?;
    let source = backup::open_to_read(database)?;
    let failed = |error: rusqlite::Error| UpgradeError::from(opening(database, &error));
    let from = schema::version(&source).map_err(failed)?;
    let to = migrate::newest_known();
    let began = clock::now();
    if from == to {
        let took = clock::now().saturating_duration_since(began);
        return Ok(Upgraded { from, to, applied: Vec::new(), took, backup: None });
    }
    // The backup, and as much again: a migration that writes a table anew needs room for both.
    room(database, size_with_log(database).saturating_mul(2))?;
    let target = (0..)
        .map(|number: u32| match number {
            0 => beside(database, &format!(".before-upgrade-from-{from}")),
            _ => beside(database, &format!(".before-upgrade-from-{from}-{number}")),
        })
        .find(|target| !target.exists())
        .ok_or_else(|| BackupError::Exists { path: database.to_owned() })?;
    let partial = Scratch(beside(&target, ".partial"));
    backup::copy(&source, database, partial.path())?;
    drop(source);
    let io = |error: std::io::Error| BackupError::io(&target, &error);
    if let Some(sealer) = sealer {
        sealed::append(partial.path(), sealer).map_err(io)?;
    }
    owner::as_beside(partial.path(), database).map_err(io)?;
    backup::publish(partial.path(), &target)?;

    let began = clock::now();
    let mut connection = connection::writer(database, &Options::at(database)).map_err(failed)?;
    let applied = schema::bring_up_to_date(&mut connection, database, Schema::Newest)?;
    let took = clock::now().saturating_duration_since(began);
    connection.wal_checkpoint_v2(Some("main"), CheckpointMode::TRUNCATE).map_err(failed)?;
    Ok(Upgraded { from, to, applied, took, backup: Some(target) })
}

/// Makes sure that so much is free beside a database; how much is.
fn room(database: &Path, needed: u64) -> Result<u64, UpgradeError> {
    let directory = database.parent().filter(|parent| !parent.as_os_str().is_empty());
    // Where the system does not tell, the write that fails will.
    let free = free_bytes(directory.unwrap_or(Path::new("."))).unwrap_or(u64::MAX);
    let needed = needed + SPARE;
    if free < needed {
        return Err(UpgradeError::NoRoom { path: database.to_owned(), needed, free });
    }
    Ok(free)
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
}

fn size_with_log(database: &Path) -> u64 {
    size(database) + size(&beside(database, "-wal"))
}

/// What a migration must keep.
struct State {
    /// Rows per table.
    rows: Vec<(String, u64)>,
    /// Per reference: how many ids point nowhere. Some do at any time: what a grant stood on may have been removed.
    dangling: Vec<(&'static str, &'static str, u64)>,
}

impl State {
    fn of(connection: &Connection) -> rusqlite::Result<Self> {
        let rows = backup::count_rows(connection)?;
        let mut dangling = Vec::new();
        for table in TABLES {
            for (column, other) in table.refers {
                if let Some(count) = pointing_nowhere(connection, table, column, other)? {
                    dangling.push((table.name, *column, count));
                }
            }
        }
        Ok(Self { rows, dangling })
    }
}

/// How many ids of a column point nowhere; none when this version of the schema does not have both.
fn pointing_nowhere(
    connection: &Connection,
    table: &Table,
    column: &str,
    other: &str,
) -> rusqlite::Result<Option<u64>> {
    let key = TABLES.iter().find(|table| table.name == other).and_then(|table| table.key_columns().first());
    let Some(key) = key.map(|key| key.name) else { return Ok(None) };
    let has = |table: &str, column: &str| -> rusqlite::Result<bool> {
        let found = "SELECT count(*) FROM pragma_table_info(?) WHERE name = ?";
        connection.query_row(found, [table, column], |row| row.get(0))
    };
    let name = table.name;
    if !has(name, column)? || !has(other, key)? {
        return Ok(None);
    }
    let count = format!(
        "SELECT count(*) FROM {name} AS a WHERE a.{column} IS NOT NULL AND NOT EXISTS \
         (SELECT 1 FROM {other} AS b WHERE b.{key} = a.{column})"
    );
    connection.query_row(&count, [], |row| row.get::<_, i64>(0)).map(|count| Some(count.unsigned_abs()))
}

/// What must hold after a migration, whatever it did.
fn checks(connection: &Connection, before: &State, after: &State) -> rusqlite::Result<Vec<Finding>> {
    const REMEDY: &str = "do not upgrade: this is a defect of the new version; report it";
    let verdict = |check, wrong: Vec<String>, fine: String| match wrong.is_empty() {
        true => Finding::ok(check, fine),
        false => Finding::problem(check, wrong.join("; "), REMEDY),
    };
    let rows =
        |state: &State, name: &str| state.rows.iter().find(|(table, _)| table == name).map(|(_, rows)| *rows);
    let kept = || before.rows.iter().filter(|(table, _)| table != "refinery_schema_history");
    let lost = kept().filter_map(|(table, had)| match rows(after, table) {
        Some(has) if has == *had => None,
        Some(has) => Some(format!("{table} had {had} rows and has {has}")),
        None => Some(format!("{table} with {had} rows is gone")),
    });
    let total: u64 = kept().map(|(_, rows)| rows).sum();
    let orphaned = before.dangling.iter().filter_map(|(table, column, had)| {
        let has = after.dangling.iter().find(|(other, also, _)| (other, also) == (table, column))?.2;
        (has > *had).then(|| format!("{} more ids in {table}.{column} point nowhere", has - had))
    });
    let mut check = connection.prepare("PRAGMA integrity_check(5)")?;
    let found: Vec<String> = check.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let damage = if found == ["ok"] { Vec::new() } else { found };
    Ok(vec![
        verdict("rows", lost.collect(), format!("all {total} rows are kept")),
        verdict(
            "references",
            orphaned.collect(),
            format!("{} kinds of ids lead where they led", before.dangling.len()),
        ),
        verdict("integrity", damage, "every page, row and index entry is in its place".to_owned()),
        verdict(
            "schema",
            differing(connection)?,
            format!("{} tables are as this program expects them", TABLES.len()),
        ),
    ])
}

/// Tables whose columns are not what the list of tables says.
fn differing(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut wrong = Vec::new();
    for table in TABLES {
        let mut columns = connection.prepare("SELECT name FROM pragma_table_info(?) ORDER BY cid")?;
        let found: Vec<String> =
            columns.query_map([table.name], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        let listed: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
        if found != listed {
            wrong.push(format!("{} has the columns {}", table.name, found.join(", ")));
        }
    }
    Ok(wrong)
}
