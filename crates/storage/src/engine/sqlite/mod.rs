//! SQLite behind the contract: one thread that writes, reads where they are asked, scans on a pool, checkpoints beside.
//!
//! Only this folder knows SQLite, apart from the enums that list the engines (`contract/row`, `contract/together.rs`, `nodes/store.rs`), and `contract/row/sqlite.rs`,
//! which reads its columns.

pub(crate) mod backup;
mod batch;
mod checkpointer;
mod connection;
pub(crate) mod doctor;
pub(crate) mod error;
pub(crate) mod filling;
mod guard;
mod log_room;
mod mailbox;
pub(crate) mod plain;
mod reader;
mod scan;
mod schema;
pub(crate) mod sealed;
pub(crate) mod shipping;
pub(crate) mod upgrade;
mod writer;

use crate::archive::ShippingStats;
use crate::contract::together::Together;
use crate::contract::{Access, Applied, OpenError, Steps, StorageError};
use crate::engine::job::{Claim, GiveUp, Job, Rejected};
use crate::engine::room::Room;
use crate::engine::stats::{Counters, READS_PER_SAMPLE, Stats};
use crate::engine::{Options, Schema, clock};
use checkpointer::{Checkpointer, Checkpoints};
use log_room::LogRoom;
use mailbox::Mailbox;
use protocol::Timestamp;
use reader::ReadSource;
use rusqlite::Connection;
use rusqlite::wal::CheckpointMode;
use scan::ScanPool;
use shipping::Ship;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use writer::{Hands, Health, Writer};

