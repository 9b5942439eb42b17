//! A database file made whole at once, to measure in: the store's schema and its commands' statements, written as fast as one connection can, with no
//! journal and nothing synced before the end. What is not finished lies under another name, and is worth nothing.

use crate::contract::{OpenError, Steps};
use crate::engine::Options;
use crate::engine::sqlite::{error, guard};
use rusqlite::{Connection, params_from_iter};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Pages that are not written yet.
const CACHE_KIB: i64 = 128 * 1024;

/// A file on its way.
pub(crate) struct Filling {
    connection: Connection,
    unfinished: PathBuf,
    /// Nobody else fills the same file meanwhile.
    lock: guard::DatabaseLock,
}

impl Filling {
    /// Begins anew, whatever an earlier one left.
    pub(crate) fn begin(path: &Path) -> Result<Self, OpenError> {
        let unfinished = guard::beside(path, ".unfinished");
        let failed = |why: rusqlite::Error| error::opening(&unfinished, &why);
        guard::directory(&unfinished)?;
        // Whoever holds it is at work: nothing of theirs is removed.
        drop(guard::lock(&unfinished)?);
        for suffix in ["", "-wal", "-shm", "-journal"] {
            gone(&guard::beside(&unfinished, suffix)).map_err(|why| OpenError::from_io(&unfinished, &why))?;
        }
        let (lock, connection) = super::prepare(&unfinished, &Options::at(&unfinished), &mut Vec::new())?;
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE").map_err(failed)?;
        connection
            .pragma_update_and_check(None, "journal_mode", "OFF", |row| row.get::<_, String>(0))
            .map_err(failed)?;
        connection.pragma_update(None, "synchronous", "OFF").map_err(failed)?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB).map_err(failed)?;
        connection.execute_batch("BEGIN").map_err(failed)?;
        Ok(Self { connection, unfinished, lock })
    }

    /// Writes what commands say; a row that is not as expected ends it all.
    pub(crate) fn write(&self, steps: &Steps) -> Result<(), String> {
        for step in steps.as_slice() {
            let statement = self.connection.prepare_cached(step.sql);
            let changed = statement
                .and_then(|mut statement| statement.execute(params_from_iter(&step.params)))
                .map_err(|error| error.to_string())?;
            if step.expect.count().is_some_and(|count| count != changed as u64) {
                return Err(format!("{changed} rows were changed by {}", step.sql));
            }
        }
        Ok(())
    }

    /// Everything is on the disk, under its own name.
    pub(crate) fn finish(self, path: &Path) -> Result<(), String> {
        self.connection.execute_batch("COMMIT").map_err(|error| error.to_string())?;
        self.connection.close().map_err(|(_, error)| error.to_string())?;
        let settled = || {
            File::open(&self.unfinished)?.sync_all()?;
            std::fs::rename(&self.unfinished, path)?;
            path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
        };
        settled().map_err(|error: io::Error| format!("{}: {error}", path.display()))?;
        // Nothing lies behind the lock any more.
        gone(&guard::lock_path(&self.unfinished)).map_err(|error| error.to_string())?;
        drop(self.lock);
        Ok(())
    }
}

fn gone(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
