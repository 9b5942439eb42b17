//! How a store is opened. Knows limits, not how they are enforced.

use crate::archive::Shipping;
use crate::contract::Database;
use std::path::PathBuf;
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