/// A running engine.
pub(crate) struct Sqlite {
    mailbox: Arc<Mailbox>,
    checkpoints: Arc<Checkpoints>,
    counters: Arc<Counters>,
    health: Arc<Health>,
    readers: Arc<ReadSource>,
    scans: Arc<ScanPool>,
    ship: Option<Arc<Ship>>,
    write_deadline: Duration,
    closed: watch::Receiver<bool>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Sqlite {
    /// Checks, locks, migrates and starts. What an operator should know but need not act on at once goes into `warnings`.
    pub(crate) fn open(
        path: &Path,
        options: &Options,
        warnings: &mut Vec<String>,
    ) -> Result<Self, OpenError> {
        let (lock, mut connection) = prepare(path, options, warnings)?;
        let sqlite = |error: rusqlite::Error| error::opening(path, &error);
        let io = |error: std::io::Error| OpenError::from_io(path, &error);
        let page_size: i64 =
            connection.pragma_query_value(None, "page_size", |row| row.get(0)).map_err(sqlite)?;

        let counters = Arc::new(Counters::default());
        let checkpoints = Arc::new(Checkpoints::new(
            page_size.unsigned_abs(),
            options.wal_soft_limit,
            options.wal_hard_limit,
            Arc::clone(&counters),
        ));
        checkpoints.watch(&mut connection).map_err(sqlite)?;
        let mailbox =
            Arc::new(Mailbox::new(Room::before_a_writer(options.max_queued, options.write_deadline)));
        let health = Arc::new(Health::default());
        let readers = ReadSource::new(path.to_owned(), options.reader_cache, options.mapped);
        let scans = ScanPool::new(Arc::clone(&readers), options.max_queued_scans, options.scan_deadline);

        let checkpointer = Checkpointer {
            connection: connection::checkpointer(path).map_err(sqlite)?,
            file: guard::sync_handle(path).map_err(io)?,
            mailbox: Arc::clone(&mailbox),
            checkpoints: Arc::clone(&checkpoints),
        };
        let ship = Ship::launch(path, options, &mailbox).map_err(io)?;
        let writer = Writer {
            connection,
            mailbox: Arc::clone(&mailbox),
            counters: Arc::clone(&counters),
            checkpoints: Arc::clone(&checkpoints),
            health: Arc::clone(&health),
            max_batch: options.max_batch.max(1),
            tap: ship.as_deref().map(Ship::tap),
            durability: options.durability,
            log_room: LogRoom::new(path),
            hands: Hands::default(),
        };
        let mut others = scans.start(options.scan_threads).map_err(io)?;
        others.push(named("storage-checkpoint").spawn(move || checkpointer.run()).map_err(io)?);
        let house = House {
            checkpoints: Arc::clone(&checkpoints),
            readers: Arc::clone(&readers),
            scans: Arc::clone(&scans),
            ship: ship.clone(),
            others,
            lock,
        };
        let (thread, closed) = house.open(writer).map_err(io)?;
        Ok(Self {
            mailbox,
            checkpoints,
            counters,
            health,
            readers,
            scans,
            ship,
            write_deadline: options.write_deadline,
            closed,
            writer: Mutex::new(Some(thread)),
        })
    }

    /// Applies a command: waits for its turn, then for the commit it is part of.
    pub(crate) async fn apply(&self, steps: Steps) -> Result<Applied, StorageError> {
        if steps.as_slice().is_empty() {
            return Ok(Applied::Done);
        }
        if self.checkpoints.over_hard_limit() {
            self.checkpoints.ask();
            return Err(overloaded(&self.counters.refused_log, Duration::from_secs(2)));
        }
        let (answer, mut answered) = oneshot::channel();
        let claim = Claim::default();
        let job = Job { steps, claim: claim.clone(), answer, since: clock::now() };
        match self.mailbox.send(job) {
            Ok(()) => {}
            Err(Rejected::Full) => {
                return Err(overloaded(&self.counters.refused_queue, Duration::from_secs(1)));
            }
            Err(Rejected::Closed) => return Err(closed()),
        }
        // A caller that goes away gives its job up, unless the writer has it already.
        let _on_leaving = GiveUp(claim.clone());
        match tokio::time::timeout(self.write_deadline, &mut answered).await {
            Ok(answer) => answer.unwrap_or_else(|_| Err(closed())),
            Err(_elapsed) if claim.give_up() => {
                Err(overloaded(&self.counters.refused_deadline, self.write_deadline))
            }
            // It is in a batch: only the truth will do.
            Err(_elapsed) => answered.await.unwrap_or_else(|_| Err(closed())),
        }
    }

    /// Reads: by key on the calling thread, scans on the pool.
    pub(crate) async fn read<S: Together>(
        &self,
        statements: S::Statements,
    ) -> Result<S::Output, StorageError> {
        match S::ACCESS {
            Access::Point => {
                let number = self.counters.point_reads.fetch_add(1, Relaxed);
                if !number.is_multiple_of(READS_PER_SAMPLE) {
                    return self.readers.read_here::<S>(statements);
                }
                let started = clock::now();
                let output = self.readers.read_here::<S>(statements);
                self.counters.read_times.record(started.elapsed());
                output
            }
            Access::Scan => {
                self.counters.scans.fetch_add(1, Relaxed);
                let started = clock::now();
                let output = meter::span("store.scan", self.scans.read::<S>(statements)).await;
                self.counters.scan_times.record(started.elapsed());
                output
            }
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats {
            is_file: true,
            queue_depth: self.mailbox.depth(),
            oldest_wait: self.mailbox.oldest_wait(),
            wal_frames: self.checkpoints.frames(),
            wal_bytes: self.checkpoints.bytes(),
            ..self.counters.read()
        }
    }

    /// How shipping goes; nothing when nothing is shipped.
    pub(crate) fn shipping(&self) -> Option<ShippingStats> {
        self.ship.as_ref().map(|ship| ship.stats())
    }

    /// A drill ended, well at an instant or not.
    pub(crate) fn drilled(&self, succeeded_at: Option<Timestamp>) {
        if let Some(ship) = &self.ship {
            ship.drilled(succeeded_at);
        }
    }

    /// Why writes do not work now; nothing when they do.
    pub(crate) fn trouble(&self) -> Option<String> {
        if self.mailbox.is_closed() {
            return Some("the store is closed".to_owned());
        }
        if self.checkpoints.over_hard_limit() {
            return Some(
                "the write-ahead log has reached its hard limit: a reader holds it, or the disk is too slow"
                    .to_owned(),
            );
        }
        if self.mailbox.oldest_wait() > self.write_deadline {
            return Some("writes wait past their deadline: the disk does not answer, or another program holds the lock".to_owned());
        }
        self.health.last_error()
    }

    /// Does what waits, copies the log back and lets the file go.
    pub(crate) async fn close(&self) {
        self.mailbox.close();
        // An error means that the writer is gone, and then so is the lock.
        let mut closed = self.closed.clone();
        let _gone = closed.wait_for(|closed| *closed).await;
    }
}

/// Turned away, and counted under its cause.
fn overloaded(cause: &AtomicU64, retry_after: Duration) -> StorageError {
    cause.fetch_add(1, Relaxed);
    StorageError::Overloaded { retry_after }
}

/// Everything before the threads start: the guards, the writing connection, the schema.
fn prepare(
    path: &Path,
    options: &Options,
    warnings: &mut Vec<String>,
) -> Result<(guard::DatabaseLock, Connection), OpenError> {
    if matches!(options.schema, Schema::AsItIs | Schema::OfExisting) && !path.exists() {
        return Err(OpenError::Missing { database: options.database.clone() });
    }
    guard::directory(path)?;
    let lock = guard::lock(path)?;
    guard::owner_only(path, warnings)?;
    guard::file_system(path, warnings);
    let sqlite = |error: rusqlite::Error| error::opening(path, &error);
    let mut connection = connection::writer(path, options).map_err(sqlite)?;
    let journal: String =
        connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).map_err(sqlite)?;
    if journal != "wal" {
        let why = "the file system does not support SQLite's write-ahead log".to_owned();
        return Err(OpenError::Failed { path: path.to_owned(), why });
    }
    schema::bring_up_to_date(&mut connection, path, options.schema)?;
    Ok((lock, connection))
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.mailbox.close();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer
            && writer.join().is_err()
        {
            tracing::error!("the writer ended with a defect");
        }
    }
}

