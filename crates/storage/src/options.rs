//! How a store is opened, and what an operator is told when it cannot be. Knows limits and words, not how they are enforced.

use crate::archive::Shipping;
use crate::database::Database;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What an acknowledged write survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Power loss: every commit is on the disk before it is acknowledged.
    Full,
    /// A crash of the process, but perhaps not power loss. For measuring only.
    Process,
}

/// Which migrations opening a store applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// Those that are missing; a database that is not there is made.
    Newest,
    /// Those that are missing; a database that is not there, or has none, is not made.
    OfExisting,
    /// None: the database must be there, and have every migration.
    AsItIs,
    /// Those that are missing up to a version: how an older installation is made for a rehearsal of its upgrade.
    UpTo(i64),
}

/// How a store is opened. [`Options::new`] gives the values to run with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The database. The directory of a file is created (0700) when it does not exist.
    pub database: Database,
    /// Which migrations are applied.
    pub schema: Schema,
    /// What an acknowledged write survives.
    pub durability: Durability,
    /// How many writes may wait; one more is refused at once.
    pub max_queued: usize,
    /// How long a write may wait for its turn before it is refused.
    pub write_deadline: Duration,
    /// How many commands may share one commit, at most.
    pub max_batch: usize,
    /// Bytes of write-ahead log at which it is copied back into the database file.
    pub wal_soft_limit: u64,
    /// Bytes of write-ahead log at which writes are refused until it has shrunk.
    pub wal_hard_limit: u64,
    /// Threads that run queries which may scan.
    pub scan_threads: usize,
    /// How many scans may wait; one more is refused at once.
    pub max_queued_scans: usize,
    /// How long a scan may take, waiting included.
    pub scan_deadline: Duration,
    /// Page cache of the writer, bytes.
    pub writer_cache: u64,
    /// Page cache of each reading connection, bytes.
    pub reader_cache: u64,
    /// Bytes of the database file that readers map into memory; zero reads by system call. Measured on a million rows: a twelfth
    /// faster while nobody writes, twice the cost beside a busy writer; and a disk error then ends the process (SIGBUS).
    pub mapped: u64,
    /// Where changes are shipped to, when they are.
    pub shipping: Option<Shipping>,
    /// What only engines on a server need.
    pub network: NetworkOptions,
}

/// How an engine on a server is used.
#[derive(Debug, Clone)]
pub struct NetworkOptions {
    /// Connections that write; each commits for itself, so no command waits for all others.
    pub write_connections: usize,
    /// Connections that read, scans included.
    pub read_connections: usize,
    /// How many of them may be busy with queries that may scan.
    pub scan_connections: usize,
    /// How many commands may share one commit, at most.
    pub max_batch: usize,
    /// How many reads may wait for a connection; one more is refused at once.
    pub max_queued_reads: usize,
    /// How long connecting may take, signing in included.
    pub connect_deadline: Duration,
    /// How long the server may take to answer a read by key, or one attempt at a write.
    pub answer_deadline: Duration,
    /// How long a command waits for a row that another holds before it is tried again.
    pub lock_deadline: Duration,
    /// How long it is tried to learn whether a commit took place whose answer was lost.
    pub resolve_deadline: Duration,
    /// How long the node that changes the schema may show no sign of life before another takes over.
    pub lease_deadline: Duration,
}

impl Default for NetworkOptions {
    fn default() -> Self {
        Self {
            write_connections: 4,
            read_connections: 8,
            scan_connections: 4,
            max_batch: 32,
            max_queued_reads: 4_096,
            connect_deadline: Duration::from_secs(5),
            answer_deadline: Duration::from_secs(5),
            lock_deadline: Duration::from_millis(500),
            resolve_deadline: Duration::from_secs(10),
            lease_deadline: Duration::from_secs(15),
        }
    }
}

