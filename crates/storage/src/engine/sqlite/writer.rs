//! The one thread that writes: takes everything that waits, applies it in one transaction, commits once, and only then answers.
//!
//! It binds and steps, nothing else: ids, hashes and JSON are made before a command is sent. There is no timer: a lone write does not
//! wait for company, and under load a batch gathers while the commit before it reaches the disk.

use crate::contract::{Applied, Steps, StorageError};
use crate::engine::job::{Answer, Job};
use crate::engine::sqlite::batch::{Batches, roll_back};
use crate::engine::sqlite::checkpointer::Checkpoints;
use crate::engine::sqlite::error::{is_busy, writing};
use crate::engine::sqlite::log_room::LogRoom;
use crate::engine::sqlite::mailbox::Mailbox;
use crate::engine::sqlite::shipping::TapEnd;
use crate::engine::stats::Counters;
use crate::engine::{Durability, clock};
use rusqlite::Connection;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often a writer that could not write tries again by itself: a server that is not ready gets no traffic that would.
const PROBE_EVERY: Duration = Duration::from_millis(500);

/// What the writer shares with those who ask about it.
#[derive(Default)]
pub(super) struct Health(Mutex<Option<String>>);

impl Health {
    /// Why the last write could not be done; nothing when it could.
    pub(super) fn last_error(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, error: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }
}

/// The writer's side of the store.
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) counters: Arc<Counters>,
    pub(super) checkpoints: Arc<Checkpoints>,
    pub(super) health: Arc<Health>,
    pub(super) max_batch: usize,
    /// Where what was applied is passed on to, when it is shipped.
    pub(super) tap: Option<TapEnd>,
    pub(super) durability: Durability,
    pub(super) log_room: LogRoom,
    pub(super) hands: Hands,
}

/// What the writer holds between turns.
#[derive(Default)]
pub(super) struct Hands {
    backlog: VecDeque<Job>,
    spare: Vec<Job>,
    batch: Vec<Job>,
    batches: Batches,
    ailing: bool,
    /// Whether commits reach the disk before they return now.
    relaxed: bool,
}

/// A writer that ends, however it ends, leaves nobody waiting.
struct LastWill(Arc<Mailbox>);

impl Drop for LastWill {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl Writer {
    /// Works until the mailbox is closed and empty, then gives the connection back.
    pub(super) fn run(mut self) -> Connection {
        let _last_will = LastWill(Arc::clone(&self.mailbox));
        loop {
            let patience = self.hands.ailing.then_some(PROBE_EVERY);
            let turn = self.mailbox.collect(&mut self.hands.backlog, &mut self.hands.spare, patience);
            if turn.checkpoint {
                self.checkpoints.pass_between_batches(&self.connection);
            }
            if turn.snapshot
                && let Some(tap) = &mut self.tap
            {
                tap.take_snapshot(&self.connection);
            }
            if self.hands.backlog.is_empty() {
                if turn.closed {
                    return self.connection;
                }
                if self.hands.ailing {
                    self.probe();
                }
                continue;
            }
            self.one_batch();
        }
    }

    fn one_batch(&mut self) {
        if let Err(error) = self.be_as_durable_as_asked().and_then(|()| self.begin()) {
            self.claim();
            self.fail(&error);
            return;
        }
        self.claim();
        if self.hands.batch.is_empty() {
            roll_back(&self.connection);
            return;
        }
        if let Some(tap) = &mut self.tap {
            tap.look_for_others(&self.connection);
        }
        let started = clock::now();
        let Hands { batch, batches, .. } = &mut self.hands;
        let connection = &self.connection;
        let commands: Vec<&Steps> = batch.iter().map(|job| &job.steps).collect();
        // A panic here is a defect; it must cost one batch, not the server's ability to write.
        let ran = catch_unwind(AssertUnwindSafe(|| batches.run(connection, &commands)));
        drop(commands);
        match ran {
            Ok(Ok(answers)) => self.answer(answers, clock::now().saturating_duration_since(started)),
            Ok(Err(error)) => self.fail(&error),
            Err(_panic) => {
                roll_back(&self.connection);
                self.fail(&StorageError::Unavailable(
                    "the writer met a defect and undid its batch".to_owned(),
                ));
            }
        }
    }

