//! A running Doorward: the compiled binary's demo on a free port, in a folder of its own, gone when it is dropped.

use std::collections::HashMap;
use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;
use tempfile::TempDir;

/// Where answers are sent. Nobody listens there: the tests' browser stops before.
pub(crate) const REDIRECT_URI: &str = "http://127.0.0.1:18402/callback";
/// Where a browser goes after sign-out.
pub(crate) const POST_LOGOUT_REDIRECT_URI: &str = "http://127.0.0.1:18402/signed-out";

const LOOK_EVERY: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Doorward {
    process: Child,
    env: HashMap<String, String>,
    _folder: TempDir,
}

impl Doorward {
    /// Starts a demo and waits until it answers.
    pub(crate) fn start() -> Self {
        Self::start_for(REDIRECT_URI)
    }

    /// The same, for answers that are sent elsewhere.
    pub(crate) fn start_for(redirect_uri: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (env_file, log) = (folder.path().join("demo.env"), folder.path().join("log"));
        let said = File::create(&log).unwrap();
        // The server takes every DOORWARD_ variable for a setting of its own.
        let ours = std::env::vars_os().filter(|(name, _)| !name.to_string_lossy().starts_with("DOORWARD_"));
        let mut process = Command::new(env!("CARGO_BIN_EXE_doorward"))
            .env_clear()
            .envs(ours)
            // It is killed, so its database must go with the folder.
            .env("TMPDIR", folder.path())
            .args(["demo", "--port", "0", "--redirect-uri", redirect_uri])
            .args(["--post-logout-redirect-uri", POST_LOGOUT_REDIRECT_URI, "--env-file"])
            .arg(&env_file)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(said.try_clone().unwrap())
            .stderr(said)
            .spawn()
            .unwrap();
        for _ in 0..PATIENCE.as_millis() / LOOK_EVERY.as_millis() {
            let written = fs::read_to_string(&env_file).unwrap_or_default();
            if written.ends_with('\n') {
                return Self { process, env: pairs(&written), _folder: folder };
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
