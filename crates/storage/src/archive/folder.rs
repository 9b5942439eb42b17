//! A folder as a target: each object a file, written beside its name, synced, and renamed. Knows files; knows no archive.

use crate::archive::{Target, TargetError};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// A folder, made for its owner only when it does not exist.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder at `path`.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    fn walk(&self, folder: &Path, names: &mut Vec<String>) -> std::io::Result<()> {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            // What begins with a dot was never finished, or is somebody else's.
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            if entry.file_type()?.is_dir() {
                self.walk(&entry.path(), names)?;
            } else if let Ok(name) = entry.path().strip_prefix(&self.0)
                && let Some(name) = name.to_str()
            {
                names.push(name.to_owned());
            }
        }
        Ok(())
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(&self.0);
        self.make(folder)?;
        let mut partial = folder.join(".partial-").into_os_string();
        partial.push(path.file_name().unwrap_or_default());
        // What an interrupted attempt left. Whoever else can write here may have put a link to another file of ours under that name: it is
        // removed, and never followed.
        let _absent = std::fs::remove_file(&partial);
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&partial)
            .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
            .and_then(|()| std::fs::rename(&partial, path));
        if written.is_err() {
            // The disk may be full: leave no half of anything.
            let _absent = std::fs::remove_file(&partial);
        }
        written.and_then(|()| sync_folder(folder))
    }

    /// Makes a folder and those above it, and makes their names durable.
    fn make(&self, folder: &Path) -> std::io::Result<()> {
        if folder.exists() {
            return Ok(());
        }
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        folder.ancestors().skip(1).take_while(|above| above.starts_with(&self.0)).try_for_each(sync_folder)
    }
}

impl std::fmt::Display for Folder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.display().fmt(f)
    }
}

impl Target for Folder {
    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), TargetError> {
        let path = self.0.join(name);
        self.write(&path, bytes).map_err(|error| failed(&path, "written", &error))
    }

    fn get(&self, name: &str) -> Result<Option<Vec<u8>>, TargetError> {
        let path = self.0.join(name);
        match read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(&path, "read", &error)),
        }
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, TargetError> {
        let mut names = Vec::new();
        let folder = self.0.join(prefix);
        self.walk(&folder, &mut names).map_err(|error| failed(&folder, "read", &error))?;
        Ok(names)
    }

    fn delete(&self, name: &str) -> Result<(), TargetError> {
        let path = self.0.join(name);
        match std::fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(failed(&path, "removed", &error)),
        }
        // Folders that are empty now go with their last file; others refuse.
        let above =
            path.ancestors().skip(1).take_while(|above| *above != self.0 && above.starts_with(&self.0));
        for folder in above {
            if std::fs::remove_dir(folder).is_err() {
                break;
            }
        }
        Ok(())
    }
}

/// The largest object there can be: whoever can write here decides how large it is.
const LARGEST: u64 = 256 << 20;

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    // Asked before it is opened: opening a pipe waits until somebody writes.
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is no file"));
    }
    let file = File::open(path)?;
    if file.metadata()?.len() > LARGEST {
        return Err(std::io::Error::other("it is larger than any object of an archive"));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

fn failed(path: &Path, what: &str, error: &std::io::Error) -> TargetError {
    TargetError(format!("{} cannot be {what}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// Whoever else can write to the folder of backups decides what lies in it.
    #[test]
    fn a_pipe_is_not_waited_for_and_a_link_not_written_through() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::at(root.path().join("a"));
        folder.put("g/x", b"one").unwrap();
        let made = std::process::Command::new("mkfifo").arg(root.path().join("a/g/pipe")).status().unwrap();
        assert!(made.success());
        assert!(folder.get("g/pipe").unwrap_err().to_string().ends_with("cannot be read: it is no file"));
        symlink("/dev/zero", root.path().join("a/g/zero")).unwrap();
        folder.get("g/zero").unwrap_err();
        folder.get("g").unwrap_err();

        let key = root.path().join("master.key");
        std::fs::write(&key, b"key").unwrap();
        symlink(&key, root.path().join("a/g/.partial-y")).unwrap();
        folder.put("g/y", b"two").unwrap();
        assert_eq!(std::fs::read(&key).unwrap(), b"key");
        assert_eq!(folder.get("g/y").unwrap().unwrap(), b"two");
        assert!(!root.path().join("a/g/y").is_symlink());
    }

    #[test]
    fn objects_come_back_are_listed_and_leave_no_folder_behind() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::at(root.path().join("a/b"));
        assert_eq!((folder.list("").unwrap(), folder.get("g/x").unwrap()), (vec![], None));
        folder.put("g/x", b"one").unwrap();
        folder.put("g/log/y", b"two").unwrap();
        folder.put("g/x", b"three").unwrap();
        std::fs::write(root.path().join("a/b/g/.partial-z"), b"half").unwrap();
        let mut names = folder.list("").unwrap();
        names.sort();
        assert_eq!(names, ["g/log/y", "g/x"]);
        assert_eq!(folder.list("g/log/").unwrap(), ["g/log/y"]);
        assert_eq!(folder.get("g/x").unwrap().unwrap(), b"three");
        for name in ["g/log/y", "g/log/y", "none"] {
            folder.delete(name).unwrap();
        }
        assert!(!root.path().join("a/b/g/log").exists() && root.path().join("a/b/g").exists());
        let blocked = Folder::at(root.path().join("a/b/g/x/below"));
        let error = blocked.put("y", b"").unwrap_err();
        assert!(error.to_string().contains("cannot be written"), "{error}");
    }
}
