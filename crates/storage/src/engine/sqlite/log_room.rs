//! Keeps the write-ahead log's file longer than what is in it, filled with zeros. A commit that lengthens the file makes the file system
//! commit its own journal too before fdatasync returns; one that overwrites does not. Knows the file and its length, not what is in it.
//!
//! SQLite takes zeros for the end of the log: no frame of them has a valid checksum. Only the writer's thread may do this, between
//! commits: elsewhere it could overwrite what SQLite has just written.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// So much is added at once: a few milliseconds of disk every hundred commits.
const CHUNK: u64 = 1024 * 1024;
/// And when so little is left.
const MARGIN: u64 = 256 * 1024;

/// Written over and over: a constant as long as a chunk would count as the server's memory.
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// The room in the log's file; without a file it does nothing.
pub(super) struct LogRoom {
    file: Option<File>,
    length: u64,
}

impl LogRoom {
    /// For the log of the database at `path`, which the writer has opened.
    pub(super) fn new(database: &Path) -> Self {
        let mut log = database.as_os_str().to_owned();
        log.push("-wal");
        let file = OpenOptions::new().write(true).open(Path::new(&log)).ok();
        let length = file.as_ref().and_then(|file| file.metadata().ok()).map_or(0, |metadata| metadata.len());
        Self { file, length }
    }

    /// Makes room after a commit, the log being `used` bytes long.
    pub(super) fn after_commit(&mut self, used: u64) {
        if used + MARGIN <= self.length {
            return;
        }
        let Some(file) = &self.file else { return };
        // SQLite may have lengthened it beyond, by a large commit.
        let end = file.metadata().map_or(used, |metadata| metadata.len()).max(used);
        let mut pieces = (end..end + CHUNK).step_by(ZEROS.len());
        if let Err(error) = pieces.try_for_each(|at| file.write_all_at(&ZEROS, at)) {
            tracing::debug!(%error, "no room was made in the write-ahead log");
            // Commits say what is wrong, if something is.
            self.file = None;
            return;
        }
        self.length = end + CHUNK;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_made_ahead_and_nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let (database, log) = (folder.path().join("a.db"), folder.path().join("a.db-wal"));
        std::fs::write(&log, [7; 100]).unwrap();
        let mut room = LogRoom::new(&database);
        room.after_commit(100);
        let made = std::fs::read(&log).unwrap();
        assert_eq!(made.len() as u64, 100 + CHUNK);
        assert!(made[..100].iter().all(|byte| *byte == 7) && made[100..].iter().all(|byte| *byte == 0));
        // Enough is left: nothing happens.
        room.after_commit(CHUNK / 2);
        assert_eq!(std::fs::metadata(&log).unwrap().len(), 100 + CHUNK);
        room.after_commit(CHUNK);
        assert_eq!(std::fs::metadata(&log).unwrap().len(), 100 + 2 * CHUNK);
    }

    #[test]
    fn without_a_log_nothing_happens() {
        let folder = tempfile::tempdir().unwrap();
        let mut room = LogRoom::new(&folder.path().join("a.db"));
        room.after_commit(1);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
