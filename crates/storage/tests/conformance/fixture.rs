//! A store in a temporary folder, and the tests' own commands and queries, against tables that hold nothing else's rules.

use protocol::{OneTimeLinkId, SecretHash, Timestamp};
use sha2::{Digest as _, Sha256};
use std::path::PathBuf;
use std::process::Command as Process;
use std::time::Duration;
use storage::{
    Access, Applied, Command, Expect, Options, Query, Row, Rows, Seal, SealFailure, Sealer, Statement, Step,
    Steps, StorageError, Store, Value, params,
};

/// A sealer with a key of its own.
#[derive(Debug)]
pub(crate) struct Key(pub(crate) [u8; 8]);

/// The tests' own.
pub(crate) static OURS: Key = Key([1; 8]);

impl Sealer for Key {
    fn seal(&self, message: &[u8]) -> Seal {
        Seal { key: self.0, mac: Sha256::digest([&self.0, message].concat()).into() }
    }
    fn check(&self, message: &[u8], seal: &Seal) -> Result<(), SealFailure> {
        match self.seal(message) {
            made if made.key != seal.key => Err(SealFailure::AnotherKey(seal.key)),
            made if made != *seal => Err(SealFailure::Wrong),
            _ => Ok(()),
        }
    }
}

/// A store and the folder it lies in.
pub(crate) struct House {
    pub(crate) store: Store,
    pub(crate) options: Options,
    _folder: tempfile::TempDir,
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Options)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = Options::at(folder.path().join("doorward.db"));
        options.scan_deadline = Duration::from_millis(400);
        change(&mut options);
        let opened = Store::open(&options).await.unwrap();
        assert_eq!(opened.warnings, Vec::<String>::new());
        Self { store: opened.store, options, _folder: folder }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.options.database.file().expect("a file").to_owned()
    }

    /// A connection beside the store, as another program would have.
    pub(crate) fn raw(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path()).unwrap()
    }
}

/// This test binary again, running one ignored test in a process of its own.
pub(crate) fn child(test: &str, database: &std::path::Path) -> Process {
    let mut process = Process::new(std::env::current_exe().unwrap());
    process.args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"]).env("DATABASE", database);
    process
}

/// The database that [`child`] was given.
pub(crate) fn childs_database() -> PathBuf {
    PathBuf::from(throwaway::variable("DATABASE").expect("run by another test"))
}

pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// Ids in the order of their numbers.
pub(crate) fn id(number: u64) -> OneTimeLinkId {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    // No real id is all zeros.
    bytes[15] = 1;
    OneTimeLinkId::from_bytes(bytes)
}

/// Longer than anything takes here, also on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
pub(crate) const INSERT: &str = "INSERT INTO one_time_links (id, secret_hash, purpose, created_at, expires_at, spent_at) VALUES (?, ?, ?, ?, ?, NULL)";
pub(crate) const SPEND: &str = "UPDATE one_time_links SET spent_at = ? WHERE id = ? AND spent_at IS NULL";
pub(crate) const DELETE: &str = "DELETE FROM one_time_links WHERE id = ?";
pub(crate) const ADD: &str = "UPDATE one_time_links SET expires_at = expires_at + ? WHERE id = ?";

/// A command made of any steps; its outcome is what was applied.
#[derive(Clone)]
pub(crate) struct Do(pub(crate) Vec<Step>);

impl Command for Do {
    type Outcome = Applied;
    fn steps(&self, steps: &mut Steps) {
        for step in &self.0 {
            match step.expect {
                Expect::Exactly(count) => steps.exactly(count, step.sql, step.params.clone()),
                Expect::Any => steps.any(step.sql, step.params.clone()),
                Expect::Replacing => unreachable!("made by Steps::replace alone"),
            }
        }
    }
    fn outcome(&self, applied: Applied) -> Applied {
        applied
    }
}

pub(crate) fn one(sql: &'static str, params: Vec<Value>) -> Step {
    Step { sql, params, expect: Expect::Exactly(1) }
}

pub(crate) fn any(sql: &'static str, params: Vec<Value>) -> Step {
    Step { sql, params, expect: Expect::Any }
}

pub(crate) fn insert(number: u64) -> Step {
    insert_expiring(number, 1_000)
}

pub(crate) fn insert_expiring(number: u64, expires_at: i64) -> Step {
    one(INSERT, params![id(number), SecretHash::from_bytes([7; 32]), "test", at(0), at(expires_at)])
}

pub(crate) fn spend(number: u64, when: i64) -> Step {
    one(SPEND, params![at(when), id(number)])
}

/// A row of the tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) id: OneTimeLinkId,
    pub(crate) expires_at: i64,
    pub(crate) spent_at: Option<i64>,
}

fn link(row: &Row<'_>) -> Result<Link, StorageError> {
    Ok(Link { id: row.get(0)?, expires_at: row.get(1)?, spent_at: row.get(2)? })
}

/// By key.
pub(crate) struct LinkById(pub(crate) u64);

impl Query for LinkById {
    type Output = Option<Link>;
    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT id, expires_at, spent_at FROM one_time_links WHERE id = ?",
            params![id(self.0)],
        )
    }
    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(link)
    }
}

/// Every row, in key order.
pub(crate) struct AllLinks;

impl Query for AllLinks {
    type Output = Vec<Link>;
    const ACCESS: Access = Access::Scan;
    fn statement(&self) -> Statement {
        Statement::new("SELECT id, expires_at, spent_at FROM one_time_links ORDER BY id", params![])
    }
    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.all(link)
    }
}

/// How many rows there are.
pub(crate) struct CountLinks;

impl Query for CountLinks {
    type Output = i64;
    fn statement(&self) -> Statement {
        Statement::new("SELECT count(*) FROM one_time_links", params![])
    }
    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        Ok(rows.first(|row| row.get(0))?.unwrap_or(-1))
    }
}

/// Counts for a long time.
pub(crate) struct Endless;

impl Query for Endless {
    type Output = i64;
    const ACCESS: Access = Access::Scan;
    fn statement(&self) -> Statement {
        Statement::new(
            // MariaDB ends the recursion after a thousand rows: three times over, that is long enough.
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000000000) SELECT count(*) FROM n, n AS m, n AS o",
            params![],
        )
    }
    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        Ok(rows.first(|row| row.get(0))?.unwrap_or(-1))
    }
}
