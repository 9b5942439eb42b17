//! The thread that ships: begins generations, turns batches into segments, has bases made, and tries again. Knows when; formats, targets
//! and pages are others' business.

use crate::archive::{
    Batch, Catalog, GenerationName, Manifest, Place, SegmentName, Shipping, TargetError, encode, moment,
};
use crate::contract::row::sqlite::reading;
use crate::engine::clock;
use crate::engine::sqlite::connection;
use crate::engine::sqlite::guard::beside;
use crate::engine::sqlite::mailbox::Mailbox;
use crate::engine::sqlite::shipping::Progress;
use crate::engine::sqlite::shipping::base::{Base, BaseFailure, identity};
use crate::engine::sqlite::shipping::tap::{Found, Snapshot, Tap};
use protocol::Timestamp;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How soon something that failed is tried again, at first and at most.
const TRY_AGAIN: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));
/// Page cache of a connection that copies.
const CACHE: u64 = 4 << 20;

pub(super) struct Shipper {
    pub(super) options: Shipping,
    pub(super) database: PathBuf,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) tap: Arc<Tap>,
    pub(super) progress: Arc<Progress>,
}

/// A generation that is open.
struct Log {
    generation: GenerationName,
    /// Which database: see [`Manifest::database`].
    identity: String,
    next_segment: u64,
    after: [u8; 32],
    /// The last batch shipped, and its moment.
    last: u64,
    last_at: Timestamp,
    /// The batch of the newest finished base.
    based_on: Option<u64>,
    making: Option<JoinHandle<Result<Manifest, BaseFailure>>>,
    next_base: Instant,
    base_failures: u32,
}