/// What is shut, in this order, once the writer has nothing left to do.
struct House {
    checkpoints: Arc<Checkpoints>,
    readers: Arc<ReadSource>,
    scans: Arc<ScanPool>,
    ship: Option<Arc<Ship>>,
    others: Vec<JoinHandle<()>>,
    lock: guard::DatabaseLock,
}

impl House {
    /// Starts the writer. When it has ended, everything is shut, and that is told.
    fn open(self, writer: Writer) -> std::io::Result<(JoinHandle<()>, watch::Receiver<bool>)> {
        let (announce, closed) = watch::channel(false);
        let thread = named("storage-writer").spawn(move || {
            let connection = writer.run();
            self.shut(connection);
            // Nobody may be waiting for it.
            let _unheard = announce.send(true);
        });
        Ok((thread?, closed))
    }

    fn shut(self, writer: Connection) {
        self.checkpoints.stop();
        self.readers.close();
        self.scans.close();
        if let Some(ship) = self.ship {
            ship.land();
        }
        for thread in self.others {
            if thread.join().is_err() {
                tracing::error!("a thread of the store ended with a defect");
            }
        }
        // So that the one file is complete, and a copy of it is a copy of everything.
        if let Err(error) = writer.wal_checkpoint_v2(Some("main"), CheckpointMode::TRUNCATE) {
            tracing::warn!(%error, "the last checkpoint failed; the write-ahead log will be read at the next start");
        }
        drop(writer);
        drop(self.lock);
    }
}

fn named(name: &str) -> Builder {
    Builder::new().name(name.to_owned())
}

fn closed() -> StorageError {
    StorageError::Unavailable("the store is closed".to_owned())
}
