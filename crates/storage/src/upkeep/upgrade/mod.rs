//! Bringing a database to this program's schema on purpose, and trying that on a clone first. Knows what is promised and reported; how
//! a database is cloned and migrated is its engine's business.

mod rehearse;

pub use crate::engine::upgrade::{Rehearsal, ServerRehearsal, UpgradeError, Upgraded};

use crate::archive::Sealer;
use crate::contract::Database;
use crate::engine::sqlite;
use std::path::Path;

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
    rehearse::rehearse(database, scratch).await
}

/// Empties a scratch database that was rehearsed in; leaves any other alone.
///
/// # Errors
/// When it fails.
pub async fn clear_scratch(scratch: &Database) -> Result<(), UpgradeError> {
    rehearse::clear(scratch).await
}

/// Makes a backup beside a database that is not in use, sealed when there is a sealer, and applies the migrations it lacks. Blocks.
///
/// # Errors
/// When the database is in use, there is no room for the backup, or a migration fails: then nothing of it was applied.
pub fn upgrade(database: &Path, sealer: Option<&dyn Sealer>) -> Result<Upgraded, UpgradeError> {
    sqlite::upgrade::upgrade(database, sealer)
}
