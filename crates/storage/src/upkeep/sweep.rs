//! Deleting what has expired, in slices small enough that nobody waits for one. Knows which tables expire and for how long a row is
//! kept after it did; when to sweep is the worker's business.
//!
//! Keys are time-ordered, so what expires first is near the front: every sweep begins there and goes on while slices hold expired rows.
//! Rows that live long may lie before rows that do not: a cursor per table walks on through the rest, a few slices a sweep.
//!
//! Whoever sweeps may have a clock that is wrong. For tokens that is no matter of right or wrong; for the records of commits it is
//! (`engine/network/resolve.rs`), so a mark beside them says how far they were swept.

use crate::contract::row::Rows;
use crate::contract::value::Value;
use crate::contract::{Access, Applied, Command, Query, Statement, Steps, StorageError};
use crate::engine::network::SWEPT_MARK;
use crate::nodes::Store;
use crate::nodes::cursors::Key;
use crate::params;
use protocol::Timestamp;
use std::time::Duration;

/// Rows looked at, and at most deleted, at once.
const SLICE: usize = 200;
/// Slices without an expired row that one sweep walks through per table before it leaves the rest to the next.
const LIVE_SLICES: usize = 10;
/// How long to let a full write queue go first, per slice, at most.
const COURTESY: Duration = Duration::from_millis(250);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);
const MONTH: Duration = Duration::from_secs(30 * 24 * 3_600);

/// What a sweep did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Rows deleted, per table, tables without any left out.
    pub deleted: Vec<(&'static str, u64)>,
}

impl SweepReport {
    /// Rows deleted in all.
    pub fn total(&self) -> u64 {
        self.deleted.iter().map(|(_, count)| count).sum()
    }
}

struct Swept {
    table: &'static str,
    /// How long a row is kept after it expired.
    kept_for: Duration,
    /// Placeholders in the condition: each stands for the instant up to which rows have expired.
    instants: usize,
    look: &'static str,
    delete: &'static str,
}

macro_rules! swept {
    ($table:literal, $kept_for:expr) => {
        swept!($table, $kept_for, 1, "expires_at <= ?")
    };
    ($table:literal, $kept_for:expr, $instants:literal, $expired:literal) => {
        Swept {
            table: $table,
            kept_for: $kept_for,
            instants: $instants,
            look: concat!(
                "SELECT id, CASE WHEN ",
                $expired,
                " THEN expires_at ELSE NULL END FROM ",
                $table,
                " WHERE id > ? ORDER BY id LIMIT 200"
            ),
            delete: concat!("DELETE FROM ", $table, " WHERE id > ? AND id <= ? AND (", $expired, ")"),
        }
    };
}

/// Every table that expires. Spent codes and refresh tokens are kept a while, so that a replay is still recognised.
const TABLES: [Swept; 16] = [
    swept!("api_keys", MONTH),
    swept!("sessions", DAY, 2, "expires_at <= ? OR ended_at <= ?"),
    swept!("interactions", Duration::ZERO),
    swept!("carried_requests", Duration::ZERO),
    swept!("authorization_codes", HOUR),
    swept!("device_codes", HOUR),
    // Not in the order of time: every walk goes through all of them.
    swept!("user_codes", Duration::ZERO),
    swept!("refresh_tokens", DAY),
    swept!("access_tokens", Duration::ZERO),
    swept!("grants", DAY),
    swept!("revocations", Duration::ZERO),
    swept!("one_time_links", Duration::ZERO),
    swept!("commits", Duration::ZERO),
    swept!("one_time_access_tokens", Duration::ZERO),
    // Its keys are in no order of time, but few rows are live and the walk goes on from where it stopped. Kept longer than they are good
    // for: a sweeper's clock that is ahead must not let one in twice.
    swept!("spent_assertions", HOUR),
    swept!("certificate_bindings", DAY),
];

/// The statements that sweep, which are made from the list above.
#[cfg(test)]
pub(crate) fn deletes() -> impl Iterator<Item = &'static str> {
    TABLES.iter().map(|table| table.delete)
}

impl Store {
    /// Deletes what has expired before `now`, in slices in key order, letting writes go first.
    ///
    /// # Errors
    /// When the engine refuses a read or a write; what was deleted until then stays deleted.
    pub async fn sweep(&self, now: Timestamp) -> Result<SweepReport, StorageError> {
        let mut report = SweepReport::default();
        for (index, table) in TABLES.iter().enumerate() {
            let deleted = self.sweep_table(index, now - table.kept_for).await?;
            if deleted > 0 {
                report.deleted.push((table.table, deleted));
            }
        }
        Ok(report)
    }

    async fn sweep_table(&self, table: usize, until: Timestamp) -> Result<u64, StorageError> {
        let mut deleted = 0;
        let mut after = Key::default();
        loop {
            let slice = self.sweep_slice(table, after, until).await?;
            deleted += slice.expired;
            after = match slice.last {
                None => return Ok(deleted),
                Some(last) => last,
            };
            if slice.expired == 0 {
                break;
            }
        }
        // The front is clean. Walk on from where the last walk stopped, if that is further.
        after = after.max(self.cursors.get(table).unwrap_or_default());
        let mut live = 0;
        while live < LIVE_SLICES {
            let slice = self.sweep_slice(table, after, until).await?;
            deleted += slice.expired;
            live += usize::from(slice.expired == 0);
            match slice.last {
                Some(last) => after = last,
                None => {
                    self.cursors.set(table, None);
                    return Ok(deleted);
                }
            }
        }
        self.cursors.set(table, Some(after));
        Ok(deleted)
    }

