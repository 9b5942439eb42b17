//! Getting a database back from its archive, or trying whether one could. Knows what is promised; how an engine replays is its own business.

use crate::archive::{ArchiveError, Proof, Restored, Restoring, Sealed, Statements, Target};
use crate::engine::sqlite;
use std::path::Path;

/// Puts an archive's database in the place of another.
///
/// # Errors
/// When the archive does not reach that moment, is damaged or not sealed by this installation, or the database is in use, or exists and
/// `force` was not given.
pub fn restore(from: Sealed<'_>, restoring: Restoring<'_>) -> Result<Restored, ArchiveError> {
    let proof = Proof { sealer: Some(from.sealer), statements: from.statements };
    sqlite::shipping::restore(from.target, proof, restoring)
}

/// The same without asking who wrote it: whoever could write to the target decides what is restored. All else is checked.
///
/// # Errors
/// As [`restore`].
pub fn restore_unverified(target: &dyn Target, restoring: Restoring<'_>) -> Result<Restored, ArchiveError> {
    let statements = Statements::ours();
    sqlite::shipping::restore(target, Proof { sealer: None, statements: &statements }, restoring)
}

/// Restores the newest moment into a scratch file, checks it as a restored server would need it, and removes it again.
///
/// # Errors
/// When it could not be restored, or is not what it should be.
pub fn drill(from: Sealed<'_>, scratch: &Path) -> Result<Restored, ArchiveError> {
    let proof = Proof { sealer: Some(from.sealer), statements: from.statements };
    sqlite::shipping::drill(from.target, proof, scratch)
}
