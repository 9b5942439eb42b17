//! A small file system in memory, for a server whose disk is to run full. Knows mounts; knows no server.

use crate::programs::{Account, give, output};
use anyhow::{Context as _, Result, bail};
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A mounted file system, gone when dropped.
pub(crate) struct Disk(PathBuf);

/// Whether this process may mount one.
pub(crate) fn is_allowed() -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        bail!("only root may mount one");
    }
    let folder = tempfile::tempdir()?;
    mount(folder.path(), 1).map(Disk).map(drop)
}

fn mount(folder: &Path, mib: u32) -> Result<PathBuf> {
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "doorward-throwaway"]).arg(folder);
    output(&mut mount).map(|_| folder.to_owned())
}

impl Disk {
    pub(crate) fn mounted(folder: PathBuf, mib: u32, account: Option<Account>) -> Result<Self> {
        std::fs::create_dir(&folder)?;
        let disk = Self(mount(&folder, mib)?);
        give(&folder, account)?;
        Ok(disk)
    }

    /// Takes all room but `spare` bytes.
    pub(crate) fn fill(&self, spare: u64) -> Result<PathBuf> {
        let path = self.0.join("ballast");
        let mut file = File::create(&path)?;
        let (zeros, mut written) = ([0; 65_536], 0_u64);
        loop {
            match file.write(&zeros) {
                Ok(count @ 1..) => written += count as u64,
                Ok(_) => break,
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => break,
                Err(error) => return Err(error).context("the disk could not be filled"),
            }
        }
        file.set_len(written.saturating_sub(spare))?;
        Ok(path)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a server that is dying may still have files open on it.
        let _ = output(Command::new("umount").arg("-l").arg(&self.0));
    }
}
