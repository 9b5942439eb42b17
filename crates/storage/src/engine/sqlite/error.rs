//! What SQLite's result codes mean: to a reader, to a command, to the batch it shares, to an operator at start.

use crate::contract::row::sqlite::{in_words, is_damage, is_engine};
use crate::contract::{OpenError, StorageError};
use rusqlite::ErrorCode;
use rusqlite::ffi::{SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_ROWID, SQLITE_CONSTRAINT_UNIQUE};
use std::path::Path;

/// Why a statement of a command did not run.
#[derive(Debug)]
pub(super) enum StepFailure {
    /// A unique key is taken: an outcome.
    Taken,
    /// The statement is wrong: this command's error alone. The statement undid itself.
    Statement(StorageError),
    /// The engine cannot write: the whole batch fails.
    Engine(StorageError),
}

/// An error while a statement of a command ran.
pub(super) fn stepping(error: &rusqlite::Error) -> StepFailure {
    if let rusqlite::Error::SqliteFailure(failure, _) = error
        && matches!(
            failure.extended_code,
            SQLITE_CONSTRAINT_PRIMARYKEY | SQLITE_CONSTRAINT_UNIQUE | SQLITE_CONSTRAINT_ROWID
        )
    {
        return StepFailure::Taken;
    }
    match error.sqlite_error_code() {
        Some(code) if is_engine(code) || is_damage(code) => StepFailure::Engine(writing(error)),
        _ => StepFailure::Statement(StorageError::Statement(error.to_string())),
    }
}

/// An error that no command of a batch is to blame for (BEGIN, COMMIT, a full disk).
pub(super) fn writing(error: &rusqlite::Error) -> StorageError {
    match error.sqlite_error_code() {
        Some(code) => StorageError::Unavailable(in_words(code, error)),
        None => StorageError::Unavailable(error.to_string()),
    }
}

/// Whether another connection holds the lock.
pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// An error at start.
pub(crate) fn opening(path: &Path, error: &rusqlite::Error) -> OpenError {
    let (path, why) = (path.to_owned(), error.to_string());
    match error.sqlite_error_code() {
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => OpenError::ReadOnly { path, why },
        Some(ErrorCode::DiskFull) => OpenError::DiskFull { path },
        Some(code) if is_damage(code) => OpenError::Damaged { path, why },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::InUse { path, holder: None },
        _ => OpenError::Failed { path, why },
    }
}
