//! The contract: every change of state is a [`Command`], every read a [`Query`], and both are values.
//!
//! A command is a list of statements with the row counts they must have, applied together or not at all. Being data, it can be
//! batched, retried, sent to another engine, and run by an engine without interactive transactions. Nothing here knows an engine.

pub mod change;
pub mod database;
pub mod error;
pub mod finding;
pub(crate) mod numbers;
pub mod opening;
pub mod plans;
pub mod row;
pub mod together;
pub mod value;

pub use change::Change;
pub use database::Database;
pub use error::StorageError;
pub use opening::OpenError;

use crate::contract::numbers::Undecided;
use crate::contract::row::Rows;
use crate::contract::value::Value;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// A change of state that no node keeps in memory.
///
/// A count that does not match, or a unique key that is taken, refuses the whole command; that is an outcome, not an error.
pub trait Command: Send + Sync {
    /// What the caller learns.
    type Outcome: Send;

    /// The statements, in order, with the row counts they must have.
    fn steps(&self, steps: &mut Steps);

    /// The caller's answer, from what was applied.
    fn outcome(&self, applied: Applied) -> Self::Outcome;
}

/// A change of state that nodes keep in memory too: a [`Command`] in all but who may write it. [`crate::Store::write`] does not take it, so that
/// nobody forgets to put memory right.
///
/// ```compile_fail
/// # use storage::{Store, revocation::RevokeAccessToken};
/// async fn forgets(store: Store, revoke: RevokeAccessToken) {
///     let _ = store.write(revoke).await;
/// }
/// ```
///
/// ```
/// # use storage::{Store, revocation::RevokeAccessToken};
/// async fn remembers(store: Store, revoke: RevokeAccessToken) {
///     let changes = store.write_announced(revoke).await.changes;
/// }
/// ```
pub trait Announcing: Send + Sync {
    /// What the caller learns.
    type Outcome: Send;

    /// The statements, in order, with the row counts they must have, and what they change in the memory of nodes.
    fn steps(&self, steps: &mut AnnouncingSteps);

    /// The caller's answer, from what was applied.
    fn outcome(&self, applied: Applied) -> Self::Outcome;
}

/// What became of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// Every step had its row count; all of it is durable (but see [`Steps::relax`]).
    Done,
    /// A step had another row count, or a unique key was taken; nothing of the command was applied.
    Refused {
        /// Which step, counted from zero.
        step: usize,
    },
}

impl Applied {
    /// Whether the command was applied.
    pub fn is_done(self) -> bool {
        self == Self::Done
    }
}

/// How many rows a step must change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Exactly so many; anything else refuses the command.
    Exactly(u64),
    /// Any number, zero included.
    Any,
    /// Exactly one, whose key the step before has freed. A key that is taken all the same means that somebody else did both in between:
    /// the command is tried again, not refused.
    Replacing,
}

impl Expect {
    /// The count, when there is one that must be met.
    pub fn count(self) -> Option<u64> {
        match self {
            Self::Exactly(count) => Some(count),
            Self::Any => None,
            Self::Replacing => Some(1),
        }
    }
}

/// One statement of a command.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Portable SQL, written once, `?` placeholders in order.
    pub sql: &'static str,
    /// One value per placeholder.
    pub params: Vec<Value>,
    /// The row count it must have.
    pub expect: Expect,
}

impl Step {
    /// Whether its count cannot be a surprise: any will do, or it is an INSERT of one row of values, which adds that row or fails.
    pub(crate) fn counts_itself(&self) -> bool {
        let Some(expected) = self.expect.count() else { return true };
        let values = self.sql.strip_prefix("INSERT INTO ").and_then(|insert| insert.split_once(") VALUES ("));
        // One parenthesis, at the end: no second row, nothing that is computed.
        let is_one_row = values.is_some_and(|(_, values)| values.find(['(', ')']) == Some(values.len() - 1));
        expected == 1 && is_one_row
    }
}

/// The statements of one command, and what it changes that other nodes keep in memory.
///
/// An engine keeps the steps until it knows what became of them.
#[derive(Debug, Clone, Default)]
pub struct Steps {
    steps: Vec<Step>,
    relaxed: bool,
    newcomers: bool,
    changes: Vec<Change>,
    undecided: Option<Arc<Undecided>>,
}

impl Steps {
    /// A statement that must change exactly `count` rows.
    pub fn exactly(&mut self, count: u64, sql: &'static str, params: Vec<Value>) {
        self.steps.push(Step { sql, params, expect: Expect::Exactly(count) });
    }

    /// A statement that must change exactly one row.
    pub fn one(&mut self, sql: &'static str, params: Vec<Value>) {
        self.exactly(1, sql, params);
    }

