//! A server as an operator starts it, in a process of its own and a folder that goes: for what is measured of the process itself. Knows how long it took
//! to answer and what memory it has; asks nothing else of it.

use super::server::this_program;
use crate::clock;
use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

/// A running `doorward serve`. Dropped, it is stopped and waited for.
pub(super) struct Serving {
    process: Child,
    /// Kept open: a server that nobody listens to must not notice.
    _output: BufReader<ChildStdout>,
    pub(super) address: SocketAddr,
    /// From before the process was made to the first answer.
    pub(super) answered_after: Duration,
}

/// Resident memory, MiB.
#[derive(Clone, Copy)]
pub(super) struct Resident {
    pub(super) all: f64,
    /// What is its own, not pages of the program's file.
    pub(super) anonymous: f64,
}

impl Serving {
    /// Starts it on a free port and asks /health/live as soon as it listens.
    ///
    /// # Errors
    /// When it ends, or does not answer in time.
    pub(super) fn start(data: &Path, settings: &[String]) -> anyhow::Result<Self> {
        let mut command = this_program()?;
        command.args(["serve", "--listen", "127.0.0.1:0", "--config", "/dev/null", "--log", "error"]);
        command.arg("--data").arg(data).args(settings);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let began = clock::monotonic();
        let mut process = command.spawn().context("the server cannot be started")?;
        let output = process.stdout.take().context("the server's output cannot be read")?;
        let mut output = BufReader::new(output);
        let mut line = String::new();
        let address = loop {
            line.clear();
            if output.read_line(&mut line)? == 0 {
                let status = process.wait()?;
                bail!("the server that was to be measured ended at once, with {status}");
            }
            if let Some((_, address)) = line.split_once("Listening  http://") {
                break address.trim().parse().context("where the server listens")?;
            }
        };
        let mut serving = Self { process, _output: output, address, answered_after: Duration::ZERO };
        live(address)?;
        serving.answered_after = began.elapsed();
        Ok(serving)
    }

    /// Its memory; nothing where the system does not tell (anything but Linux).
    pub(super) fn memory(&self) -> Option<Resident> {
        memory_of(self.process.id())
    }

    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(None)) {
            if let Some(id) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw) {
                // It may have ended by itself.
                kill_process(id, Signal::TERM).ok();
            }
            self.process.wait().ok();
        }
    }
}

pub(super) fn memory_of(process: u32) -> Option<Resident> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let mib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<f64>().ok().map(|kib| kib / 1_024.0)
    };
    Some(Resident { all: mib("VmRSS:")?, anonymous: mib("RssAnon:")? })
}

/// Asks until it is answered.
fn live(address: SocketAddr) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut status = [0; 12];
    stream.read_exact(&mut status)?;
    if &status != b"HTTP/1.1 200" {
        bail!("/health/live answers {}", String::from_utf8_lossy(&status));
    }
    Ok(())
}
