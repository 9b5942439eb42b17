//! The schema of a SQLite file: which version it has, and bringing it up to date. The migrations themselves are in `schema/migrate.rs`.

use crate::contract::{Database, OpenError};
use crate::engine::Schema;
use crate::engine::sqlite::error::opening;
use crate::schema::dialect::SQLITE;
use crate::schema::migrate;
use refinery::error::Kind;
use rusqlite::{Connection, OptionalExtension};
use std::collections::BTreeMap;
use std::path::Path;

/// The newest migration that the database has; zero when it has none.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    let history: Option<i64> = connection
        .query_row(
            "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'refinery_schema_history'",
            [],
            |row| row.get(0),
        )
        .optional()?;
    match history {
        None => Ok(0),
        Some(_) => {
            connection.query_row("SELECT coalesce(max(version), 0) FROM refinery_schema_history", [], |row| {
                row.get(0)
            })
        }
    }
}

/// Applies the migrations that are missing, as far as it may, and says which; refuses a database that is newer than this program, or of
/// another history.
pub(super) fn bring_up_to_date(
    connection: &mut Connection,
    path: &Path,
    schema: Schema,
) -> Result<Vec<String>, OpenError> {
    let found = version(connection).map_err(|error| opening(path, &error))?;
    let known = migrate::newest_known();
    if found > known {
        return Err(OpenError::Newer { database: Database::Sqlite(path.to_owned()), found, known });
    }
    let up_to = match schema {
        Schema::AsItIs if found < known => {
            return Err(OpenError::Older { database: Database::Sqlite(path.to_owned()), found, known });
        }
        Schema::AsItIs => return Ok(Vec::new()),
        Schema::OfExisting if found == 0 => {
            return Err(OpenError::Missing { database: Database::Sqlite(path.to_owned()) });
        }
        Schema::Newest | Schema::OfExisting => known,
        // Never back: migrations know one direction.
        Schema::UpTo(version) => version.max(found),
    };
    let report = migrate::runner(&SQLITE, up_to)
        .and_then(|runner| runner.run(connection))
        .map_err(|error| failed(path, &error))?;
    let applied = report.applied_migrations().iter().map(|migration| {
        tracing::info!(%migration, "migration applied");
        migration.to_string()
    });
    Ok(applied.collect())
}

/// Kind and name of each object of a schema, and its text.
type Objects = BTreeMap<(String, String), String>;

/// Whether the schema is what this program's migrations make, object by object: nothing that would run beside our statements (a trigger, a view, an
/// index of an expression), and nothing missing.
///
/// # Errors
/// What is otherwise, to follow the database's name.
pub(super) fn compare(connection: &Connection) -> Result<(), String> {
    let engine = |error: rusqlite::Error| format!("has a schema that cannot be read: {error}");
    let found = objects(connection).map_err(engine)?;
    let history = ("table".to_owned(), HISTORY.to_owned());
    let newest = expected(migrate::newest_known())?;
    // Before its version is asked: that reads this table.
    if found.get(&history) != newest.get(&history) {
        return Err("has no history of this program's migrations".to_owned());
    }
    let version = version(connection).map_err(engine)?;
    if version > migrate::newest_known() {
        return Err(format!("has schema version {version}, which is newer than this program"));
    }
    let expected = if version == migrate::newest_known() { newest } else { expected(version)? };
    let differs = found
        .iter()
        .find(|(object, text)| expected.get(object) != Some(text))
        .or_else(|| expected.iter().find(|(object, _)| !found.contains_key(object)));
    match differs {
        None => Ok(()),
        Some(((kind, name), _)) => Err(format!(
            "has a schema that no version of this program makes: see its {kind} {name}. What others added must be removed first"
        )),
    }
}

const HISTORY: &str = "refinery_schema_history";

/// What the migrations up to a version make.
fn expected(version: i64) -> Result<Objects, String> {
    let made = |error: &dyn std::fmt::Display| format!("cannot be compared with its schema: {error}");
    let mut connection = Connection::open_in_memory().map_err(|error| made(&error))?;
    migrate::runner(&SQLITE, version)
        .and_then(|runner| runner.run(&mut connection))
        .map_err(|error| made(&error))?;
    objects(&connection).map_err(|error| made(&error))
}

fn objects(connection: &Connection) -> rusqlite::Result<Objects> {
    // Statistics, which are SQLite's own.
    let mut select = connection.prepare(
        "SELECT type, name, sql FROM sqlite_schema WHERE name NOT IN ('sqlite_stat1', 'sqlite_stat4')",
    )?;
    let rows = select.query_map([], |row| {
        let text = row.get::<_, Option<String>>(2)?.unwrap_or_default();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok(((row.get(0)?, row.get(1)?), text))
    })?;
    rows.collect()
}

/// Gives a connection's database the newest schema.
#[cfg(test)]
pub(super) fn make(mut connection: Connection) -> Result<(), refinery::Error> {
    migrate::runner(&SQLITE, migrate::newest_known())?.run(&mut connection).map(drop)
}

fn failed(path: &Path, error: &refinery::Error) -> OpenError {
    match error.kind() {
        _ if migrate::is_divergence(error) => {
            OpenError::Diverged { database: Database::Sqlite(path.to_owned()), why: error.to_string() }
        }
        Kind::Connection(_, source) => match source.downcast_ref::<rusqlite::Error>() {
            Some(error) => opening(path, error),
            None => OpenError::Failed { path: path.to_owned(), why: error.to_string() },
        },
        _ => OpenError::Failed { path: path.to_owned(), why: error.to_string() },
    }
}