    async fn sweep_slice(&self, table: usize, after: Key, until: Timestamp) -> Result<Slice, StorageError> {
        let slice = self.read(Look { table, after, until }).await?;
        if let (Some(last), Some(latest)) = (slice.last_looked, slice.latest) {
            self.let_writes_go_first().await;
            if TABLES[table].table == "commits" {
                self.sweep_commits(after, last, latest).await?;
            } else {
                self.write(Delete { table, after, last, until }).await?;
            }
        }
        Ok(slice.into())
    }

    async fn sweep_commits(&self, after: Key, last: Key, until: Timestamp) -> Result<(), StorageError> {
        if !self.write(DeleteCommits { after, last, until }).await? {
            // The first time. Another node may be faster: the mark is there in any case.
            self.write(PutMark).await?;
            self.write(DeleteCommits { after, last, until }).await?;
        }
        Ok(())
    }

    async fn let_writes_go_first(&self) {
        let mut waited = Duration::ZERO;
        while self.stats().queue_depth > 0 && waited < COURTESY {
            let step = Duration::from_millis(5);
            tokio::time::sleep(step).await;
            waited += step;
        }
    }
}

struct Slice {
    /// Where the next slice begins; nothing when this was the last.
    last: Option<Key>,
    expired: u64,
}

struct Looked {
    last_looked: Option<Key>,
    rows: usize,
    expired: u64,
    /// When the last of those that have expired did.
    latest: Option<Timestamp>,
}

impl From<Looked> for Slice {
    fn from(looked: Looked) -> Self {
        Self { last: looked.last_looked.filter(|_| looked.rows == SLICE), expired: looked.expired }
    }
}

/// The next rows after a key, and how many of them have expired.
struct Look {
    table: usize,
    after: Key,
    until: Timestamp,
}

impl Query for Look {
    type Output = Looked;
    const ACCESS: Access = Access::Scan;

    fn statement(&self) -> Statement {
        let table = &TABLES[self.table];
        let mut params = vec![Value::from(self.until); table.instants];
        params.push(self.after.as_slice().into());
        Statement::new(table.look, params)
    }

    fn read(rows: &mut Rows<'_>) -> Result<Looked, StorageError> {
        let rows = rows.all(|row| Ok((row.get::<Key>(0)?, row.get::<Option<Timestamp>>(1)?)))?;
        Ok(Looked {
            last_looked: rows.last().map(|(id, _)| *id),
            rows: rows.len(),
            expired: rows.iter().map(|(_, expired)| u64::from(expired.is_some())).sum(),
            latest: rows.iter().filter_map(|(_, expired)| *expired).max(),
        })
    }
}

/// Deletes the expired rows of one slice.
struct Delete {
    table: usize,
    after: Key,
    last: Key,
    until: Timestamp,
}

impl Command for Delete {
    type Outcome = Applied;

    fn steps(&self, steps: &mut Steps) {
        let table = &TABLES[self.table];
        let mut params = params![self.after.as_slice(), self.last.as_slice()];
        params.extend(vec![Value::from(self.until); table.instants]);
        steps.any(table.delete, params);
    }

    fn outcome(&self, applied: Applied) -> Applied {
        applied
    }
}

/// Deletes the records of one slice, and says so in the same transaction: whoever then misses a record knows that it may have been
/// there. Refused where there is no mark yet.
struct DeleteCommits {
    after: Key,
    last: Key,
    /// When the last of them expired: a clock that is far ahead must not put the mark there.
    until: Timestamp,
}

impl Command for DeleteCommits {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        steps.one(
            "UPDATE commits SET expires_at = CASE WHEN expires_at < ? THEN ? ELSE expires_at END WHERE id = ?",
            params![self.until, self.until, SWEPT_MARK.as_slice()],
        );
        steps.any(
            "DELETE FROM commits WHERE id > ? AND id <= ? AND expires_at <= ?",
            params![self.after.as_slice(), self.last.as_slice(), self.until],
        );
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

struct PutMark;

impl Command for PutMark {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        steps.one(
            "INSERT INTO commits (id, voided, expires_at) VALUES (?, 1, 0)",
            params![SWEPT_MARK.as_slice()],
        );
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tables that have an `expires_at`.
    struct Expiring;

    impl Query for Expiring {
        type Output = Vec<String>;
        const ACCESS: Access = Access::Scan;
        fn statement(&self) -> Statement {
            let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%expires_at%' ORDER BY name";
            Statement::new(sql, params![])
        }
        fn read(rows: &mut Rows<'_>) -> Result<Vec<String>, StorageError> {
            rows.all(|row| row.get(0))
        }
    }

    #[tokio::test]
    async fn every_table_that_expires_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&crate::Options::at(folder.path().join("doorward.db"))).await.unwrap().store;
        let mut swept: Vec<&str> = TABLES.iter().map(|table| table.table).collect();
        swept.sort_unstable();
        assert_eq!(store.read(Expiring).await.unwrap(), swept);
        // Every statement is one the schema knows.
        assert_eq!(store.sweep(Timestamp::from_millis(0)).await.unwrap(), SweepReport::default());
    }

    #[test]
    fn the_slice_is_what_the_statements_say() {
        assert!(TABLES.iter().all(|table| table.look.ends_with(&format!("LIMIT {SLICE}"))));
    }
}
