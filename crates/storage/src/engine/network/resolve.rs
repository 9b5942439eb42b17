//! Finding out about a commit whose answer was lost. Its record's id is inserted again: taken means that it committed, inserted that it
//! never will. Both are for certain, because a key is taken once, and because a mark says which records were swept: a node whose clock is
//! ahead may sweep the record of a commit whose answer is still on its way.

use crate::contract::Statement;
use crate::contract::row::{Fetched, Rows, Source};
use crate::engine::clock;
use crate::engine::network::Shared;
use crate::engine::network::attempt::{Record, bounded, in_words};
use crate::engine::network::backoff::Backoff;
use crate::engine::network::driver::{Driver, DriverError, Purpose};
use crate::params;
use std::sync::atomic::Ordering::Relaxed;

/// The row of `commits` that is no commit's: up to its `expires_at`, records may be gone.
pub(crate) const SWEPT_MARK: [u8; 16] = [0; 16];

/// What was found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resolved {
    /// It took place.
    Committed,
    /// It never will.
    Voided,
    /// The server did not tell within the deadline, or its record was swept already, if there was one.
    Unknown,
}

/// Asks until there is an answer, or the deadline passes.
pub(super) async fn resolve<D: Driver>(shared: &Shared<D>, record: Record) -> Resolved {
    shared.counters.resolved.fetch_add(1, Relaxed);
    let resolved = asked(shared, record).await;
    if resolved == Resolved::Unknown {
        shared.counters.undecided.fetch_add(1, Relaxed);
        tracing::error!(
            "it cannot be learned whether a commit took place: the database did not come back in time, or another node's clock is ahead"
        );
    }
    resolved
}

async fn asked<D: Driver>(shared: &Shared<D>, record: Record) -> Resolved {
    let deadline = clock::now() + shared.options.network.resolve_deadline;
    let mut backoff = Backoff::of_connecting();
    while clock::now() < deadline {
        let left = deadline.saturating_duration_since(clock::now());
        match tokio::time::timeout(left, ask(shared, record)).await {
            Ok(Ok(resolved)) => return resolved,
            Ok(Err(why)) => shared.ails(why),
            Err(_elapsed) => break,
        }
        backoff.wait(&shared.ids).await;
    }
    Resolved::Unknown
}

/// Asks once, on a connection of its own. An error says nothing about the commit.
async fn ask<D: Driver>(shared: &Shared<D>, record: Record) -> Result<Resolved, String> {
    let connecting = shared.driver.connect(Purpose::Write);
    let mut connection = bounded(shared, connecting).await.ok_or_else(silent)?.map_err(in_words)?;
    let void = record.step(true);
    match bounded(shared, shared.driver.run(&mut connection, &[&void])).await.ok_or_else(silent)? {
        Ok(_) => {
            let committed = bounded(shared, shared.driver.commit(&mut connection)).await;
            committed.ok_or_else(silent)?.map_err(in_words)?;
        }
        Err(failure) if failure.error == DriverError::Taken => {
            let undone = bounded(shared, shared.driver.roll_back(&mut connection)).await;
            undone.ok_or_else(silent)?.map_err(in_words)?;
        }
        // Also a lock that the transaction itself still holds: it will commit, or be undone when the server misses us.
        Err(failure) => return Err(in_words(failure.error)),
    }
    // After the key was found to be taken or free: a sweep from now on changes nothing about that.
    let found = look(shared, &mut connection, record).await?;
    match found.voided {
        Some(0) => Ok(Resolved::Committed),
        // Our own, of now or of a question whose answer was lost. What it took the place of may have been swept.
        Some(_) if !found.may_be_swept => Ok(Resolved::Voided),
        _ if found.may_be_swept => Ok(Resolved::Unknown),
        _ => Err("the record of a commit is taken and not there".to_owned()),
    }
}

/// Looks on the connection that the commit was asked for on, which still answers: what it was told before is over once it has rolled back,
/// so a record that is not there never will be. The connection is of no further use. An error says nothing about the commit.
pub(super) async fn look_after<D: Driver>(
    shared: &Shared<D>,
    connection: &mut D::Connection,
    record: Record,
) -> Result<Resolved, String> {
    shared.driver.roll_back(connection).await.map_err(in_words)?;
    let found = look(shared, connection, record).await?;
    Ok(match found.voided {
        Some(_) => Resolved::Committed,
        None if found.may_be_swept => Resolved::Unknown,
        None => Resolved::Voided,
    })
}

/// What there is of a record.
struct Found {
    voided: Option<i64>,
    /// Records of its time are gone.
    may_be_swept: bool,
}

async fn look<D: Driver>(
    shared: &Shared<D>,
    connection: &mut D::Connection,
    record: Record,
) -> Result<Found, String> {
    let statements = [
        Statement::new("SELECT voided FROM commits WHERE id = ?", params![record.id.0.as_slice()]),
        Statement::new("SELECT expires_at FROM commits WHERE id = ?", params![SWEPT_MARK.as_slice()]),
    ];
    let answered = bounded(shared, shared.driver.query(connection, &statements, false)).await;
    let answers = answered.ok_or_else(silent)?.map_err(in_words)?;
    let swept_until = number(&answers, 1)?.unwrap_or(i64::MIN);
    Ok(Found { voided: number(&answers, 0)?, may_be_swept: record.expires_at <= swept_until })
}

fn silent() -> String {
    "the database does not answer".to_owned()
}

/// The number in the one row of an answer, if there is a row.
fn number(answers: &[Vec<Fetched>], index: usize) -> Result<Option<i64>, String> {
    let rows = answers.get(index).map(Vec::as_slice).unwrap_or_default();
    let read = Rows(Source::Fetched(rows.iter())).first(|row| row.get::<i64>(0));
    read.map_err(|error| error.to_string())
}
