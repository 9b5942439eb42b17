//! The server that `doorward bench` measures when none is named: this program once more, as a demo, in a process of its own. Knows how it
//! is started and stopped, and how its file for tests is read.

use crate::clock;
use crate::operator::socket_path;
use crate::settings::SettingFlags;
use anyhow::{Context as _, bail};
use bench::{LoadPlan, Machine, ServerProcess, SignInPlan};
use protocol::SigningAlgorithm;
use rustix::process::{Pid, Signal, kill_process};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use url::Url;

/// How long it may take to be ready, and to end.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A running server. Dropped, it is stopped too.
pub(super) struct BenchServer {
    process: Child,
    directory: TempDir,
}

/// A client and a user of the server that is measured.
pub(super) struct Credentials {
    issuer: Option<String>,
    pub(super) client_id: String,
    pub(super) client_secret: String,
    pub(super) username: String,
    pub(super) password: String,
    /// Where there is one: a public client, and the organization and service it belongs to.
    pub(super) service: Option<ServiceCredentials>,
}

/// A service of the server that is measured.
pub(super) struct ServiceCredentials {
    pub(super) public_client_id: String,
    pub(super) organization: String,
    pub(super) service: String,
}

impl BenchServer {
    /// Starts it on a free port and waits until it is ready.
    ///
    /// # Errors
    /// When it ends at once, or is not ready in time.
    pub(super) fn start(flags: &SettingFlags, id_token_alg: SigningAlgorithm) -> anyhow::Result<Self> {
        Self::demo(scratch()?, flags, &["--id-token-alg", id_token_alg.as_str()])
    }

    /// Starts it with so many clients that speak for themselves.
    ///
    /// # Errors
    /// As [`BenchServer::start`].
    pub(super) fn with_machines(flags: &SettingFlags, machines: u32) -> anyhow::Result<Self> {
        Self::demo(scratch()?, flags, &["--machines", &machines.to_string()])
    }

    /// The same, with everything it writes in a folder that is given.
    ///
    /// # Errors
    /// As [`BenchServer::start`].
    pub(super) fn with_machines_in(
        folder: &Path,
        flags: &SettingFlags,
        machines: u32,
    ) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new().prefix("server-").tempdir_in(folder)?;
        Self::demo(directory, flags, &["--machines", &machines.to_string()])
    }

    fn demo(directory: TempDir, flags: &SettingFlags, further: &[&str]) -> anyhow::Result<Self> {
        let mut command = this_program()?;
        command.args(["demo", "--port", "0", "--env-file"]).arg(env_file(&directory));
        // Its database too.
        command.env("TMPDIR", directory.path());
        command.args(further);
        if let Some(config) = &flags.config {
            command.arg("--config").arg(config);
        }
        // What is measured is this server, not a signature: the quickest, unless another is asked for.
        if !flags.given.iter().any(|(key, _)| *key == "tokens.access_token_alg") {
            command.arg("--tokens-access-token-alg=EdDSA");
        }
        for (key, value) in &flags.given {
            command.arg(format!("--{}={value}", key.replace(['.', '_'], "-")));
        }
        Self::spawn(command, directory)
    }

    /// Starts a server that answers everything with nothing, and waits until it does.
    ///
    /// # Errors
    /// As [`BenchServer::start`].
    pub(super) fn empty_handler(users: usize) -> anyhow::Result<Self> {
        let directory = scratch()?;
        let mut command = this_program()?;
        command.args(["bench", "empty-handler", "--env-file"]).arg(env_file(&directory));
        command.args(["--connections", &(users + 1_000).to_string()]);
        Self::spawn(command, directory)
    }

    fn spawn(mut command: Command, directory: TempDir) -> anyhow::Result<Self> {
        // What it keeps is found there, and goes with it.
        let process = command
            .env("TMPDIR", directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .context("the server cannot be started")?;
        let mut server = Self { process, directory };
        server.wait_until_ready()?;
        Ok(server)
    }

    /// Where it is.
    ///
    /// # Errors
    /// When its file is not as expected.
    pub(super) fn issuer(&self) -> anyhow::Result<Url> {
        Ok(Pairs::read(&env_file(&self.directory))?.get("ISSUER")?.parse()?)
    }

    /// The clients that speak for themselves.
    ///
    /// # Errors
    /// When its file is not as expected.
    pub(super) fn machines(&self) -> anyhow::Result<Vec<Machine>> {
        let all = Pairs::read(&env_file(&self.directory))?.get("MACHINES")?;
        let of = |pair: &str| {
            let (id, secret) = pair.split_once(':').context("MACHINES is not as expected")?;
            Ok(Machine { client_id: id.to_owned(), client_secret: secret.to_owned() })
        };
        all.split(',').map(of).collect()
    }

    /// What it wrote for tests.
    ///
    /// # Errors
    /// When the file is not as expected.
    pub(super) fn credentials(&self) -> anyhow::Result<Credentials> {
        Credentials::read(&env_file(&self.directory))
    }

    /// Where its cost can be seen.
    pub(super) fn process(&self) -> ServerProcess {
        ServerProcess { id: self.process.id(), folder: Some(self.directory.path().to_owned()) }
    }

    /// Where it listens for its operator, if it does.
    pub(super) fn operator_socket(&self) -> Option<PathBuf> {
        let kept = std::fs::read_dir(self.directory.path()).ok()?.flatten();
        kept.map(|entry| socket_path(&entry.path())).find(|socket| socket.exists())
    }

    /// Stops it, and sees to it that it ended well.
    ///
    /// # Errors
    /// When it does not end in time, or ends with a failure.
    pub(super) fn stop(mut self) -> anyhow::Result<()> {
        self.tell_to_stop();
        let began = clock::monotonic();
        loop {
            match self.process.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => bail!("the server that was measured ended with {status}"),
                None if began.elapsed() > PATIENCE => bail!("the server that was measured does not end"),
                None => std::thread::sleep(LOOK_EVERY),
            }
        }
    }

    fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let began = clock::monotonic();
        let env_file = env_file(&self.directory);
        while !env_file.exists() {
            if let Some(status) = self.process.try_wait()? {
                bail!("the server that was to be measured ended at once, with {status}");
            }
            if began.elapsed() > PATIENCE {
                bail!("the server that was to be measured is not ready after {PATIENCE:?}");
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// So that it removes its temporary database; a kill would leave it lying.
    fn tell_to_stop(&self) {
        if let Some(id) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw) {
            // It may have ended by itself.
            kill_process(id, Signal::TERM).ok();
        }
    }
}

