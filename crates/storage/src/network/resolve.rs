//! Finding out about a commit whose answer was lost. Its record's id is inserted again: taken means that it committed, inserted that it
//! never will. Both are for certain, because a key is taken once.

use crate::clock;
use crate::contract::Statement;
use crate::network::Shared;
use crate::network::attempt::{bounded, in_words, record};
use crate::network::backoff::Backoff;
use crate::network::driver::{Driver, DriverError, Purpose};
use crate::network::identity::CommitId;
use crate::params;
use crate::row::{Fetched, Rows, Source};
use std::sync::atomic::Ordering::Relaxed;

/// What was found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resolved {
    /// It took place.
    Committed,
    /// It never will.
    Voided,
    /// The server did not tell within the deadline.
    Unknown,
}

/// Asks until there is an answer, or the deadline passes.
pub(super) async fn resolve<D: Driver>(shared: &Shared<D>, id: CommitId) -> Resolved {
    shared.counters.resolved.fetch_add(1, Relaxed);
    let deadline = clock::now() + shared.options.network.resolve_deadline;
    let mut backoff = Backoff::of_connecting();
    while clock::now() < deadline {
        let left = deadline.saturating_duration_since(clock::now());
        match tokio::time::timeout(left, ask(shared, id)).await {
            Ok(Ok(resolved)) => return resolved,
            Ok(Err(why)) => shared.ails(why),
            Err(_elapsed) => break,
        }
        backoff.wait(&shared.ids).await;
    }
    shared.counters.undecided.fetch_add(1, Relaxed);
    tracing::error!(
        "it cannot be learned whether a commit took place: the database did not come back in time"
    );
    Resolved::Unknown
}

/// Asks once, on a connection of its own. An error says nothing about the commit.
async fn ask<D: Driver>(shared: &Shared<D>, id: CommitId) -> Result<Resolved, String> {
    let silent = || "the database does not answer".to_owned();
    let connecting = shared.driver.connect(Purpose::Write);
    let mut connection = bounded(shared, connecting).await.ok_or_else(silent)?.map_err(in_words)?;
    let void = record(id, true);
    match bounded(shared, shared.driver.run(&mut connection, &[&void])).await.ok_or_else(silent)? {
        Ok(_) => {
            bounded(shared, shared.driver.commit(&mut connection))
                .await
                .ok_or_else(silent)?
                .map_err(in_words)?;
            Ok(Resolved::Voided)
        }
        Err(failure) if failure.error == DriverError::Taken => {
            bounded(shared, shared.driver.roll_back(&mut connection))
                .await
                .ok_or_else(silent)?
                .map_err(in_words)?;
            let statement =
                Statement::new("SELECT voided FROM commits WHERE id = ?", params![id.0.as_slice()]);
            let statements = [statement];
            let asked = shared.driver.query(&mut connection, &statements, false);
            let answers = bounded(shared, asked).await.ok_or_else(silent)?.map_err(in_words)?;
            match voided(&answers) {
                Some(true) => Ok(Resolved::Voided),
                Some(false) => Ok(Resolved::Committed),
                None => Err("the record of a commit is taken and not there".to_owned()),
            }
        }
        // Also a lock that the transaction itself still holds: it will commit, or be undone when the server misses us.
        Err(failure) => Err(in_words(failure.error)),
    }
}

/// An earlier question may have been answered and its answer lost: then the record is ours.
fn voided(answers: &[Vec<Fetched>]) -> Option<bool> {
    let rows = answers.first()?;
    let read = Rows(Source::Fetched(rows.iter())).first(|row| row.get::<i64>(0));
    read.ok().flatten().map(|voided| voided != 0)
}
