//! The secret that a client of another system keeps when it moves here: read from a file or standard input, never from the command line, which
//! everybody on a machine sees.

use crate::operator::{Secret, SecretToKeep};
use anyhow::{Context as _, bail};
use clap::Args;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// No secret and no hash is longer.
const LONGEST: u64 = 4096;

#[derive(Args)]
#[group(multiple = false)]
pub(crate) struct SecretSource {
    /// Keep the secret it has, the first line of this file (- is standard input), instead of making one
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Keep the secret whose hash, made by another system, is the first line of this file (- is standard input)
    #[arg(long, value_name = "FILE")]
    secret_hash: Option<PathBuf>,
}

impl SecretSource {
    /// What was given, if anything.
    ///
    /// # Errors
    /// When the file cannot be read, or is empty.
    pub(crate) fn read(&self) -> anyhow::Result<Option<SecretToKeep>> {
        Ok(match (&self.secret_file, &self.secret_hash) {
            (Some(file), _) => Some(SecretToKeep::Clear(first_line(file)?)),
            (None, Some(file)) => Some(SecretToKeep::Hash(first_line(file)?)),
            (None, None) => None,
        })
    }
}

fn first_line(file: &Path) -> anyhow::Result<Secret> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().take(LONGEST).read_to_string(&mut text)
    } else {
        let opened = std::fs::File::open(file);
        opened.and_then(|file| file.take(LONGEST).read_to_string(&mut text))
    };
    // The path is not shown where it may be the secret or the hash itself.
    read.context(
        "the file of --secret-file or --secret-hash cannot be read; both take a file, as everybody sees a command line",
    )?;
    let text = Secret::from(text);
    let line = text.expose().lines().next().unwrap_or_default();
    if line.is_empty() {
        bail!("the first line is empty: a secret or its hash is expected there");
    }
    Ok(line.to_owned().into())
}
