//! One server's life: set up in a temporary folder, started, killed, paused, restarted, removed. What differs between engines is in the
//! files of their names.

use crate::address::{certificate, free_port};
use crate::disk::{self, Disk};
use crate::processes::{family, kill_all, signal, stop_all, watch};
use crate::programs::{Account, give, run_as};
use crate::{Engine, PASSWORD, USER, mariadb, postgres};
use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

/// How often a starting or stopping server is looked at, and how many times before it counts as stuck.
const LOOK: Duration = Duration::from_millis(20);
const LOOKS: u32 = 3_000;

/// What a server is started with.
pub struct Setup {
    engine: Engine,
    durable: bool,
    settings: Vec<(String, String)>,
    small_disk: Option<u32>,
}

/// Where a server is and what it is started with: what an engine's file needs to know.
pub(crate) struct Place {
    pub(crate) engine: Engine,
    pub(crate) folder: PathBuf,
    pub(crate) port: u16,
    pub(crate) account: Option<Account>,
    pub(crate) durable: bool,
    /// Certificate and key, PEM.
    pub(crate) certificate: Option<(PathBuf, PathBuf)>,
    pub(crate) settings: Vec<(String, String)>,
}

impl Place {
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }
}

/// A running server. Dropped, it is killed and its folder removed.
pub struct Server {
    engine: Engine,
    place: Place,
    running: Option<Running>,
    databases: AtomicU32,
    /// Let go before the folder that it is mounted in.
    disk: Option<Disk>,
    _folder: tempfile::TempDir,
}

struct Running {
    server: Child,
    /// Ends the server and removes its folder when this process ends without a drop: it waits for its standard input to close.
    watcher: Child,
}

impl Setup {
    /// A durable server with small buffers.
    pub fn new(engine: Engine) -> Self {
        Self { engine, durable: true, settings: Vec::new(), small_disk: None }
    }

    /// Trades durability for speed: for tests in which no server dies.
    #[must_use]
    pub fn fast(mut self) -> Self {
        self.durable = false;
        self
    }

    /// A setting of the server, by its own name: `max_connections`, `wait-timeout`.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Gives its data a file system of its own, of so many MiB. Nothing when this process may not mount one, which is said loudly.
    ///
    /// # Panics
    /// When it may not and this is CI.
    #[expect(
        clippy::panic,
        clippy::print_stderr,
        reason = "it speaks to whoever runs the tests, and stops CI"
    )]
    pub fn on_a_small_disk(mut self, mib: u32) -> Option<Self> {
        if let Err(why) = disk::is_allowed() {
            if crate::variable("CI").is_some() {
                panic!("no small disk to fill: {why:#}");
            }
            eprintln!("NOT TESTED: no small disk to fill: {why:#}");
            return None;
        }
        self.small_disk = Some(mib);
        Some(self)
    }

    /// Sets the server up in a temporary folder, and waits until it answers.
    ///
    /// # Errors
    /// When it is not installed, or does not start; its log's end is in the error.
    pub fn start(self) -> Result<Server> {
        let account = match self.engine {
            Engine::Postgres | Engine::NewestPostgres => postgres::account()?,
            Engine::Mariadb => mariadb::account()?,
        };
        let temporary = tempfile::Builder::new().prefix("doorward-throwaway-").tempdir()?;
        let folder = temporary.path().to_owned();
        give(&folder, account)?;
        // The newest PostgreSQL is built without TLS.
        let certificate = match self.engine {
            Engine::NewestPostgres => None,
            Engine::Postgres | Engine::Mariadb => certificate(&folder, account)?,
        };
        let place = Place {
            engine: self.engine,
            folder,
            port: free_port()?,
            account,
            durable: self.durable,
            certificate,
            settings: self.settings,
        };
        let disk = self.small_disk.map(|mib| Disk::mounted(place.data(), mib, account)).transpose()?;
        let prepare = || match self.engine {
            Engine::Postgres | Engine::NewestPostgres => postgres::prepare(&place),
            Engine::Mariadb => mariadb::prepare(&place),
        };
        // On a machine that is short of something for a moment the second try works.
        prepare().or_else(|_| {
            std::thread::sleep(Duration::from_secs(1));
            let _ = std::fs::remove_dir_all(place.data());
            prepare()
        })?;
        let mut server = Server {
            engine: self.engine,
            place,
            running: None,
            databases: AtomicU32::new(0),
            disk,
            _folder: temporary,
        };
        server.start_again()?;
        Ok(server)
    }
}

impl Server {
    /// A durable PostgreSQL.
    ///
    /// # Errors
    /// As [`Setup::start`].
    pub fn postgres() -> Result<Self> {
        Setup::new(Engine::Postgres).start()
    }

    /// A durable MariaDB.
    ///
    /// # Errors
    /// As [`Setup::start`].
    pub fn mariadb() -> Result<Self> {
        Setup::new(Engine::Mariadb).start()
    }

