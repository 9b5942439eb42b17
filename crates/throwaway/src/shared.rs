//! Databases for tests that need no server of their own. The test command starts one server of each engine and says where; without it,
//! the tests of one process share one for as long as any of them runs.

use crate::{Engine, Server, Setup};
use anyhow::Result;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The environment variable with the URL of an administrative database of the shared PostgreSQL.
pub const POSTGRES_URL: &str = "DOORWARD_TEST_POSTGRES";
/// The environment variable with the URL of an administrative database of the shared newest PostgreSQL.
pub const NEWEST_POSTGRES_URL: &str = "DOORWARD_TEST_NEWEST_POSTGRES";
/// The environment variable with the URL of an administrative database of the shared MariaDB.
pub const MYSQL_URL: &str = "DOORWARD_TEST_MYSQL";

/// A database of one test, empty at first; removed on drop.
pub struct Database {
    engine: Engine,
    administrative_url: String,
    name: String,
    _server: Option<Arc<Server>>,
}

/// A fresh database on the shared server.
///
/// # Errors
/// When the server does not start or refuses.
pub fn shared(engine: Engine) -> Result<Database> {
    let (administrative_url, server) =
        match crate::variable(variable(engine)).map(std::ffi::OsString::into_string) {
            Some(Ok(url)) => (url, None),
            _ => {
                let server = of_this_process(engine)?;
                (server.administrative_url(), Some(server))
            }
        };
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("shared_{}_{}", std::process::id(), COUNT.fetch_add(1, Relaxed));
    // A process id may have been another test's before.
    engine.sql(&administrative_url, &format!("DROP DATABASE IF EXISTS {name}"))?;
    engine.sql(&administrative_url, &format!("CREATE DATABASE {name}"))?;
    Ok(Database { engine, administrative_url, name, _server: server })
}

/// The environment variable that says where the shared server is.
pub(crate) fn variable(engine: Engine) -> &'static str {
    match engine {
        Engine::Postgres => POSTGRES_URL,
        Engine::NewestPostgres => NEWEST_POSTGRES_URL,
        Engine::Mariadb => MYSQL_URL,
    }
}

fn of_this_process(engine: Engine) -> Result<Arc<Server>> {
    static SERVERS: Mutex<[Weak<Server>; 3]> = Mutex::new([Weak::new(), Weak::new(), Weak::new()]);
    let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
    let place = &mut servers[engine as usize];
    if let Some(server) = place.upgrade() {
        return Ok(server);
    }
    let server = Arc::new(Setup::new(engine).fast().start()?);
    *place = Arc::downgrade(&server);
    Ok(server)
}

impl Database {
    /// Its URL.
    pub fn url(&self) -> String {
        let (server, _) = self.administrative_url.rsplit_once('/').unwrap_or((&self.administrative_url, ""));
        format!("{server}/{}", self.name)
    }

    /// Runs statements as the administrator, and answers their rows, tabs between columns.
    ///
    /// # Errors
    /// When the server refuses one of them.
    pub fn sql(&self, statements: &str) -> Result<String> {
        self.engine.sql(&self.url(), statements)
    }
}

impl Drop for Database {
    /// Whoever is still connected is cut off: a transaction that a test left open would hold the database for ever.
    fn drop(&mut self) {
        let Self { engine, administrative_url: url, name, .. } = self;
        let _ = match engine {
            Engine::Postgres | Engine::NewestPostgres => {
                engine.sql(url, &format!("DROP DATABASE {name} WITH (FORCE)"))
            }
            Engine::Mariadb => {
                let sessions = engine.sql(url, "SHOW PROCESSLIST").unwrap_or_default();
                for session in sessions.lines().map(|line| line.split('\t').collect::<Vec<_>>()) {
                    // Id, User, Host, db, ..
                    if session.get(3) == Some(&name.as_str()) {
                        let _ = engine.sql(url, &format!("KILL {}", session[0]));
                    }
                }
                engine.sql(url, &format!("SET lock_wait_timeout = 20; DROP DATABASE {name}"))
            }
        };
    }
}
