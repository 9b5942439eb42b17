//! The file that tells a test where the demo is. It appears whole, and only once the server answers: a test waits for it, and no longer.

use crate::outgoing::Outgoing;
use http::StatusCode;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::NamedTempFile;

/// The signing keys of a new installation take a moment.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// Waits until the server says that it is ready, then writes the file.
pub(super) async fn write_when_ready(path: PathBuf, contents: String, issuer: String, outgoing: Outgoing) {
    let url = format!("{issuer}/health/ready");
    // Ends with the server.
    while !matches!(outgoing.get(&url, None).await, Ok(answer) if answer.status == StatusCode::OK) {
        tokio::time::sleep(ASK_EVERY).await;
    }
    if let Err(error) = write(&path, &contents) {
        tracing::error!(path = %path.display(), %error, "the file for tests could not be written");
    }
}

/// Under another name first, so that nobody reads half of it. It holds secrets: it is its owner's alone.
fn write(path: &Path, contents: &str) -> std::io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = NamedTempFile::with_prefix_in(".doorward-env-", directory)?;
    file.write_all(contents.as_bytes())?;
    file.persist(path)?;
    Ok(())
}
