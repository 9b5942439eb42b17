//! Where a server's programs are, and as whom they run: database servers refuse to run as root. Knows no engine.

use anyhow::{Context as _, Result, bail};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The first of `names` in the search path, or in one of the folders that are not in everyone's.
pub(crate) fn find(names: &[&str], folders: &[PathBuf]) -> Result<PathBuf> {
    let path = crate::variable("PATH").unwrap_or_default();
    let everywhere: Vec<PathBuf> = std::env::split_paths(&path)
        .chain(folders.iter().cloned())
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")])
        .collect();
    names
        .iter()
        .flat_map(|name| everywhere.iter().map(move |folder| folder.join(name)))
        .find(|program| program.is_file())
        .with_context(|| format!("{} is not installed", names.join(" or ")))
}

/// The account that the server's files belong to and that it runs as: nothing when this process is not root.
#[derive(Clone, Copy)]
pub(crate) struct Account {
    user: u32,
    group: u32,
}

impl Account {
    /// The account that the Debian package made.
    pub(crate) fn of(name: &str) -> Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let users = std::fs::read_to_string("/etc/passwd")?;
        let line = users.lines().find(|line| line.split(':').next() == Some(name));
        let fields: Vec<&str> = line.with_context(|| format!("no user {name}"))?.split(':').collect();
        match (fields.get(2).map(|id| id.parse()), fields.get(3).map(|id| id.parse())) {
            (Some(Ok(user)), Some(Ok(group))) => Ok(Some(Self { user, group })),
            _ => bail!("/etc/passwd: what is the user id of {name}?"),
        }
    }
}

/// Lets `command` run as `account`.
pub(crate) fn run_as(command: &mut Command, account: Option<Account>) -> &mut Command {
    match account {
        Some(account) => command.uid(account.user).gid(account.group),
        None => command,
    }
}

/// Gives a file or folder to `account`.
pub(crate) fn give(path: &Path, account: Option<Account>) -> Result<()> {
    if let Some(account) = account {
        std::os::unix::fs::chown(path, Some(account.user), Some(account.group))?;
    }
    Ok(())
}

/// Runs a command to its end and answers what it printed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("{name} could not be started"))?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        bail!("{name} failed ({}): {}", output.status, String::from_utf8_lossy(&said).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}
