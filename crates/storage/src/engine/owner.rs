//! Whom files belong to that root makes: whoever owns what was there, or the folder. An operator who restores or turns a key as root must not
//! lock the service's user out. Knows files; for anybody but root it does nothing.

use rustix::process::geteuid;
use std::fs::{DirBuilder, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, lchown};
use std::path::{Path, PathBuf};

/// Owner and mode that a new file is to have.
#[derive(Debug, Clone)]
pub struct Owner {
    uid: u32,
    gid: u32,
    /// Of the file that it replaces.
    mode: Option<u32>,
}

impl Owner {
    /// Those of the file that is there now; else the owner of the folder it is to lie in.
    ///
    /// # Errors
    /// When neither can be looked at.
    pub fn of(path: &Path) -> io::Result<Self> {
        let of = |found: &Metadata, mode| Self { uid: found.uid(), gid: found.gid(), mode };
        match std::fs::metadata(path) {
            Ok(found) => Ok(of(&found, Some(found.mode() & 0o777))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok(of(&std::fs::metadata(folder_of(path))?, None))
            }
            Err(error) => Err(error),
        }
    }

    /// Gives them to a file that this process has made. What belongs to somebody else already stays theirs.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn give(&self, made: &Path) -> io::Result<()> {
        if !geteuid().is_root() {
            return Ok(());
        }
        // The file itself, should somebody have put a link in its place.
        if std::fs::symlink_metadata(made)?.uid() == 0 {
            lchown(made, Some(self.uid), Some(self.gid))?;
        }
        match self.mode {
            Some(mode) => std::fs::set_permissions(made, Permissions::from_mode(mode)),
            None => Ok(()),
        }
    }
}

/// Gives a file that this process has made to the owner of another one: that of its folder, where that does not exist.
///
/// # Errors
/// When the system refuses.
pub fn as_beside(made: &Path, other: &Path) -> io::Result<()> {
    Owner { mode: None, ..Owner::of(other)? }.give(made)
}

/// Gives a file that this process has made to the owner of its folder.
///
/// # Errors
/// When the system refuses.
pub fn as_its_folder(made: &Path) -> io::Result<()> {
    as_beside(made, folder_of(made))
}

/// Makes a folder and those above it, for their owner only (0700): whoever owns the one above them.
///
/// # Errors
/// When the system refuses.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    let missing: Vec<&Path> =
        folder.ancestors().take_while(|above| !above.as_os_str().is_empty() && !above.exists()).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    missing.into_iter().rev().try_for_each(as_its_folder)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The first folder that exists, from this one upwards: where what is asked for would be made.
pub fn nearest(folder: &Path) -> PathBuf {
    let mut above = folder.ancestors().filter(|above| !above.as_os_str().is_empty());
    above.find(|above| above.exists()).map_or_else(|| PathBuf::from("."), Path::to_owned)
}