    /// Creates an empty database and answers its URL.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn database(&self) -> Result<String> {
        let name = format!("test_{}", self.databases.fetch_add(1, Relaxed));
        self.sql(&format!("CREATE DATABASE {name}"))?;
        Ok(self.url(&name))
    }

    /// The URL of the administrative database.
    pub fn administrative_url(&self) -> String {
        match self.engine {
            Engine::Postgres | Engine::NewestPostgres => self.url(postgres::ADMINISTRATIVE),
            Engine::Mariadb => self.url(mariadb::ADMINISTRATIVE),
        }
    }

    /// Runs statements as the administrator, and answers their rows, tabs between columns.
    ///
    /// # Errors
    /// When the server refuses one of them, or is not there.
    pub fn sql(&self, statements: &str) -> Result<String> {
        self.engine.sql(&self.administrative_url(), statements)
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.place.port
    }

    /// The folder of the server, its Unix socket in it: `.s.PGSQL.PORT` or `mariadb.sock`.
    pub fn folder(&self) -> &Path {
        &self.place.folder
    }

    /// The certificate of the server, PEM, which is its own authority.
    #[cfg(feature = "tls")]
    pub fn certificate(&self) -> PathBuf {
        self.place.folder.join("certificate.pem")
    }

    /// Kills every process of the server at once, as a machine that loses power would. `start_again` brings it back, on the same port.
    ///
    /// # Errors
    /// When the system does.
    pub fn kill(&mut self) -> Result<()> {
        let Some(mut running) = self.running.take() else { return Ok(()) };
        stop_watching(&mut running)?;
        kill_all(pid(&running.server)?);
        running.server.wait()?;
        Ok(())
    }

    /// Starts the server if it does not run, and waits until it answers.
    ///
    /// # Errors
    /// When it does not start; its log's end is in the error.
    pub fn start_again(&mut self) -> Result<()> {
        if self.running.is_some() {
            return Ok(());
        }
        let mut command = match self.engine {
            Engine::Postgres | Engine::NewestPostgres => postgres::serve(&self.place)?,
            Engine::Mariadb => mariadb::serve(&self.place)?,
        };
        let log = std::fs::File::options().create(true).append(true).open(self.place.log())?;
        command
            .current_dir(&self.place.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0);
        let server = run_as(&mut command, self.place.account).spawn().context("the server did not start")?;
        let watcher = watch(server.id(), &self.place.folder)?;
        self.running = Some(Running { server, watcher });
        self.wait_until_it_answers()
    }

    /// Starts the server if it has ended by itself, as whatever watches over it would.
    ///
    /// # Errors
    /// As [`Server::start_again`].
    pub fn start_if_it_ended(&mut self) -> Result<()> {
        if let Some(running) = &mut self.running
            && running.server.try_wait()?.is_some()
        {
            self.kill()?;
        }
        self.start_again()
    }

    /// Takes all room on its small disk but `spare` bytes; removing the file that this answers gives it back.
    ///
    /// # Errors
    /// When it has none, or the system refuses.
    pub fn fill_disk(&self, spare: u64) -> Result<PathBuf> {
        self.disk.as_ref().context("the server has no small disk")?.fill(spare)
    }

    /// Stops the server as its operator would, waits, and starts it again.
    ///
    /// # Errors
    /// When it does not stop or start.
    pub fn restart(&mut self) -> Result<()> {
        self.stop()?;
        self.start_again()
    }

    /// Stops the server as its operator would: connections are cut, what is committed is kept.
    ///
    /// # Errors
    /// When it does not stop.
    pub fn stop(&mut self) -> Result<()> {
        let Some(mut running) = self.running.take() else { return Ok(()) };
        stop_watching(&mut running)?;
        // PostgreSQL's TERM waits for its clients to leave, its INT does not; MariaDB ignores INT.
        let stop = match self.engine {
            Engine::Postgres | Engine::NewestPostgres => Signal::INT,
            Engine::Mariadb => Signal::TERM,
        };
        kill_process(pid(&running.server)?, stop)?;
        for _ in 0..LOOKS {
            if running.server.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(LOOK);
        }
        self.running = Some(running);
        bail!("{:?} does not stop: {}", self.engine, self.log_end())
    }

    /// Freezes every process of the server: connections stay open and nothing answers.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pause(&self) -> Result<()> {
        stop_all(self.pid()?)
    }

    /// Lets a paused server go on.
    ///
    /// # Errors
    /// When it does not run.
    pub fn go_on(&self) -> Result<()> {
        signal(&family(self.pid()?), Signal::CONT);
        Ok(())
    }

    fn pid(&self) -> Result<Pid> {
        pid(&self.running.as_ref().context("the server does not run")?.server)
    }

    fn url(&self, database: &str) -> String {
        let scheme = match self.engine {
            Engine::Postgres | Engine::NewestPostgres => "postgres",
            Engine::Mariadb => "mysql",
        };
        format!("{scheme}://{USER}:{PASSWORD}@127.0.0.1:{}/{database}", self.place.port)
    }

    fn wait_until_it_answers(&mut self) -> Result<()> {
        for _ in 0..LOOKS {
            if let Some(running) = &mut self.running
                && let Some(status) = running.server.try_wait()?
            {
                stop_watching(running)?;
                self.running = None;
                bail!("{:?} ended ({status}): {}", self.engine, self.log_end());
            }
            let listens = std::net::TcpStream::connect(("127.0.0.1", self.place.port)).is_ok();
            if listens && self.sql("VALUES (1)").is_ok() {
                return Ok(());
            }
            std::thread::sleep(LOOK);
        }
        bail!("{:?} does not answer: {}", self.engine, self.log_end())
    }

    fn log_end(&self) -> String {
        let log = std::fs::read_to_string(self.place.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // PostgreSQL's QUIT frees its shared memory, which a KILL leaves behind in the system. A paused server must hear it first.
        if let (Engine::Postgres | Engine::NewestPostgres, Some(running)) = (self.engine, &mut self.running) {
            if let Ok(pid) = pid(&running.server) {
                signal(&family(pid), Signal::CONT);
                let _ = kill_process(pid, Signal::QUIT);
            }
            for _ in 0..100 {
                if !matches!(running.server.try_wait(), Ok(None)) {
                    break;
                }
                std::thread::sleep(LOOK);
            }
        }
        let _ = self.kill();
    }
}

fn pid(child: &Child) -> Result<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("a process without an id")
}

fn stop_watching(running: &mut Running) -> Result<()> {
    let watcher = pid(&running.watcher)?;
    kill_all(watcher);
    running.watcher.wait()?;
    Ok(())
}
