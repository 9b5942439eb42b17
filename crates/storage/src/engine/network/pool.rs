//! The connections that read: a few, opened when they are needed, each lent to one read at a time. Bounded in number, in waiting and in time.

use crate::contract::row::Fetched;
use crate::contract::{Statement, StorageError};
use crate::engine::network::attempt::in_words;
use crate::engine::network::backoff::Backoff;
use crate::engine::network::driver::{Driver, DriverError, Purpose};
use crate::engine::network::{Shared, closed};
use crate::engine::{NetworkOptions, clock};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, SemaphorePermit};

/// How often a read that others got in the way of is tried again (only engines that are always SERIALIZABLE do that).
const TRIES: u32 = 8;

/// The pool.
pub(super) struct Pool<D: Driver> {
    idle: Mutex<Vec<D::Connection>>,
    lent: Semaphore,
    /// What may scan gets only some of them, so that reads by key never wait for it.
    scans: Semaphore,
    waiting: AtomicUsize,
    max_waiting: usize,
    open: AtomicUsize,
}

impl<D: Driver> Pool<D> {
    pub(super) fn new(options: &NetworkOptions) -> Self {
        let all = options.read_connections.max(2);
        Self {
            idle: Mutex::default(),
            lent: Semaphore::new(all),
            scans: Semaphore::new(options.scan_connections.clamp(1, all - 1)),
            waiting: AtomicUsize::new(0),
            max_waiting: options.max_queued_reads,
            open: AtomicUsize::new(0),
        }
    }

    /// Nothing is lent any more.
    pub(super) fn close(&self) {
        self.lent.close();
        self.scans.close();
        self.idle().clear();
    }

    /// Connections in use or ready.
    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Reads that wait for one.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<D::Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a turn, within the bounds.
    async fn turn<'a>(
        &self,
        semaphore: &'a Semaphore,
        longest: Duration,
    ) -> Result<SemaphorePermit<'a>, StorageError> {
        if let Ok(permit) = semaphore.try_acquire() {
            return Ok(permit);
        }
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.max_waiting {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(StorageError::Overloaded { retry_after: Duration::from_secs(1) });
        }
        let _waiting = Counted(&self.waiting);
        match tokio::time::timeout(longest, semaphore.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_closed)) => Err(closed()),
            Err(_elapsed) => Err(StorageError::Overloaded { retry_after: longest }),
        }
    }
}

/// Counts down when it goes.
struct Counted<'a>(&'a AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection while it is lent. Unless it is given back it is closed: nobody knows in the middle of what its reader left.
struct Lent<'a, D: Driver> {
    pool: &'a Pool<D>,
    connection: Option<D::Connection>,
}

impl<D: Driver> Lent<'_, D> {
    fn give_back(mut self) {
        if let Some(connection) = self.connection.take()
            && !self.pool.lent.is_closed()
        {
            self.pool.open.fetch_add(1, Ordering::Relaxed);
            self.pool.idle().push(connection);
        }
    }
}

