//! Copying a database while it is in use, and putting a copy back: both verified. Knows files and promises; how an engine copies is
//! its own folder's business.
//!
//! For databases that are one file. A server-based engine is backed up with its own tools.

use crate::options::OpenError;
use crate::seal::{SealFailure, Sealer};
use crate::sqlite;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a backup or a restored database holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupReport {
    /// Rows per table, in the order of the tables' names.
    pub tables: Vec<(String, u64)>,
    /// Size of the file.
    pub bytes: u64,
    /// The newest migration it has.
    pub schema_version: i64,
    /// How long it took, verification included.
    pub took: Duration,
    /// Where the database that was replaced is kept, when one was.
    pub kept_aside: Option<PathBuf>,
}

/// Why a backup or a restore was not made. Nothing was overwritten.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is no such file.
    #[error("{path} does not exist")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The target exists.
    #[error("{path} exists already and is not overwritten")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// It is a database, but not one of this program.
    #[error("{path} is not a database of this program")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be known who wrote it.
    #[error("{path} {why}")]
    Unproven {
        /// The file.
        path: PathBuf,
        /// What its seal lacks.
        why: SealFailure,
    },
    /// Its schema is not what this program's migrations make.
    #[error("{path} {why}")]
    Altered {
        /// The database.
        path: PathBuf,
        /// What is otherwise.
        why: String,
    },
    /// The check found damage.
    #[error("{path} failed its verification: {why}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        why: String,
    },
    /// The file cannot be opened: in use, newer than this program, not a database, no permission, no room.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl BackupError {
    pub(crate) fn io(path: &Path, error: &std::io::Error) -> Self {
        Self::Open(OpenError::from_io(path, error))
    }
}

/// Copies the database, which may be in use by a running server, to `target`, which must not exist, and seals the copy. Blocks until it is
/// verified and on the disk.
///
/// # Errors
/// When the source cannot be read, the target exists or cannot be written, or the copy does not hold what the source held.
pub fn backup(database: &Path, target: &Path, sealer: &dyn Sealer) -> Result<BackupReport, BackupError> {
    sqlite::backup::backup(database, target, sealer)
}

/// Puts a backup in the place of a database that is not in use. With `force` an existing database is replaced, and kept aside. Without a
/// sealer nobody asks who wrote the backup, and whether it is as it was.
///
/// # Errors
/// When the backup is not sealed by this installation, damaged or newer than this program, or the database is in use, or exists and `force`
/// was not given.
pub fn restore(
    backup: &Path,
    database: &Path,
    force: bool,
    sealer: Option<&dyn Sealer>,
) -> Result<BackupReport, BackupError> {
    sqlite::backup::restore(backup, database, force, sealer)
}

/// Whether a file is a backup with a seal: then it is as it was sealed, and, with a sealer, by us. Any other file has none.
///
/// # Errors
/// When it was changed since, the sealer does not know the seal, or the file cannot be read.
pub fn check_seal(file: &Path, sealer: Option<&dyn Sealer>) -> Result<bool, BackupError> {
    sqlite::sealed::check(file, sealer)
}
