//! What is reported of an upgrade, and of trying it on a clone first.

use crate::archive::BackupError;
use crate::contract::finding::Finding;
use crate::contract::{OpenError, StorageError};
use crate::engine::sqlite;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What an upgrade of a clone showed. Dropping it removes the clone.
#[derive(Debug)]
pub struct Rehearsal {
    /// The schema version it has.
    pub found: i64,
    /// The schema version it would have.
    pub known: i64,
    /// The migrations that were applied to the clone.
    pub applied: Vec<String>,
    /// How long the migrations took; as long nobody can sign in.
    pub took: Duration,
    /// How long cloning took; the upgrade makes a backup first.
    pub cloning_took: Duration,
    /// Size of the database.
    pub bytes_before: u64,
    /// Size it would have.
    pub bytes_after: u64,
    /// Bytes that must be free for the upgrade: its backup, its growth, its log.
    pub disk_needed: u64,
    /// Bytes that are free.
    pub disk_free: u64,
    /// What was checked on the migrated clone.
    pub checks: Vec<Finding>,
    pub(crate) clone: sqlite::upgrade::Scratch,
}

impl Rehearsal {
    /// The migrated clone, for checks that only its owner can make. Nobody has it open.
    pub fn clone_path(&self) -> &Path {
        self.clone.path()
    }
}

/// What an upgrade of a clone on a server showed.
#[derive(Debug)]
pub struct ServerRehearsal {
    /// The schema version it has.
    pub found: i64,
    /// The schema version it would have.
    pub known: i64,
    /// Rows that were carried into the scratch database.
    pub rows: u64,
    /// How long the migrations took.
    pub took: Duration,
    /// How long carrying took.
    pub cloning_took: Duration,
    /// Size of the scratch database before.
    pub bytes_before: u64,
    /// Size it had afterwards.
    pub bytes_after: u64,
    /// What was checked on the migrated clone.
    pub checks: Vec<Finding>,
}

/// What an upgrade did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgraded {
    /// The schema version it had.
    pub from: i64,
    /// The schema version it has.
    pub to: i64,
    /// The migrations that were applied.
    pub applied: Vec<String>,
    /// How long the migrations took.
    pub took: Duration,
    /// The database as it was before.
    pub backup: Option<PathBuf>,
}

/// Why an upgrade or its rehearsal was not made. The database is as it was.
#[derive(Debug, thiserror::Error)]
pub enum UpgradeError {
    /// There is not enough room.
    #[error("{needed} bytes must be free beside {path}, and {free} are: free some, or nothing is begun")]
    NoRoom {
        /// The database.
        path: PathBuf,
        /// Bytes needed.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// It cannot be read, or its clone or backup cannot be written.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The scratch database cannot be used.
    #[error("{0}")]
    Scratch(String),
    /// A database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// It cannot be opened or migrated.
    #[error(transparent)]
    Open(#[from] OpenError),
}