    /// A statement that may change any number of rows.
    pub fn any(&mut self, sql: &'static str, params: Vec<Value>) {
        self.steps.push(Step { sql, params, expect: Expect::Any });
    }

    /// A row in the place of whatever has its key: a DELETE by that key, then an INSERT. An upsert is spelled differently by every engine.
    pub fn replace(&mut self, delete: Statement, insert: Statement) {
        self.any(delete.sql, delete.params);
        self.steps.push(Step { sql: insert.sql, params: insert.params, expect: Expect::Replacing });
    }

    /// The statements in order.
    pub fn as_slice(&self) -> &[Step] {
        &self.steps
    }

    /// Gives up durability against power loss, never against a crash of this process: an engine may acknowledge the command before it is
    /// on the disk. Only for what nobody was promised and a person simply begins again, such as a sign-in page that was just opened.
    pub fn relax(&mut self) {
        self.relaxed = true;
    }

    /// Whether [`Steps::relax`] was called.
    pub fn is_relaxed(&self) -> bool {
        self.relaxed
    }

    /// This begins something for somebody nobody knows yet: when many writes wait, it is refused before those of people and programs
    /// that are inside.
    pub fn newcomers(&mut self) {
        self.newcomers = true;
    }

    /// Whether [`Steps::newcomers`] was called.
    pub(crate) fn is_newcomers(&self) -> bool {
        self.newcomers
    }

    pub(crate) fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// It could not be learned what became of the command.
    pub(crate) fn doubt(&mut self) {
        if let Some(undecided) = self.undecided.take() {
            undecided.linger();
        }
    }

    /// Goes when the steps go.
    pub(crate) fn carry(&mut self, undecided: Arc<Undecided>) {
        self.undecided = Some(undecided);
    }
}

/// The statements of a command that announces changes.
#[derive(Debug, Clone, Default)]
pub struct AnnouncingSteps(Steps);

impl AnnouncingSteps {
    /// Once the command is applied, other nodes hear of this change.
    pub fn announces(&mut self, change: Change) {
        self.0.changes.push(change);
    }

    pub(crate) fn into_steps(self) -> Steps {
        self.0
    }
}

impl Deref for AnnouncingSteps {
    type Target = Steps;

    fn deref(&self) -> &Steps {
        &self.0
    }
}

impl DerefMut for AnnouncingSteps {
    fn deref_mut(&mut self) -> &mut Steps {
        &mut self.0
    }
}

/// How a query reaches its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// By key: a few microseconds, run inline on the calling thread.
    Point,
    /// It may scan (lists, reports): run on a small pool of reader threads, bounded by a deadline.
    Scan,
}

/// One statement that reads.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// Portable SQL, written once, `?` placeholders in order.
    pub sql: &'static str,
    /// One value per placeholder.
    pub params: Vec<Value>,
}

impl Statement {
    /// A statement and its parameters.
    pub fn new(sql: &'static str, params: Vec<Value>) -> Self {
        Self { sql, params }
    }
}

/// A read.
pub trait Query: Send + Sync {
    /// What the caller learns: usually `Option<Record>` or `Vec<Record>`.
    type Output: Send + 'static;

    /// By key unless the query says otherwise.
    const ACCESS: Access = Access::Point;

    /// The statement and its parameters.
    fn statement(&self) -> Statement;

    /// Reads the answer's rows. Without `self`, so that it can run on another thread.
    ///
    /// # Errors
    /// When a column holds something other than its type.
    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_insert_of_one_row_counts_itself_and_what_may_find_none_does_not() {
        let of = |expect, sql| Step { sql, params: Vec::new(), expect }.counts_itself();
        let one = Expect::Exactly(1);
        assert!(of(one, "INSERT INTO t (a, b) VALUES (?, NULL)"));
        assert!(of(Expect::Replacing, "INSERT INTO t (a) VALUES (?)"));
        assert!(of(Expect::Any, "UPDATE t SET a = ?"));
        for sql in [
            "UPDATE t SET a = ?",
            "DELETE FROM t WHERE a = ?",
            "INSERT INTO t (a) SELECT ? WHERE EXISTS (SELECT 1 FROM u)",
            "INSERT INTO t (a) VALUES (?), (?)",
            "INSERT INTO t (a) VALUES (?) ON CONFLICT DO NOTHING",
            "INSERT INTO t (a) VALUES (coalesce(?, 1))",
        ] {
            assert!(!of(one, sql), "{sql}");
        }
        assert!(!of(Expect::Exactly(2), "INSERT INTO t (a) VALUES (?)"));
    }
}