impl Options {
    /// The values to run with, for the database file at `path`.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self::new(Database::Sqlite(path.into()))
    }

    /// The values to run with.
    pub fn new(database: Database) -> Self {
        const MIB: u64 = 1024 * 1024;
        Self {
            database,
            schema: Schema::Newest,
            durability: Durability::Full,
            max_queued: 16_384,
            write_deadline: Duration::from_secs(3),
            max_batch: 1_024,
            wal_soft_limit: 48 * MIB,
            wal_hard_limit: 512 * MIB,
            scan_threads: 2,
            max_queued_scans: 256,
            scan_deadline: Duration::from_secs(10),
            writer_cache: 32 * MIB,
            reader_cache: 16 * MIB,
            mapped: 0,
            shipping: None,
            network: NetworkOptions::default(),
        }
    }
}

impl Options {
    /// How long a write to an engine on a server may take at the very most, whatever the server does: its turn, an attempt and its commit that get
    /// no answer, finding out about the commit, and one more attempt to connect. 28 seconds with the values to run with. Only a commit
    /// that is under way when the server falls silent takes so long; any other is answered after its deadline and one attempt.
    pub fn longest_write(&self) -> Duration {
        let network = &self.network;
        self.write_deadline
            + network.answer_deadline * 2
            + network.resolve_deadline
            + network.connect_deadline
    }

    /// How long a read by key from an engine on a server may take at the very most: its turn, a connection, and one answer. 13 seconds with
    /// the values to run with.
    pub fn longest_read(&self) -> Duration {
        self.write_deadline + self.network.connect_deadline + self.network.answer_deadline
    }
}

/// Why a store could not be opened, in words an operator can act on.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has this database open.
    #[error(
        "{path} is in use by another process{}: stop it first, or choose another database file. \
         One database file belongs to one running server",
        holder.map_or_else(String::new, |pid| format!(" (process id {pid})"))
    )]
    InUse {
        /// The database file.
        path: PathBuf,
        /// The process that holds it, when it could be read.
        holder: Option<u32>,
    },
    /// The database was written by a newer version of this program.
    #[error(
        "{database} has schema version {found}, but this program knows only up to {known}: run the newer version it was written \
         with, or restore a backup made before the upgrade"
    )]
    Newer {
        /// The database.
        database: Database,
        /// The schema version found.
        found: i64,
        /// The newest schema version this program knows.
        known: i64,
    },
    /// There is no database, or nothing in it, and none was to be made.
    #[error("{database} holds no installation: is that the right place?")]
    Missing {
        /// The database.
        database: Database,
    },
    /// The database lacks migrations, and none were to be applied.
    #[error(
        "{database} has schema version {found}, and this program works with {known}: run `doorward upgrade` on it first"
    )]
    Older {
        /// The database.
        database: Database,
        /// The schema version found.
        found: i64,
        /// The newest schema version this program knows.
        known: i64,
    },
    /// A migration that was applied to the database is not the one this program carries.
    #[error("the schema of {database} does not belong to this program: {why}")]
    Diverged {
        /// The database.
        database: Database,
        /// Which migration, and how it differs.
        why: String,
    },
    /// The file or its directory cannot be written.
    #[error(
        "{path} cannot be written ({why}): check the owner and the mode of the file and of its directory, and that the file system is not mounted read-only"
    )]
    ReadOnly {
        /// The database file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// There is no room left.
    #[error("there is no space left on the device of {path}")]
    DiskFull {
        /// The database file.
        path: PathBuf,
    },
    /// The file is not a database, or a damaged one.
    #[error("{path} is not a database, or it is damaged ({why}): restore a backup")]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// What the engine said.
        why: String,
    },
    /// Anything else the system refused.
    #[error("{path} cannot be opened: {why}")]
    Failed {
        /// The database file.
        path: PathBuf,
        /// What the system or the engine said.
        why: String,
    },
    /// The server cannot be reached, refuses us, or cannot do what is needed.
    #[error("{database} cannot be used: {why}")]
    Server {
        /// The database.
        database: Database,
        /// What the system or the server said.
        why: String,
    },
}

impl OpenError {
    /// What an I/O error at `path` means to an operator.
    pub(crate) fn from_io(path: &Path, error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        let (path, why) = (path.to_owned(), error.to_string());
        match error.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { path, why },
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::DiskFull { path },
            _ => Self::Failed { path, why },
        }
    }
}
