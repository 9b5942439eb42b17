//! A PgBouncer that gives every transaction another session of a PostgreSQL. Knows its settings; nothing of who connects.

use crate::address::free_port;
use crate::programs::{Account, find, give, run_as};
use crate::{Engine, PASSWORD, USER};
use anyhow::{Context as _, Result, bail};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How often a starting pooler is looked at, and how many times before it counts as stuck.
const LOOK: Duration = Duration::from_millis(20);
const LOOKS: u32 = 500;

/// A running pooler. Dropped, it is killed and its folder removed.
pub struct Pooler {
    process: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Pooler {
    /// Whether a test that needs one must be left out, which is said loudly.
    ///
    /// # Panics
    /// When it is missing and this is CI: there, that is a failure.
    #[expect(
        clippy::panic,
        clippy::print_stderr,
        reason = "it speaks to whoever runs the tests, and stops CI"
    )]
    pub fn is_missing() -> bool {
        if find(&["pgbouncer"], &[]).is_ok() {
            return false;
        }
        let missing = "PgBouncer is not installed; as root: apt-get install pgbouncer";
        if crate::variable("CI").is_some() {
            panic!("{missing}");
        }
        eprintln!("SKIPPED: {missing}");
        true
    }

    /// Starts one before the PostgreSQL at this port of 127.0.0.1, with so many sessions for all who connect.
    ///
    /// # Errors
    /// When it is not installed, or does not start.
    pub fn before(server: u16, sessions: u32) -> Result<Self> {
        let account = Account::of("postgres")?;
        let folder = tempfile::Builder::new().prefix("doorward-throwaway-").tempdir()?;
        give(folder.path(), account)?;
        let port = free_port()?;
        let settings = folder.path().join("pgbouncer.ini");
        std::fs::write(
            &settings,
            format!(
                "[databases]\n* = host=127.0.0.1 port={server} user={USER} password={PASSWORD}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
                 listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\nmax_client_conn = 500\n\
                 default_pool_size = {sessions}\n"
            ),
        )?;
        give(&settings, account)?;
        let mut command = Command::new(find(&["pgbouncer"], &[])?);
        let log = std::fs::File::create(folder.path().join("log"))?;
        command.arg(&settings).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let process = run_as(&mut command, account).spawn().context("PgBouncer did not start")?;
        let mut pooler = Self { process, port, _folder: folder };
        for _ in 0..LOOKS {
            if let Some(status) = pooler.process.try_wait()? {
                let log = std::fs::read_to_string(pooler._folder.path().join("log")).unwrap_or_default();
                bail!("PgBouncer ended ({status}): {log}");
            }
            if Engine::Postgres.sql(&pooler.url("postgres"), "SELECT 1").is_ok() {
                return Ok(pooler);
            }
            std::thread::sleep(LOOK);
        }
        bail!("PgBouncer does not answer")
    }

    /// The URL of a database behind it.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{}/{database}", self.port)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
