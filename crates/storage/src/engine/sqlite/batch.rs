//! One batch in one transaction: who of it was applied, who refused. Knows statements and savepoints; knows no queue and no caller.

use crate::contract::{Applied, Step, Steps, StorageError};
use crate::engine::clock;
use crate::engine::job::Answer;
use crate::engine::sqlite::error::{StepFailure, stepping, writing};
use rusqlite::{Connection, params_from_iter};
use std::time::Duration;

/// How many batches run with savepoints after one had to be repeated.
const CAREFUL_BATCHES: u32 = 64;

/// Runs batches. A command that is refused by its first statement has nothing to undo; one that is refused later has. A savepoint
/// around each command costs a sixth of the throughput, so a batch first runs without any, and since commands are data it can be
/// repeated, with savepoints, in the rare case that one of them must be undone alone.
#[derive(Default)]
pub(super) struct Batches {
    careful_for: u32,
    last_commit: Duration,
}

enum Stop {
    /// A command must be undone, and there is no savepoint.
    Undo,
    /// The engine cannot write.
    Engine(StorageError),
}

/// What became of one command.
enum Fate {
    Applied,
    /// Refused or wrong; `dirty` when some of it must be undone.
    Not {
        answer: Answer,
        dirty: bool,
    },
}

impl Batches {
    /// Applies every command and commits, inside the transaction that the caller has begun. On an error nothing was applied and no
    /// transaction is open.
    pub(super) fn run(
        &mut self,
        connection: &Connection,
        batch: &[&Steps],
    ) -> Result<Vec<Answer>, StorageError> {
        let mut answers = Vec::with_capacity(batch.len());
        let ran = if self.careful_for > 0 {
            self.careful_for -= 1;
            careful(connection, batch, &mut answers)
        } else {
            match hopeful(connection, batch, &mut answers) {
                Err(Stop::Undo) => {
                    self.careful_for = CAREFUL_BATCHES;
                    repeat(connection, batch, &mut answers)
                }
                ran => ran,
            }
        };
        let ran = ran.and_then(|()| {
            let started = clock::now();
            execute(connection, "COMMIT")?;
            self.last_commit = started.elapsed();
            Ok(())
        });
        match ran {
            Ok(()) => Ok(answers),
            Err(stop) => {
                roll_back(connection);
                Err(match stop {
                    Stop::Engine(error) => error,
                    Stop::Undo => StorageError::Unavailable("a savepoint was lost".to_owned()),
                })
            }
        }
    }

    /// How long the COMMIT of the last batch took.
    pub(super) fn last_commit(&self) -> Duration {
        self.last_commit
    }
}

/// Ends an open transaction; some errors have ended it already.
pub(super) fn roll_back(connection: &Connection) {
    if !connection.is_autocommit()
        && let Err(error) = connection.execute_batch("ROLLBACK")
    {
        tracing::error!(%error, "a transaction could not be rolled back");
    }
}

fn hopeful(connection: &Connection, batch: &[&Steps], answers: &mut Vec<Answer>) -> Result<(), Stop> {
    for steps in batch {
        answers.push(match command(connection, steps)? {
            Fate::Applied => Ok(Applied::Done),
            Fate::Not { dirty: true, .. } => return Err(Stop::Undo),
            Fate::Not { answer, .. } => answer,
        });
    }
    Ok(())
}

fn repeat(connection: &Connection, batch: &[&Steps], answers: &mut Vec<Answer>) -> Result<(), Stop> {
    answers.clear();
    execute(connection, "ROLLBACK")?;
    execute(connection, "BEGIN IMMEDIATE")?;
    careful(connection, batch, answers)
}

fn careful(connection: &Connection, batch: &[&Steps], answers: &mut Vec<Answer>) -> Result<(), Stop> {
    for steps in batch {
        execute(connection, "SAVEPOINT command")?;
        answers.push(match command(connection, steps)? {
            Fate::Applied => Ok(Applied::Done),
            Fate::Not { answer, dirty } => {
                if dirty {
                    execute(connection, "ROLLBACK TO command")?;
                }
                answer
            }
        });
        execute(connection, "RELEASE command")?;
    }
    Ok(())
}

fn command(connection: &Connection, steps: &Steps) -> Result<Fate, Stop> {
    let mut changed_before = false;
    for (index, step) in steps.as_slice().iter().enumerate() {
        match run_step(connection, step) {
            Ok(changed) => {
                let changed = u64::try_from(changed).unwrap_or(u64::MAX);
                if step.expect.count().is_some_and(|count| count != changed) {
                    let dirty = changed_before || changed > 0;
                    return Ok(Fate::Not { answer: Ok(Applied::Refused { step: index }), dirty });
                }
                changed_before |= changed > 0;
            }
            // A statement that failed undid itself.
            Err(StepFailure::Taken) => {
                return Ok(Fate::Not { answer: Ok(Applied::Refused { step: index }), dirty: changed_before });
            }
            Err(StepFailure::Statement(error)) => {
                return Ok(Fate::Not { answer: Err(error), dirty: changed_before });
            }
            Err(StepFailure::Engine(error)) => return Err(Stop::Engine(error)),
        }
    }
    Ok(Fate::Applied)
}

fn run_step(connection: &Connection, step: &Step) -> Result<usize, StepFailure> {
    connection
        .prepare_cached(step.sql)
        .and_then(|mut statement| statement.execute(params_from_iter(step.params.iter())))
        .map_err(|error| stepping(&error))
}

fn execute(connection: &Connection, sql: &'static str) -> Result<(), Stop> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute([]))
        .map(|_| ())
        .map_err(|error| Stop::Engine(writing(&error)))
}
