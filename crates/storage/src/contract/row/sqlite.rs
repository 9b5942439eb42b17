//! Our values as SQLite's columns hold them, and what its errors mean to whoever reads. Knows its types; not where values go.

use crate::contract::row::{Rows, Source};
use crate::contract::value::{Value, ValueRef};
use crate::contract::{Query, Statement, StorageError};
use rusqlite::types::{ToSqlOutput, ValueRef as SqliteRef};
use rusqlite::{Connection, ErrorCode, params_from_iter};

/// Runs one query's statement and reads its rows.
pub(crate) fn answer<Q: Query>(
    connection: &Connection,
    statement: &Statement,
) -> Result<Q::Output, StorageError> {
    let mut prepared = connection.prepare_cached(statement.sql).map_err(reading)?;
    let rows = prepared.query(params_from_iter(statement.params.iter())).map_err(reading)?;
    Q::read(&mut Rows(Source::Sqlite(rows)))
}

/// A column of a row.
pub(crate) fn column<'a>(row: &'a rusqlite::Row<'_>, index: usize) -> Result<ValueRef<'a>, StorageError> {
    Ok(match row.get_ref(index).map_err(reading)? {
        SqliteRef::Null => ValueRef::Null,
        SqliteRef::Integer(int) => ValueRef::Int(int),
        SqliteRef::Text(text) => ValueRef::Text(
            std::str::from_utf8(text)
                .map_err(|_| StorageError::Corrupt("a text column is not UTF-8".to_owned()))?,
        ),
        SqliteRef::Blob(bytes) => ValueRef::Bytes(bytes),
        SqliteRef::Real(_) => return Err(StorageError::Corrupt("a column holds a fraction".to_owned())),
    })
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => SqliteRef::Null,
            Self::Int(int) => SqliteRef::Integer(*int),
            Self::Text(text) => SqliteRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => SqliteRef::Blob(bytes),
        }))
    }
}

/// An error while reading.
pub(crate) fn reading(error: rusqlite::Error) -> StorageError {
    match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => {
            StorageError::Unavailable("a read took longer than its deadline and was stopped".to_owned())
        }
        Some(code) if is_damage(code) => StorageError::Corrupt(error.to_string()),
        Some(code) if is_engine(code) => StorageError::Unavailable(in_words(code, &error)),
        _ => StorageError::Statement(error.to_string()),
    }
}

pub(crate) fn is_damage(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
}

pub(crate) fn is_engine(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::ReadOnly
            | ErrorCode::CannotOpen
            | ErrorCode::OutOfMemory
            | ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::PermissionDenied
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::NoLargeFileSupport
    )
}

pub(crate) fn in_words(code: ErrorCode, error: &rusqlite::Error) -> String {
    match code {
        ErrorCode::DiskFull => format!("there is no space left on the device ({error})"),
        ErrorCode::ReadOnly => format!("the database file or its file system is read-only ({error})"),
        ErrorCode::SystemIoFailure => format!("the disk failed or is full ({error})"),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            format!("another program holds the database's lock ({error})")
        }
        _ => error.to_string(),
    }
}
