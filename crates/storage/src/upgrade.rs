//! Bringing a database to this program's schema on purpose, and trying that on a clone first. Knows what is promised and reported; how
//! a database is cloned and migrated is its engine's business.

use crate::backup::BackupError;
use crate::database::Database;
use crate::doctor::Finding;
use crate::error::StorageError;
use crate::network;
use crate::options::OpenError;
use crate::seal::Sealer;
use crate::sqlite;
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

/// Clones a database, which may be in use, migrates the clone and checks it. The database is only read. Blocks.
///
/// # Errors
/// When the clone cannot be made or a migration fails on it.
pub fn rehearse(database: &Path) -> Result<Rehearsal, UpgradeError> {
    sqlite::upgrade::rehearse(database)
}

/// Carries the installation on a server into an empty scratch database with the schema it has, migrates that and checks it. The database is
/// only read, and may be in use. The scratch database stays migrated, for checks that only its owner can make, until
/// [`clear_scratch`]; one that an interrupted rehearsal left is emptied first.
///
/// # Errors
/// When the scratch database is not empty, one of them fails, or a migration does.
pub async fn rehearse_on_server(
    database: &Database,
    scratch: &Database,
) -> Result<ServerRehearsal, UpgradeError> {
    let one_server_each = matches!(
        (database, scratch),
        (Database::Postgres(_), Database::Postgres(_)) | (Database::Mysql(_), Database::Mysql(_))
    );
    if !one_server_each || database == scratch {
        return Err(UpgradeError::Scratch(format!(
            "{scratch} must be another database on a server of the same kind as {database}"
        )));
    }
    network::rehearse::rehearse(database, scratch).await
}

/// Empties a scratch database that was rehearsed in; leaves any other alone.
///
/// # Errors
/// When it fails.
pub async fn clear_scratch(scratch: &Database) -> Result<(), UpgradeError> {
    network::rehearse::clear(scratch).await
}

/// Makes a backup beside a database that is not in use, sealed when there is a sealer, and applies the migrations it lacks. Blocks.
///
/// # Errors
/// When the database is in use, there is no room for the backup, or a migration fails: then nothing of it was applied.
pub fn upgrade(database: &Path, sealer: Option<&dyn Sealer>) -> Result<Upgraded, UpgradeError> {
    sqlite::upgrade::upgrade(database, sealer)
}
