//! The link that makes the first platform owner, on its way to whoever started the server. Who has it owns the installation: it goes to a
//! terminal or into a file that only the server's user reads, never into a log.

use crate::clock;
use anyhow::Context as _;
use provider::Provider;
use std::fs::{self, OpenOptions};
use std::io::{IsTerminal as _, Write as _, stderr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// In the data folder, while nobody runs the installation.
const FILE: &str = "setup-link";

/// Makes a new link and shows it, while nobody runs this installation.
///
/// # Errors
/// When storage fails, or the file cannot be written.
pub(crate) async fn offer(provider: &Provider, data: &Path) -> anyhow::Result<()> {
    let file = data.join(FILE);
    let Some(link) = provider.setup_link(&mut clock::own_ctx()).await? else {
        // It is good for nothing any more.
        fs::remove_file(file).ok();
        return Ok(());
    };
    if stderr().is_terminal() {
        // A terminal that is gone reads nothing.
        let _ = writeln!(
            stderr(),
            "\nNobody runs this installation yet. This link makes you its platform owner; it works once, for 24 hours:\n\n  \
             {link}\n"
        );
        return Ok(());
    }
    write(&file, &link).with_context(|| format!("{} cannot be written", file.display()))?;
    tracing::info!(
        file = %file.display(),
        "nobody runs this installation yet: the link in this file makes its platform owner, once, for 24 hours"
    );
    Ok(())
}

fn write(file: &Path, link: &str) -> std::io::Result<()> {
    // Anew: one that is there could be open to others, or a link to elsewhere.
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    file.write_all(format!("{link}\n").as_bytes())
}
