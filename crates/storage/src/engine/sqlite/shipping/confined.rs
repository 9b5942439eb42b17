//! The connection that replays a log: it changes rows of this program's tables, and can do nothing else. What it runs is this program's own already
//! (`archive/statements.rs`); this holds should that ever fail.

use crate::engine::sqlite::schema;
use crate::schema::tables::TABLES;
use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;

/// Functions of the statements.
const FUNCTIONS: [&str; 1] = ["coalesce"];

/// Opens a base that was fetched, once its schema is known to be ours.
///
/// # Errors
/// Why it is not used, to follow its name.
pub(super) fn open(base: &Path) -> Result<Connection, String> {
    let failed = |error: rusqlite::Error| format!("cannot be used: {error}");
    // Not a URI, and never made.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(base, flags).map_err(failed)?;
    settle(&connection).map_err(failed)?;
    schema::compare(&connection)?;
    connection.authorizer(Some(only_rows)).map_err(failed)?;
    Ok(connection)
}

fn settle(connection: &Connection) -> rusqlite::Result<()> {
    for (config, on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
    ] {
        connection.set_db_config(config, on)?;
    }
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.set_prepared_statement_cache_capacity(512);
    connection.pragma_update(None, "cell_size_check", true)?;
    // It is a scratch file: a crash leaves nothing that is worth anything.
    connection.pragma_update(None, "synchronous", "OFF")
}

fn only_rows(asked: AuthContext<'_>) -> Authorization {
    let admitted = match asked.action {
        AuthAction::Insert { table_name }
        | AuthAction::Delete { table_name }
        | AuthAction::Update { table_name, .. }
        | AuthAction::Read { table_name, .. } => TABLES.iter().any(|table| table.name == table_name),
        AuthAction::Function { function_name } => {
            FUNCTIONS.iter().any(|known| function_name.eq_ignore_ascii_case(known))
        }
        AuthAction::Select | AuthAction::Transaction { .. } => true,
        _ => false,
    };
    if admitted { Authorization::Allow } else { Authorization::Deny }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::Statements;

    fn ours(folder: &Path) -> std::path::PathBuf {
        let path = folder.join("base.db");
        let connection = Connection::open(&path).unwrap();
        schema::make(connection).unwrap();
        path
    }

    #[test]
    fn rows_of_known_tables_are_changed_and_nothing_else_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open(&ours(folder.path())).unwrap();
        let other = folder.path().join("other.db").display().to_string();
        for refused in [
            format!("ATTACH '{other}' AS other"),
            "CREATE TABLE mine (a)".to_owned(),
            "CREATE TEMP TABLE mine (a)".to_owned(),
            "CREATE TRIGGER t AFTER INSERT ON users BEGIN DELETE FROM users; END".to_owned(),
            "DROP TABLE users".to_owned(),
            "ALTER TABLE users ADD COLUMN mine".to_owned(),
            "PRAGMA writable_schema = ON".to_owned(),
            format!("VACUUM INTO '{other}'"),
            "DELETE FROM sqlite_schema".to_owned(),
            "INSERT INTO refinery_schema_history VALUES (99, 'a', 'b', 'c')".to_owned(),
            "DELETE FROM users WHERE id IN (SELECT randomblob(16))".to_owned(),
            "SELECT load_extension('mine')".to_owned(),
            "DELETE FROM users WHERE 1 IN (WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a FROM n) SELECT a FROM n)"
                .to_owned(),
            "SAVEPOINT mine".to_owned(),
        ] {
            assert!(connection.execute_batch(&refused).is_err(), "{refused}");
        }
        assert!(!folder.path().join("other.db").exists());
        connection.execute("DELETE FROM sessions", []).unwrap();
    }

    #[test]
    fn every_statement_that_may_stand_in_a_log_can_be_replayed() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open(&ours(folder.path())).unwrap();
        let mut prepared = 0;
        for text in Statements::every_one() {
            // One of an earlier schema is replayed on a base of that schema.
            if let Err(error) = connection.prepare(text) {
                let told = error.to_string();
                assert!(told.contains("no such column") || told.contains("no such table"), "{text}: {told}");
                continue;
            }
            prepared += 1;
        }
        assert!(prepared > 90, "{prepared}");
    }

    #[test]
    fn a_schema_that_is_not_ours_is_named_before_anything_is_run() {
        let folder = tempfile::tempdir().unwrap();
        let path = ours(folder.path());
        for (change, back, named) in [
            (
                "CREATE TRIGGER mine AFTER INSERT ON sessions BEGIN DELETE FROM users; END",
                "DROP TRIGGER mine",
                "trigger mine",
            ),
            ("CREATE VIEW mine AS SELECT 1", "DROP VIEW mine", "view mine"),
            ("CREATE TABLE mine (a DEFAULT (abs(9)))", "DROP TABLE mine", "table mine"),
            ("CREATE INDEX mine ON users (abs(platform_owner))", "DROP INDEX mine", "index mine"),
            (
                "ALTER TABLE users ADD COLUMN mine INTEGER",
                "ALTER TABLE users DROP COLUMN mine",
                "table users",
            ),
        ] {
            Connection::open(&path).unwrap().execute_batch(change).unwrap();
            let refused = open(&path).unwrap_err();
            assert!(refused.contains(named), "{change}: {refused}");
            Connection::open(&path).unwrap().execute_batch(back).unwrap();
            open(&path).unwrap();
        }
        // Statistics are SQLite's own.
        Connection::open(&path).unwrap().execute_batch("ANALYZE").unwrap();
        open(&path).unwrap();
        Connection::open(&path).unwrap().execute_batch("DROP TABLE subscriptions").unwrap();
        assert!(open(&path).unwrap_err().contains("subscriptions"), "one is missing");
    }
}
