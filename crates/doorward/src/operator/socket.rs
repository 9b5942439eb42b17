//! The server's end of the operator's socket: one JSON line in, one JSON line out, over a Unix socket that only the server's own system
//! user can open. Owns who may speak and for how long; what is done is `perform`'s.

use super::{Answer, LONGEST_LINE, Operation, Outcome, Refusal, perform, socket_path};
use crate::clock;
use anyhow::Context as _;
use provider::Provider;
use rustix::process::geteuid;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use web::server::Forwarding;
use zeroize::Zeroizing;

/// How long an operator's program may take to send its line, and to take the answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many operators are answered at once; the next ones wait.
const MOST_AT_ONCE: usize = 16;
/// After a failed accept: the system lacks resources, and asking at once again would not help it.
const AFTER_FAILURE: Duration = Duration::from_millis(200);

/// A listening operator's socket; its file goes when this does.
pub(crate) struct Socket {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode: the file may have become a successor's.
    file: Option<(u64, u64)>,
}

impl Socket {
    /// Listens in the data directory. A socket left behind by a server that died is replaced, and that of one which is about to
    /// end: operators speak with the newest.
    ///
    /// # Errors
    /// When the directory cannot be written or its path is too long for a socket (108 bytes).
    pub(crate) fn bind(data: &Path) -> anyhow::Result<Self> {
        let path = socket_path(data);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("{} cannot be replaced", path.display()));
            }
            _ => {}
        }
        let listener =
            UnixListener::bind(&path).with_context(|| format!("cannot listen on {}", path.display()))?;
        std::fs::set_permissions(&path, Permissions::from_mode(0o600))
            .with_context(|| format!("the mode of {} cannot be set", path.display()))?;
        let file = identity(&path);
        Ok(Self { listener, path, file })
    }

    /// Answers operators until `shutdown`; what was begun is finished.
    pub(crate) async fn serve(self, provider: Provider, forwarding: Forwarding, shutdown: CancellationToken) {
        let tracker = TaskTracker::new();
        let places = Arc::new(Semaphore::new(MOST_AT_ONCE));
        let accepting = async {
            // The semaphore is never closed.
            while let Ok(place) = Arc::clone(&places).acquire_owned().await {
                match self.listener.accept().await {
                    Ok((stream, _)) => {
                        let (provider, forwarding) = (provider.clone(), forwarding.clone());
                        tracker.spawn(async move {
                            if let Err(error) = answer(stream, &provider, &forwarding).await {
                                tracing::warn!(%error, "an operator's request could not be answered");
                            }
                            drop(place);
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the operator's socket cannot accept");
                        tokio::time::sleep(AFTER_FAILURE).await;
                    }
                }
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = accepting => {}
        }
        tracker.close();
        tracker.wait().await;
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.file.is_some() && identity(&self.path) == self.file {
            // One that cannot be removed is replaced by the next server.
            std::fs::remove_file(&self.path).ok();
        }
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

async fn answer(mut stream: UnixStream, provider: &Provider, forwarding: &Forwarding) -> anyhow::Result<()> {
    // The file's mode already says so; this also holds where a file system ignores modes.
    let theirs = stream.peer_cred()?.uid();
    if theirs != 0 && theirs != geteuid().as_raw() {
        anyhow::bail!("system user {theirs} may not administer this server");
    }
    let (reading, mut writing) = stream.split();
    let mut line = Zeroizing::new(String::new());
    let mut reading = BufReader::new(reading.take(LONGEST_LINE));
    tokio::time::timeout(PATIENCE, reading.read_line(&mut line)).await.context("no request came")??;
    let answer: Answer = match serde_json::from_str(&line) {
        Ok(operation) => {
            let operation: Operation = operation;
            let (name, told) = (operation.name(), super::about::told(provider, &operation).await);
            let answer = match operation {
                Operation::ListNotices => {
                    let notices =
                        forwarding.notices().into_iter().map(|notice| (notice.found, notice.remedy));
                    Ok(Outcome::Notices(notices.collect()))
                }
                operation => perform(provider, &mut clock::own_ctx(), operation).await,
            };
            let about = told.or_else(|| super::about::told_by(&answer)).unwrap_or_default();
            tracing::info!(operation = name, about, by_uid = theirs, refused = answer.is_err(), "operator");
            answer
        }
        // Of another version, or cut off. The line may hold a password: only the place of the error is told.
        Err(error) => Err(Refusal(format!(
            "the running server does not understand this request (column {}): is it of another version?",
            error.column()
        ))),
    };
    let mut text = Zeroizing::new(serde_json::to_vec(&answer)?);
    text.push(b'\n');
    tokio::time::timeout(PATIENCE, writing.write_all(&text)).await.context("the answer was not taken")??;
    Ok(())
}
