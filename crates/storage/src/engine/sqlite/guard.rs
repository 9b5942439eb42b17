//! What is checked before SQLite sees the file: the directory, the lock, the mode, the file system. Knows what operators hit.

use crate::contract::OpenError;
use crate::engine::owner;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The lock that says: this process has this database. Held while the file is open.
pub(crate) struct DatabaseLock {
    _file: File,
}

/// Where the lock of a database lies.
pub(crate) fn lock_path(database: &Path) -> PathBuf {
    beside(database, ".lock")
}

/// The database's name with a suffix.
pub(crate) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Creates the directory of the database (0700) when it does not exist.
pub(crate) fn directory(database: &Path) -> Result<(), OpenError> {
    match database.parent() {
        Some(parent) if !parent.as_os_str().is_empty() && !parent.exists() => {
            owner::make_folder(parent).map_err(|error| OpenError::from_io(database, &error))
        }
        _ => Ok(()),
    }
}

/// Takes the database's lock and writes this process's id into it.
pub(crate) fn lock(database: &Path) -> Result<DatabaseLock, OpenError> {
    let io = |error: std::io::Error| OpenError::from_io(database, &error);
    // Not truncated: until the lock is ours, the content is its holder's.
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(lock_path(database))
        .map_err(io)?;
    owner::as_beside(&lock_path(database), database).map_err(io)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Without the id the message is still right.
            let _unreadable = file.read_to_string(&mut holder);
            return Err(OpenError::InUse { path: database.to_owned(), holder: holder.trim().parse().ok() });
        }
        Err(TryLockError::Error(error)) => return Err(io(error)),
    }
    file.set_len(0).map_err(io)?;
    file.rewind().map_err(io)?;
    writeln!(file, "{}", std::process::id()).map_err(io)?;
    Ok(DatabaseLock { _file: file })
}

/// Creates the file for its owner alone (0600; SQLite gives the log and its index the same mode), and warns when an existing one is
/// open to others.
pub(crate) fn owner_only(database: &Path, warnings: &mut Vec<String>) -> Result<(), OpenError> {
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(database);
    match created {
        Ok(_) => owner::as_its_folder(database).map_err(|error| OpenError::from_io(database, &error)),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let metadata =
                std::fs::metadata(database).map_err(|error| OpenError::from_io(database, &error))?;
            if metadata.is_dir() {
                return Err(OpenError::Failed {
                    path: database.to_owned(),
                    why: "it is a directory".to_owned(),
                });
            }
            if metadata.mode() & 0o077 != 0 {
                warnings.push(format!(
                    "{} can be read by others (mode {:o}): chmod 600 it",
                    database.display(),
                    metadata.mode() & 0o777
                ));
            }
            Ok(())
        }
        Err(error) => Err(OpenError::from_io(database, &error)),
    }
}

/// Warns when the file lies on a network file system: its locks and its shared memory are not what SQLite needs.
pub(crate) fn file_system(database: &Path, warnings: &mut Vec<String>) {
    let Ok(found) = rustix::fs::statfs(database) else { return };
    #[expect(
        clippy::cast_sign_loss,
        clippy::cast_possible_truncation,
        reason = "a 32-bit magic number whose C type differs by platform"
    )]
    if let Some(name) = network_file_system(found.f_type as u32) {
        warnings.push(format!(
            "{} is on a network or user-space file system ({name}): locks may not hold and acknowledged writes may be lost. \
             Use a local disk, or PostgreSQL",
            database.display()
        ));
    }
}

/// The name of a file system that goes with its machine or its container, by its magic number (statfs(2)).
pub(super) fn passing_file_system(database: &Path) -> Option<&'static str> {
    let found = rustix::fs::statfs(database).ok()?;
    #[expect(
        clippy::cast_sign_loss,
        clippy::cast_possible_truncation,
        reason = "a 32-bit magic number whose C type differs by platform"
    )]
    match found.f_type as u32 {
        0x794C_7630 => Some("overlayfs"),
        0x0102_1994 => Some("tmpfs"),
        0x8584_58F6 => Some("ramfs"),
        _ => None,
    }
}

/// The name of a file system that is not a local disk, by its magic number (statfs(2)).
fn network_file_system(magic: u32) -> Option<&'static str> {
    Some(match magic {
        0x0000_6969 => "NFS",
        0xFF53_4D42 => "CIFS",
        0xFE53_4D42 => "SMB2",
        0x0000_517B => "SMB",
        0x0102_1997 => "9p",
        0x6573_5546 => "FUSE",
        0x5346_414F => "AFS",
        0x7375_7245 => "Coda",
        0x0BD0_0BD0 => "Lustre",
        0x00C3_6400 => "Ceph",
        0x0116_1970 => "GFS2",
        _ => return None,
    })
}

/// The open files of every database this process has opened.
static SYNC_HANDLES: Mutex<Vec<(u64, u64, Arc<File>)>> = Mutex::new(Vec::new());

/// A handle of the database file for syncing it, kept until the process ends: closing any handle of a file drops all POSIX locks that the
/// process holds on it (fcntl(2)), SQLite's among them, and other connections may outlive this store.
pub(crate) fn sync_handle(database: &Path) -> std::io::Result<Arc<File>> {
    let metadata = std::fs::metadata(database)?;
    let mut handles = SYNC_HANDLES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((.., file)) =
        handles.iter().find(|(dev, ino, _)| (*dev, *ino) == (metadata.dev(), metadata.ino()))
    {
        return Ok(Arc::clone(file));
    }
    let file = Arc::new(File::open(database)?);
    handles.push((metadata.dev(), metadata.ino(), Arc::clone(&file)));
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_known_by_their_magic() {
        for (magic, name) in [
            (0x6969, Some("NFS")),
            (0xFF53_4D42, Some("CIFS")),
            (0xFE53_4D42, Some("SMB2")),
            (0x0102_1997, Some("9p")),
        ] {
            assert_eq!(network_file_system(magic), name);
        }
        // ext4, xfs, btrfs, tmpfs, overlayfs.
        for magic in [0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994, 0x794C_7630] {
            assert_eq!(network_file_system(magic), None);
        }
    }

    #[test]
    fn a_local_directory_gets_no_warning() {
        let folder = tempfile::tempdir().unwrap();
        let mut warnings = Vec::new();
        file_system(folder.path(), &mut warnings);
        assert_eq!(warnings, Vec::<String>::new());
    }

    #[test]
    fn the_sync_handle_is_opened_once() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let (first, second) = (sync_handle(file.path()).unwrap(), sync_handle(file.path()).unwrap());
        assert!(Arc::ptr_eq(&first, &second));
    }
}