impl<D: Driver> Drop for Lent<'_, D> {
    fn drop(&mut self) {
        self.pool.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Answers the statements.
pub(super) async fn read<D: Driver>(
    shared: &Shared<D>,
    statements: &[Statement],
    scan: bool,
    snapshot: bool,
) -> Result<Vec<Vec<Fetched>>, StorageError> {
    let (pool, started) = (&shared.pool, clock::now());
    let (longest, patience) = match scan {
        true => (shared.options.scan_deadline, shared.options.scan_deadline),
        false => (shared.options.network.answer_deadline, shared.options.write_deadline),
    };
    let _scan = if scan { Some(pool.turn(&pool.scans, patience).await?) } else { None };
    let _lent = pool.turn(&pool.lent, patience).await?;
    let give_up_at = if scan { started + longest } else { clock::now() + longest };
    let (mut conflicts, mut tried, mut distrust) = (Backoff::of_conflicts(), 0, false);
    loop {
        tried += 1;
        let (mut lent, pooled) = connection(shared, started + patience, distrust).await?;
        let Some(connection) = &mut lent.connection else { return Err(closed()) };
        // The server stops a statement itself at the deadline of scans; this is for one that does not answer at all.
        let left = give_up_at.saturating_duration_since(clock::now())
            + Duration::from_millis(if scan { 500 } else { 0 });
        let queried = shared.driver.query(connection, statements, snapshot);
        match tokio::time::timeout(left, queried).await {
            Ok(Ok(answers)) => {
                lent.give_back();
                return Ok(answers);
            }
            // It lay idle while the server went away and came back. That is found out once; the next connection is a new one.
            Ok(Err(DriverError::Lost(_))) if pooled && !distrust => distrust = true,
            Ok(Err(DriverError::Conflict(_))) if tried < TRIES => {
                lent.give_back();
                conflicts.wait(&shared.ids).await;
            }
            Ok(Err(error)) => {
                let keep = matches!(
                    error,
                    DriverError::Statement(_) | DriverError::TimedOut | DriverError::Corrupt(_)
                );
                if keep {
                    lent.give_back();
                }
                return Err(reading(error));
            }
            Err(_elapsed) => {
                // A node that only reads must notice too. If it was this query alone, a lane finds that out at once.
                shared.ails("the database does not answer".to_owned());
                return Err(reading(DriverError::TimedOut));
            }
        }
    }
}

/// A connection that lay idle, or a new one; tries until the deadline while the server is away. Whether it had been used before.
async fn connection<D: Driver>(
    shared: &Shared<D>,
    deadline: Instant,
    distrust: bool,
) -> Result<(Lent<'_, D>, bool), StorageError> {
    let pool = &shared.pool;
    if distrust {
        let idle = std::mem::take(&mut *pool.idle());
        pool.open.fetch_sub(idle.len(), Ordering::Relaxed);
    }
    let mut backoff = Backoff::of_connecting();
    loop {
        // Also on later rounds: where the server takes no more connections, one that another read gave back will do.
        if let Some(lent) = idle(shared) {
            return Ok((lent, true));
        }
        let driver = Arc::clone(&shared.driver);
        // On the store's own runtime: the connection outlives the caller's.
        let connecting = shared.runtime.spawn(async move { driver.connect(Purpose::Read).await });
        let connected = tokio::time::timeout(shared.options.network.connect_deadline, connecting).await;
        let why = match connected {
            Ok(Ok(Ok(connection))) => {
                shared.counters.connects.fetch_add(1, Ordering::Relaxed);
                pool.open.fetch_add(1, Ordering::Relaxed);
                return Ok((Lent { pool, connection: Some(connection) }, false));
            }
            Ok(Ok(Err(error))) => in_words(error),
            Ok(Err(_ended)) => return Err(closed()),
            Err(_elapsed) => "the database does not answer".to_owned(),
        };
        shared.ails(why.clone());
        if clock::now() >= deadline {
            return Err(StorageError::Unavailable(why));
        }
        backoff.wait(&shared.ids).await;
    }
}

/// A connection that lay idle.
fn idle<D: Driver>(shared: &Shared<D>) -> Option<Lent<'_, D>> {
    let pool = &shared.pool;
    loop {
        let idle = pool.idle().pop()?;
        let lent = Lent { pool, connection: Some(idle) };
        if !lent.connection.as_ref().is_some_and(|connection| shared.driver.is_closed(connection)) {
            return Some(lent);
        }
    }
}

fn reading(error: DriverError) -> StorageError {
    match error {
        DriverError::TimedOut => {
            StorageError::Unavailable("a read took longer than its deadline and was stopped".to_owned())
        }
        DriverError::Corrupt(why) => StorageError::Corrupt(why),
        DriverError::Statement(why) => StorageError::Statement(why),
        error => StorageError::Unavailable(in_words(error)),
    }
}