    /// Commits reach the disk unless nobody who waits asks for it. Asked of what waits now: a batch that is smaller is only safer.
    fn be_as_durable_as_asked(&mut self) -> Result<(), StorageError> {
        if self.durability == Durability::Process {
            return Ok(());
        }
        let relaxed = self.hands.backlog.iter().all(|job| job.steps.is_relaxed());
        if relaxed != self.hands.relaxed {
            let level = if relaxed { "NORMAL" } else { "FULL" };
            self.connection.pragma_update(None, "synchronous", level).map_err(|error| writing(&error))?;
            self.hands.relaxed = relaxed;
        }
        Ok(())
    }

    /// Begins the transaction. While another program holds the lock, it tries on: callers give up by their deadline, not by its patience.
    fn begin(&mut self) -> Result<(), StorageError> {
        loop {
            let begun =
                self.connection.prepare_cached("BEGIN IMMEDIATE").and_then(|mut begin| begin.execute([]));
            match begun {
                Ok(_) => return Ok(()),
                Err(error) if is_busy(&error) && self.drop_unwanted() => {}
                Err(error) => return Err(writing(&error)),
            }
        }
    }

    /// Drops what callers gave up; whether anything is left.
    fn drop_unwanted(&mut self) -> bool {
        let before = self.hands.backlog.len();
        self.hands.backlog.retain(|job| job.claim.is_wanted());
        self.mailbox.begun(before - self.hands.backlog.len());
        self.mailbox.note_oldest(self.hands.backlog.front());
        !self.hands.backlog.is_empty() && !self.mailbox.is_closed()
    }

    /// Takes the next batch out of the backlog, without the jobs that their callers gave up.
    fn claim(&mut self) {
        let count = self.hands.backlog.len().min(self.max_batch);
        self.hands.batch.extend(self.hands.backlog.drain(..count).filter(|job| job.claim.take()));
        let now = clock::now();
        for job in &self.hands.batch {
            self.counters.waits.record(now.saturating_duration_since(job.since));
        }
        self.mailbox.begun(count);
        self.mailbox.note_oldest(self.hands.backlog.front());
    }

    fn answer(&mut self, answers: Vec<Answer>, took: Duration) {
        let refused = answers.iter().filter(|answer| matches!(answer, Ok(Applied::Refused { .. }))).count();
        self.counters.committed(answers.len(), refused, took);
        self.counters.commits.record(self.hands.batches.last_commit());
        self.recovered();
        if let Some(tap) = &self.tap {
            tap.pass_on(&mut self.hands.batch, &answers);
        }
        for (job, answer) in self.hands.batch.drain(..).zip(answers) {
            // A caller that has gone needs no answer.
            let _gone = job.answer.send(answer);
        }
        self.checkpoints.after_commit();
        self.log_room.after_commit(self.checkpoints.bytes());
    }

    fn fail(&mut self, error: &StorageError) {
        tracing::error!(%error, commands = self.hands.batch.len(), "a batch of writes failed and was undone");
        self.counters.failed.fetch_add(self.hands.batch.len() as u64, std::sync::atomic::Ordering::Relaxed);
        self.hands.ailing = true;
        self.health.set(Some(error.to_string()));
        for job in self.hands.batch.drain(..) {
            let _gone = job.answer.send(Err(error.clone()));
        }
        // Copying the log back may free the room that was missing.
        self.checkpoints.ask();
        // A failed sync leaves frames in the log that SQLite does not count but recovery might; writing again replaces them. It proves
        // little else: a small write may fit where the batch did not, so whether writing works is asked a little later.
        let _still_failing = self.write_nothing();
    }

    /// Learns whether writing works again.
    fn probe(&mut self) {
        match self.write_nothing() {
            Ok(()) => self.recovered(),
            Err(error) => self.health.set(Some(writing(&error).to_string())),
        }
    }

    /// Commits something that means nothing.
    fn write_nothing(&self) -> rusqlite::Result<()> {
        let wrote = self.connection.execute_batch("BEGIN IMMEDIATE; PRAGMA user_version = 0; COMMIT");
        roll_back(&self.connection);
        wrote
    }

    fn recovered(&mut self) {
        if std::mem::take(&mut self.hands.ailing) {
            self.health.set(None);
            tracing::info!("writes work again");
        }
    }
}