/// Why no generation could begin.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error("{0} holds the backups of another database: one target belongs to one installation")]
    Another(String),
    #[error(transparent)]
    Engine(#[from] rusqlite::Error),
    #[error("the store is busy or closing")]
    NoSnapshot,
    #[error(transparent)]
    Thread(#[from] std::io::Error),
}

impl Shipper {
    /// Works until the store is closed and what is left was tried once.
    pub(super) fn run(self) {
        let mut failures = 0;
        while !self.tap.is_closed() {
            match self.begin() {
                Ok(log) => {
                    failures = 0;
                    self.follow(log);
                }
                Err(error) => {
                    self.tap.off();
                    self.failed(&format!("no generation of backups could begin: {error}"));
                    self.tap.pause(wait_after(failures));
                    failures += 1;
                }
            }
        }
    }

    fn begin(&self) -> Result<Log, Failure> {
        let catalog = Catalog::read(&*self.options.target)?;
        let connection = connection::reader(&self.database, CACHE, 0)?;
        let identity = identity(&connection)?;
        // By its name: nothing of what others wrote need be read for it.
        if catalog.newest().is_some_and(|newest| !newest.may_be_of(&identity)) {
            return Err(Failure::Another(self.options.target.to_string()));
        }
        let generation = GenerationName::new(catalog.next_number(), self.tap.now(), &identity);
        let snapshot = self.snapshot(connection, true)?;
        let mut log = Log {
            generation,
            identity,
            next_segment: 1,
            after: [0; 32],
            last: snapshot.batch,
            last_at: snapshot.at,
            based_on: None,
            making: None,
            next_base: clock::now() + self.options.base_every,
            base_failures: 0,
        };
        self.make_base(&mut log, snapshot)?;
        Ok(log)
    }

    fn snapshot(&self, connection: rusqlite::Connection, begins: bool) -> Result<Snapshot, Failure> {
        let snapshot = self.tap.snapshot(connection, begins, || self.mailbox.ask_snapshot());
        Ok(snapshot.ok_or(Failure::NoSnapshot)??)
    }

    /// A base is made on a thread of its own, so that segments go on meanwhile.
    fn make_base(&self, log: &mut Log, snapshot: Snapshot) -> Result<(), Failure> {
        let base = Base {
            snapshot,
            database: self.database.clone(),
            scratch: beside(&self.database, ".base"),
            target: Arc::clone(&self.options.target),
            sealer: Arc::clone(&self.options.sealer),
            generation: log.generation.clone(),
            identity: log.identity.clone(),
            keep_from: self.tap.now() - self.options.keep,
            tap: Arc::clone(&self.tap),
        };
        let thread = std::thread::Builder::new().name("storage-base".to_owned());
        log.making = Some(thread.spawn(move || base.make())?);
        Ok(())
    }

    /// Ships until the log breaks off or the store closes.
    fn follow(&self, mut log: Log) {
        loop {
            self.look_after_base(&mut log);
            let until = if log.making.is_some() { clock::now() + TRY_AGAIN.1 } else { log.next_base };
            match self.tap.collect(self.options.every, Some(until)) {
                Found::Batches { first, batches } => {
                    if !self.ship(&mut log, first, &batches) {
                        self.break_off(&log);
                        return;
                    }
                }
                Found::Nothing => {}
                Found::Broken(gap) => {
                    tracing::warn!(?gap, "the log of backups broke off; a new generation begins");
                    self.break_off(&log);
                    return;
                }
                Found::Closed => {
                    // It gives up what would take long; whoever closes the store does not wait forever either.
                    if let Some(making) = log.making.take() {
                        self.finished(&mut log, making);
                    }
                    return;
                }
            }
        }
    }

    /// Writes a segment, and tries again until it is there; false when that is given up.
    fn ship(&self, log: &mut Log, first: u64, batches: &[Batch]) -> bool {
        let (Some(oldest), Some(newest)) = (batches.first(), batches.last()) else { return true };
        let name = SegmentName {
            number: log.next_segment,
            first,
            last: first + batches.len() as u64 - 1,
            first_at: oldest.at,
            last_at: newest.at,
        };
        let place = Place { generation: &log.generation, name, after: Some(log.after) };
        let encoded = encode(&place, batches, &*self.options.sealer, &self.options.statements);
        let (bytes, digest) = match encoded {
            Ok(encoded) => encoded,
            Err(why) => {
                tracing::error!("changes cannot be shipped, a base of everything is: {why}");
                self.progress.failed();
                return false;
            }
        };
        let path = name.path(&log.generation);
        let mut failures = 0;
        while let Err(error) = self.options.target.put(&path, &bytes) {
            self.failed(&format!("changes could not be shipped: {error}"));
            if !self.tap.pause(wait_after(failures)) {
                return false;
            }
            failures += 1;
        }
        log.next_segment += 1;
        log.after = digest;
        (log.last, log.last_at) = (name.last, name.last_at);
        if log.based_on.is_some() {
            self.progress.shipped(log.last_at);
            self.tap.settled();
        }
        true
    }

    fn look_after_base(&self, log: &mut Log) {
        if let Some(making) = log.making.take_if(|making| making.is_finished()) {
            self.finished(log, making);
        }
        let due = log.next_base <= clock::now() && log.making.is_none();
        if due && log.based_on != Some(log.last) && !self.tap.is_closed() {
            let begun = connection::reader(&self.database, CACHE, 0)
                .map_err(Failure::from)
                .and_then(|connection| self.snapshot(connection, false))
                .and_then(|snapshot| self.make_base(log, snapshot));
            if let Err(error) = begun {
                self.base_failed(log, &error.to_string());
            }
        } else if due {
            log.next_base = clock::now() + self.options.base_every;
        }
    }

    fn finished(&self, log: &mut Log, making: JoinHandle<Result<Manifest, BaseFailure>>) {
        match making.join() {
            Ok(Ok(base)) => {
                tracing::info!(moment = %base.moment, bytes = base.bytes, parts = base.parts.len(), "a base was shipped");
                log.based_on = Some(base.batch);
                log.base_failures = 0;
                log.next_base = clock::now() + self.options.base_every;
                self.progress.shipped(base.at.max(log.last_at));
                self.tap.settled();
            }
            Ok(Err(error)) => self.base_failed(log, &error.to_string()),
            Err(_panic) => self.base_failed(log, "its thread ended with a defect"),
        }
    }

    fn base_failed(&self, log: &mut Log, why: &str) {
        self.failed(&format!("a base could not be made: {why}"));
        log.next_base = clock::now() + wait_after(log.base_failures);
        log.base_failures += 1;
    }

    fn break_off(&self, log: &Log) {
        if !self.tap.is_closed() {
            self.progress.broke_off();
            tracing::warn!(
                generation = log.generation.as_str(),
                shipped_until = %moment(log.last_at),
                "changes since then are only in the database until the next base is shipped"
            );
        }
        self.tap.off();
    }

    fn failed(&self, what: &str) {
        self.progress.failed();
        tracing::warn!("{what}");
    }
}

fn wait_after(failures: u32) -> Duration {
    (TRY_AGAIN.0 * 2_u32.saturating_pow(failures.min(10))).min(TRY_AGAIN.1)
}

impl From<rusqlite::Error> for BaseFailure {
    fn from(error: rusqlite::Error) -> Self {
        Self(reading(error).to_string())
    }
}
