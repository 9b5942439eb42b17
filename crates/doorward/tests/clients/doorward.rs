//! A running Doorward: the compiled binary's demo on a free port, in a folder of its own, on any of the engines, gone when it is dropped.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;
use tempfile::TempDir;
use throwaway::{Database, Engine};

/// Where answers are sent. Nobody listens there: the tests' browser stops before.
pub(crate) const REDIRECT_URI: &str = "http://127.0.0.1:18402/callback";
/// Where a browser goes after sign-out.
pub(crate) const POST_LOGOUT_REDIRECT_URI: &str = "http://127.0.0.1:18402/signed-out";

/// The compiled binary.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_doorward");

const LOOK_EVERY: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Doorward {
    process: Child,
    env: HashMap<String, String>,
    folder: TempDir,
    /// Removed after the process, which has connections to it.
    _database: Option<Database>,
}

impl Doorward {
    /// One demo after the other, each on another engine.
    pub(crate) fn on_every_engine() -> impl Iterator<Item = Self> {
        engines().map(|engine| Self::start(engine, REDIRECT_URI))
    }

    /// Starts a demo and waits until it answers.
    pub(crate) fn start(engine: Option<Engine>, redirect_uri: &str) -> Self {
        let database = engine.map(|engine| throwaway::shared(engine).unwrap());
        let folder = tempfile::tempdir().unwrap();
        let (env_file, log) = (folder.path().join("demo.env"), folder.path().join("log"));
        let said = File::create(&log).unwrap();
        let mut command = command(PROGRAM);
        // It is killed, so its database must go with the folder.
        command
            .env("TMPDIR", folder.path())
            .args(["demo", "--port", "0", "--redirect-uri", redirect_uri, "--devices-interval", "1s"])
            .args(["--post-logout-redirect-uri", POST_LOGOUT_REDIRECT_URI, "--env-file"])
            .arg(&env_file);
        if let Some(database) = &database {
            command.args(["--database", &database.url()]);
        }
        let mut process = command
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(said.try_clone().unwrap())
            .stderr(said)
            .spawn()
            .unwrap();
        for _ in 0..PATIENCE.as_millis() / LOOK_EVERY.as_millis() {
            let written = fs::read_to_string(&env_file).unwrap_or_default();
            if written.ends_with('\n') {
                return Self { process, env: pairs(&written), folder, _database: database };
            }
            let exited = process.try_wait().unwrap();
            assert!(exited.is_none(), "{exited:?}: {}", fs::read_to_string(&log).unwrap());
            sleep(LOOK_EVERY);
        }
        process.kill().unwrap();
        panic!("no env file in time: {}", fs::read_to_string(&log).unwrap());
    }

    /// What the demo wrote down under this name.
    pub(crate) fn env(&self, name: &str) -> &str {
        self.env.get(name).unwrap_or_else(|| panic!("the env file has no {name}"))
    }

    pub(crate) fn issuer(&self) -> &str {
        self.env("ISSUER")
    }

    /// Where the command line finds it while it runs.
    pub(crate) fn data(&self) -> PathBuf {
        let mut entries = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        entries.find(|path| path.is_dir()).expect("the demo's own folder")
    }
}

/// SQLite, and the servers. What is missing is said loudly; in CI that is a failure.
pub(crate) fn engines() -> impl Iterator<Item = Option<Engine>> {
    let servers = Engine::ALL.into_iter().filter(|engine| !engine.is_missing()).map(Some);
    std::iter::once(None).chain(servers).inspect(|engine| {
        // Shown when what follows fails.
        println!("on {}", engine.map_or("SQLite".to_owned(), |engine| format!("{engine:?}")));
    })
}

/// A command that runs ours or is ours: Doorward takes every DOORWARD_ variable for a setting, and this test's own are none.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let ours = throwaway::variables().filter(|(name, _)| !name.to_string_lossy().starts_with("DOORWARD_"));
    let mut command = Command::new(program);
    command.env_clear().envs(ours);
    command
}

impl Drop for Doorward {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn pairs(text: &str) -> HashMap<String, String> {
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.trim_matches(['"', '\'']).to_owned())).collect()
}
