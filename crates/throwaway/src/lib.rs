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
mod postgres;
mod processes;
mod programs;
mod server;
mod shared;

pub use server::{Server, Setup};
pub use shared::{Database, MYSQL_URL, POSTGRES_URL, shared};

/// The account of every server, its administrator.
pub const USER: &str = "doorward";
/// Its password.
pub const PASSWORD: &str = "throwaway";

/// A kind of database server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// PostgreSQL.
    Postgres,
    /// MariaDB.
    Mariadb,
}

impl Engine {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Postgres, Self::Mariadb];

    /// Whether the server and its command line client are on this machine.
    pub fn is_installed(self) -> bool {
        match self {
            Self::Postgres => postgres::programs().is_ok(),
            Self::Mariadb => mariadb::programs().is_ok(),
        }
    }

    /// The Debian package that has it.
    pub fn package(self) -> &'static str {
        match self {
            Self::Postgres => "postgresql",
            Self::Mariadb => "mariadb-server",
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
        let missing = format!("{self:?} is not installed; as root: apt-get install {package}");
        if std::env::var_os("CI").is_some() {
            panic!("{missing}");
        }
        eprintln!("SKIPPED: {missing}");
        true
    }
}