impl Drop for BenchServer {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(None)) {
            self.tell_to_stop();
            self.process.wait().ok();
        }
    }
}

impl ServiceCredentials {
    fn of(pairs: &Pairs) -> anyhow::Result<Self> {
        Ok(Self {
            public_client_id: pairs.get("PUBLIC_CLIENT_ID")?,
            organization: pairs.get("ORG")?,
            service: pairs.get("SERVICE")?,
        })
    }
}

impl Credentials {
    /// Reads what `doorward demo --env-file` wrote, or what somebody wrote in its manner.
    ///
    /// # Errors
    /// When something is missing.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let pairs = Pairs::read(path)?;
        Ok(Self {
            issuer: pairs.get("ISSUER").ok(),
            client_id: pairs.get("CLIENT_ID")?,
            client_secret: pairs.get("CLIENT_SECRET")?,
            username: pairs.get("USERNAME")?,
            password: pairs.get("PASSWORD")?,
            service: ServiceCredentials::of(&pairs).ok(),
        })
    }

    /// Somebody who signs in with them.
    pub(super) fn person(self, issuer: Url, plan: &LoadPlan) -> SignInPlan {
        SignInPlan {
            redirect_uri: format!("{}/demo/callback", issuer.as_str().trim_end_matches('/')),
            issuer,
            client_id: self.client_id,
            client_secret: self.client_secret,
            username: self.username,
            password: self.password,
            scope: SignInPlan::SCOPE.to_owned(),
            users: plan.users,
            warm_up: plan.warm_up,
            duration: plan.duration,
            bystander_rate: 0,
            time_out: plan.time_out,
            seed: plan.seed,
            server: plan.server.clone(),
        }
    }

    /// The issuer they are good for.
    ///
    /// # Errors
    /// When the file named none.
    pub(super) fn issuer(&self) -> anyhow::Result<Url> {
        Ok(self.issuer.as_deref().context("there is no ISSUER=URL")?.parse()?)
    }
}

/// The KEY=VALUE lines of a file.
struct Pairs {
    path: PathBuf,
    values: HashMap<String, String>,
}

impl Pairs {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        let values = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        Ok(Self { path: path.to_owned(), values })
    }

    fn get(&self, key: &str) -> anyhow::Result<String> {
        let value = self.values.get(key).cloned();
        value.with_context(|| format!("{} holds no {key}=VALUE", self.path.display()))
    }
}

fn scratch() -> anyhow::Result<TempDir> {
    Ok(tempfile::Builder::new().prefix("doorward-bench-").tempdir()?)
}

pub(super) fn this_program() -> anyhow::Result<Command> {
    Ok(Command::new(std::env::current_exe().context("this program's own file cannot be found")?))
}

fn env_file(directory: &TempDir) -> PathBuf {
    directory.path().join("env")
}
