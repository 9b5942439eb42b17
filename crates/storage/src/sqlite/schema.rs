//! The schema of a SQLite file: which version it has, and bringing it up to date. The migrations themselves are in `migrate.rs`.

use crate::database::Database;
use crate::dialect::SQLITE;
use crate::migrate;
use crate::options::{OpenError, Schema};
use crate::sqlite::error::opening;
use refinery::error::Kind;
use rusqlite::{Connection, OptionalExtension};
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
        Schema::Newest => known,
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
