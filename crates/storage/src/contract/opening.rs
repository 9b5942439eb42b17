//! Why a database cannot be opened, in the words that an operator is told.

use crate::contract::Database;
use std::path::{Path, PathBuf};

/// Why a store could not be opened, in words an operator can act on.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has this database open.
    #[error(
        "{path} is in use by another process{}: stop it first, or choose another database file. \
         One database file belongs to one running server",
        holder.map_or_else(String::new, |pid| format!(" (process id {pid})"))
    )]
    InUse {
        /// The database file.
        path: PathBuf,
        /// The process that holds it, when it could be read.
        holder: Option<u32>,
    },
    /// The database was written by a newer version of this program.
    #[error(
        "{database} has schema version {found}, but this program knows only up to {known}: run the newer version it was written \
         with, or restore a backup made before the upgrade"
    )]
    Newer {
        /// The database.
        database: Database,
        /// The schema version found.
        found: i64,
        /// The newest schema version this program knows.
        known: i64,
    },
    /// There is no database, or nothing in it, and none was to be made.
    #[error("{database} holds no installation: is that the right place?")]
    Missing {
        /// The database.
        database: Database,
    },
    /// The database lacks migrations, and none were to be applied.
    #[error(
        "{database} has schema version {found}, and this program works with {known}: run `doorward upgrade` on it first"
    )]
    Older {
        /// The database.
        database: Database,
        /// The schema version found.
        found: i64,
        /// The newest schema version this program knows.
        known: i64,
    },
    /// A migration that was applied to the database is not the one this program carries.
    #[error("the schema of {database} does not belong to this program: {why}")]
    Diverged {
        /// The database.
        database: Database,
        /// Which migration, and how it differs.
        why: String,
    },
    /// The file or its directory cannot be written.
    #[error(
        "{path} cannot be written ({why}): check the owner and the mode of the file and of its directory, and that the file system is not mounted read-only"
    )]
    ReadOnly {
        /// The database file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// There is no room left.
    #[error("there is no space left on the device of {path}")]
    DiskFull {
        /// The database file.
        path: PathBuf,
    },
    /// The file is not a database, or a damaged one.
    #[error("{path} is not a database, or it is damaged ({why}): restore a backup")]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// What the engine said.
        why: String,
    },
    /// Anything else the system refused.
    #[error("{path} cannot be opened: {why}")]
    Failed {
        /// The database file.
        path: PathBuf,
        /// What the system or the engine said.
        why: String,
    },
    /// The server cannot be reached, refuses us, or cannot do what is needed.
    #[error("{database} cannot be used: {why}")]
    Server {
        /// The database.
        database: Database,
        /// What the system or the server said.
        why: String,
    },
}

impl OpenError {
    /// What an I/O error at `path` means to an operator.
    pub(crate) fn from_io(path: &Path, error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        let (path, why) = (path.to_owned(), error.to_string());
        match error.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { path, why },
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::DiskFull { path },
            _ => Self::Failed { path, why },
        }
    }
}
