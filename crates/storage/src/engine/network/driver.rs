//! What an engine on a server must be able to do, and the ways in which it fails. Knows no protocol and no queue.

use crate::contract::row::Fetched;
use crate::contract::{Statement, Step};
use crate::schema::dialect::Dialect;
use std::future::Future;

/// The step that records a commit, the last one of its transaction. Nothing else of a transaction looks at its row, so a driver may run it
/// earlier.
pub(crate) const RECORD: &str = "INSERT INTO commits (id, voided, expires_at) VALUES (?, ?, ?)";

/// An engine on a server: connections and what is done on one. A connection is used by one caller at a time; a caller that goes away in the
/// middle of a call drops the connection too, so no call needs to be safe to cancel.
pub(crate) trait Driver: Send + Sync + 'static {
    /// One connection, signed in.
    type Connection: Send + 'static;

    /// How it says things.
    const DIALECT: &'static Dialect;

    /// Opens a connection. The caller bounds how long it takes.
    fn connect(&self, purpose: Purpose)
    -> impl Future<Output = Result<Self::Connection, DriverError>> + Send;

    /// Whether the connection is known to be closed. Costs no round trip.
    fn is_closed(&self, connection: &Self::Connection) -> bool;

    /// Begins a transaction and runs the steps in order, in as few round trips as the driver can; neither commits nor rolls back. Answers how many rows each step
    /// changed (for an UPDATE: found, also where nothing in them changed). The driver may run on after a count that the step does not expect: the
    /// caller looks at the counts, and rolls back. After an error, the caller rolls back as well.
    fn run(
        &self,
        connection: &mut Self::Connection,
        steps: &[&Step],
    ) -> impl Future<Output = Result<Vec<u64>, StepFailure>> + Send;

    /// Runs the steps as [`Driver::run`] does, and commits, without a word in between: only for steps whose counts cannot be a surprise
    /// ([`Step::counts_itself`]). After an error of a step nothing was committed, and the caller rolls back; but after `Lost`, and after an
    /// error of the COMMIT itself (its place is after the last step's) that is none of those [`Driver::commit`] names, the caller finds out.
    fn run_and_commit(
        &self,
        connection: &mut Self::Connection,
        steps: &[&Step],
    ) -> impl Future<Output = Result<Vec<u64>, StepFailure>> + Send;

    /// Whether [`Driver::run_whole`] takes the steps of this one command and its record.
    fn takes_whole(&self, connection: &Self::Connection, steps: &[&Step]) -> bool;

    /// Does the same as [`Driver::run_and_commit`] by a single statement, also where a count may be a surprise: the server itself then keeps
    /// the COMMIT from taking place. `Counted` is the outcome of the step that is named. `Untold` says that nothing was committed, and not
    /// why: the caller rolls back, and learns that by [`Driver::run`].
    fn run_whole(
        &self,
        connection: &mut Self::Connection,
        steps: &[&Step],
    ) -> impl Future<Output = Result<(), StepFailure>> + Send;

    /// Commits what [`Driver::run`] began. `Conflict`, `Taken` and `Statement` say that it was certainly undone; after any other error the
    /// caller finds out whether it took place.
    fn commit(
        &self,
        connection: &mut Self::Connection,
    ) -> impl Future<Output = Result<(), DriverError>> + Send;

    /// Undoes what [`Driver::run`] began, also when the server has done so already.
    fn roll_back(
        &self,
        connection: &mut Self::Connection,
    ) -> impl Future<Output = Result<(), DriverError>> + Send;

    /// Answers the statements in order, from one snapshot when `snapshot` says so, and leaves no transaction open.
    fn query(
        &self,
        connection: &mut Self::Connection,
        statements: &[Statement],
        snapshot: bool,
    ) -> impl Future<Output = Result<Vec<Vec<Fetched>>, DriverError>> + Send;

    /// Runs statements of a migration, given whole, with semicolons between them; in one transaction where the dialect can roll tables back.
    fn script(
        &self,
        connection: &mut Self::Connection,
        scripts: &[String],
    ) -> impl Future<Output = Result<(), DriverError>> + Send;
}

/// What a connection is for: the driver sets the server's own time-outs accordingly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Transactions of commands: short waits for locks, `READ COMMITTED` or what the engine has that suits better.
    Write,
    /// Queries: nothing is ever changed, and none runs longer than the deadline of a scan.
    Read,
    /// Migrations: no time-out.
    Migrate,
}

/// A step that failed, and how.
#[derive(Debug)]
pub(crate) struct StepFailure {
    /// Counted from zero.
    pub(crate) step: usize,
    pub(crate) error: DriverError,
    /// The row counts of the steps before it, as far as they are known: the driver may have run on after one that was not as expected.
    pub(crate) counts: Vec<u64>,
}

/// Why the server did not do what was asked. Texts are for operators and hold no values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DriverError {
    /// A unique key is taken: an outcome.
    Taken,
    /// The step had another count than it must: an outcome. Only of [`Driver::run_whole`].
    Counted,
    /// A step failed, or had another count than it must; which one was not said. Only of [`Driver::run_whole`].
    Untold,
    /// Somebody else was first (serialization failure, deadlock, a lock that was not free in time): undone, and worth trying again.
    Conflict(String),
    /// The statement is wrong: a defect of this program.
    Statement(String),
    /// The statement took longer than its deadline and was stopped by the server.
    TimedOut,
    /// What the server holds is damaged.
    Corrupt(String),
    /// The connection is gone, or cannot be trusted any more. What was under way may or may not have been done.
    Lost(String),
    /// The server is there but cannot do it now: it starts or stops, is read-only, its disk is full, it has too many connections.
    Unavailable(String),
    /// The server refuses us for good: wrong password, no such database, too old.
    Refused(String),
}
