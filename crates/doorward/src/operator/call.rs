//! The command line's end of the operator's socket. Knows how to ask, not what.

use super::{Answer, LONGEST_LINE, Operation, socket_path};
use anyhow::Context as _;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;
use zeroize::Zeroizing;

/// Longer than the server may wait for a place in its hash pool.
const PATIENCE: Duration = Duration::from_secs(60);

/// No server listens there.
pub(crate) struct Unreachable;

/// Has the running server do it. Blocks.
///
/// # Errors
/// When a server listens, but gives no answer that can be read.
pub(crate) fn call(data: &Path, operation: &Operation) -> anyhow::Result<Result<Answer, Unreachable>> {
    let path = socket_path(data);
    let mut stream = match UnixStream::connect(&path) {
        Ok(stream) => stream,
        Err(error) if is_nobody(&error) => return Ok(Err(Unreachable)),
        Err(error) => {
            return Err(error).with_context(|| {
                format!("{} cannot be opened: run this as the system user of the server", path.display())
            });
        }
    };
    let said = || format!("the server at {} did not answer", path.display());
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = Zeroizing::new(serde_json::to_vec(operation)?);
    line.push(b'\n');
    stream.write_all(&line).with_context(said)?;
    let mut answer = Zeroizing::new(String::new());
    BufReader::new(stream.take(LONGEST_LINE)).read_line(&mut answer).with_context(said)?;
    let answer: Answer = serde_json::from_str(&answer)
        .with_context(|| format!("{}: is the server of another version, or still starting?", said()))?;
    Ok(Ok(answer))
}

fn is_nobody(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    // A path that is too long for a socket (InvalidInput) is one no server can listen at.
    matches!(
        error.kind(),
        Kind::NotFound | Kind::ConnectionRefused | Kind::NotADirectory | Kind::InvalidInput
    )
}
