//! Copying a database while it is in use, and putting a copy back: both verified. Knows files and promises; how an engine copies is
//! its own folder's business.
//!
//! For databases that are one file. A server-based engine is backed up with its own tools.

use crate::archive::{BackupError, BackupReport, Sealer};
use crate::engine::sqlite;
use std::path::Path;

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
