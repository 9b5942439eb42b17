//! The workers that `doorward bench sign-in` starts beside the server it measures: this program again, each in a process of its own.

use crate::commands::passwords::cores;
use crate::settings::SettingFlags;
use anyhow::Context as _;
use clap::Args;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

#[derive(Args)]
pub(super) struct WorkerOptions {
    /// Start so many workers on this machine, for the server of our own to share its passwords with. They share this machine's cores
    /// too, so that they help only a server that may not use them all (--passwords-threads)
    #[arg(long, value_name = "NUMBER", default_value_t = 0, conflicts_with_all = ["target", "worker_url"])]
    workers: usize,
    /// How many passwords each of them hashes at once [default: one for each core]
    #[arg(long, value_name = "NUMBER", requires = "workers")]
    worker_threads: Option<usize>,
    /// Share passwords with workers that run elsewhere; the secret is that of worker.secret_file
    #[arg(long, value_name = "URLS", conflicts_with = "target")]
    worker_url: Option<String>,
}

impl WorkerOptions {
    /// What a reader of the numbers must know.
    pub(super) fn told(&self) -> Option<String> {
        if let Some(urls) = &self.worker_url {
            return Some(format!(
                "passwords shared with {urls}; the hash capacity is that of the server's own threads"
            ));
        }
        let (workers, threads) = (self.workers, self.worker_threads.unwrap_or_else(cores));
        (workers > 0).then(|| {
            format!(
                "workers on this machine: {workers}, hashing {threads} at once each; all share its {} cores, and the hash capacity is that \
                 of the server's own threads",
                cores()
            )
        })
    }
}

/// Running workers. Dropped, they are stopped.
pub(super) struct BenchWorkers {
    processes: Vec<Child>,
    /// For the server that is to use them.
    pub(super) flags: SettingFlags,
    _directory: TempDir,
}

impl BenchWorkers {
    /// Starts those that are to be started, and adds to `flags` what the server needs to know.
    ///
    /// # Errors
    /// When one does not start.
    pub(super) fn start(options: &WorkerOptions, flags: &SettingFlags) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new().prefix("doorward-bench-workers-").tempdir()?;
        let mut workers = Self { processes: Vec::new(), flags: flags.clone(), _directory: directory };
        if let Some(urls) = &options.worker_url {
            workers.flags.given.push(("passwords.workers", urls.clone()));
        }
        if options.workers == 0 {
            return Ok(workers);
        }
        let secret = workers._directory.path().join("secret");
        write_secret(&secret)?;
        let mut urls = Vec::new();
        for _ in 0..options.workers {
            urls.push(workers.start_one(&secret, options.worker_threads.unwrap_or_else(cores))?);
        }
        let secret = secret.to_str().context("the temporary directory's name is not UTF-8")?;
        workers.flags.given.extend([
            ("passwords.workers", urls.join(",")),
            ("worker.secret_file", secret.to_owned()),
            ("worker.allow_plain", "on".to_owned()),
        ]);
        Ok(workers)
    }

    fn start_one(&mut self, secret: &Path, threads: usize) -> anyhow::Result<String> {
        let program = std::env::current_exe().context("this program is not to be found")?;
        let mut process = Command::new(program)
            .args([
                "worker",
                "--config",
                "/dev/null",
                "--listen",
                "127.0.0.1:0",
                "--worker-allow-plain",
                "on",
            ])
            .arg("--worker-secret-file")
            .arg(secret)
            .args(["--passwords-threads", &threads.to_string(), "--log", "warn"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("a worker cannot be started")?;
        let printed = process.stdout.take();
        self.processes.push(process);
        let lines = BufReader::new(printed.context("a worker has no output")?).lines().map_while(Result::ok);
        let url = lines.filter_map(|line| Some(line.split_once("Listening")?.1.trim().to_owned())).next();
        url.context("a worker ended at once")
    }
}

impl Drop for BenchWorkers {
    fn drop(&mut self) {
        for process in &mut self.processes {
            process.kill().ok();
            process.wait().ok();
        }
    }
}

fn write_secret(path: &Path) -> anyhow::Result<()> {
    use std::io::Write as _;
    let key = crypto::MasterKey::generate(&mut crate::clock::OsRandom);
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    Ok(writeln!(file, "{}", key.to_text().as_str())?)
}
