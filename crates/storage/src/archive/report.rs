//! What can be said of a copy of a database that is one file: what it holds, or why it was not made.

use crate::archive::SealFailure;
use crate::contract::OpenError;
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
