//! The small pool of threads that run queries which may scan: bounded in number, in waiting and in time.

use crate::contract::StorageError;
use crate::contract::row::sqlite::reading;
use crate::contract::together::Together;
use crate::engine::clock;
use crate::engine::sqlite::reader::{ReadSource, run};
use rusqlite::Connection;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How many steps of SQLite's machine pass between two looks at the clock: about a tenth of a millisecond.
const STEPS_BETWEEN_LOOKS: std::ffi::c_int = 4_000;

/// What the pool runs: it gets a connection, or the reason there is none.
type Work = Box<dyn FnOnce(Result<&Connection, StorageError>) + Send>;

/// The pool.
pub(super) struct ScanPool {
    source: Arc<ReadSource>,
    queue: Mutex<Queue>,
    wake: Condvar,
    max: usize,
    deadline: Duration,
    opened: Instant,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<(Instant, Work)>,
    closed: bool,
}

impl ScanPool {
    pub(super) fn new(source: Arc<ReadSource>, max: usize, deadline: Duration) -> Arc<Self> {
        Arc::new(Self {
            source,
            queue: Mutex::default(),
            wake: Condvar::new(),
            max,
            deadline,
            opened: clock::now(),
        })
    }

    /// Starts the threads.
    pub(super) fn start(self: &Arc<Self>, threads: usize) -> std::io::Result<Vec<JoinHandle<()>>> {
        (0..threads.max(1))
            .map(|number| {
                let pool = Arc::clone(self);
                std::thread::Builder::new().name(format!("storage-scan-{number}")).spawn(move || pool.work())
            })
            .collect()
    }

    /// Runs the statements on a pool thread.
    pub(super) async fn read<S: Together>(
        &self,
        statements: S::Statements,
    ) -> Result<S::Output, StorageError> {
        let (answer, answered) = oneshot::channel();
        self.send(Box::new(move |connection| {
            if answer.is_closed() {
                return;
            }
            let output = connection.and_then(|connection| run::<S>(connection, statements));
            // A caller that has gone needs no answer.
            let _gone = answer.send(output);
        }))?;
        answered.await.unwrap_or_else(|_| {
            Err(StorageError::Unavailable("a scan met a defect or the store was closed".to_owned()))
        })
    }

    /// Takes nothing more and drops what waits.
    pub(super) fn close(&self) {
        let mut queue = self.lock();
        queue.closed = true;
        queue.waiting.clear();
        drop(queue);
        self.wake.notify_all();
    }

    fn send(&self, work: Work) -> Result<(), StorageError> {
        let mut queue = self.lock();
        if queue.closed {
            return Err(StorageError::Unavailable("the store is closed".to_owned()));
        }
        if queue.waiting.len() >= self.max {
            return Err(StorageError::Overloaded { retry_after: Duration::from_secs(1) });
        }
        queue.waiting.push_back((clock::now(), work));
        drop(queue);
        self.wake.notify_one();
        Ok(())
    }

    fn work(&self) {
        let stop_at = Arc::new(AtomicU64::new(u64::MAX));
        let mut connection = None;
        while let Some((since, work)) = self.next() {
            if clock::now().saturating_duration_since(since) > self.deadline {
                work(Err(StorageError::Overloaded { retry_after: self.deadline }));
                continue;
            }
            stop_at.store(self.micros(since + self.deadline), Ordering::Relaxed);
            let ran = catch_unwind(AssertUnwindSafe(|| match self.connected(&mut connection, &stop_at) {
                Ok(connection) => work(Ok(connection)),
                Err(error) => work(Err(error)),
            }));
            if ran.is_err() {
                // The caller's sender is gone, so it has its answer; the connection may be inside a transaction.
                connection = None;
            }
        }
    }

    fn connected<'a>(
        &self,
        kept: &'a mut Option<Connection>,
        stop_at: &Arc<AtomicU64>,
    ) -> Result<&'a Connection, StorageError> {
        if kept.is_none() {
            let mut connection = self.source.open()?;
            let (stop_at, opened) = (Arc::clone(stop_at), self.opened);
            connection
                .progress_handler(
                    STEPS_BETWEEN_LOOKS,
                    Some(move || micros_between(opened, clock::now()) > stop_at.load(Ordering::Relaxed)),
                )
                .map_err(reading)?;
            *kept = Some(connection);
        }
        kept.as_ref().ok_or_else(|| StorageError::Unavailable("no connection".to_owned()))
    }

    fn next(&self) -> Option<(Instant, Work)> {
        let mut queue = self.lock();
        loop {
            if let Some(work) = queue.waiting.pop_front() {
                return Some(work);
            }
            if queue.closed {
                return None;
            }
            queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn micros(&self, at: Instant) -> u64 {
        micros_between(self.opened, at)
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn micros_between(from: Instant, to: Instant) -> u64 {
    u64::try_from(to.saturating_duration_since(from).as_micros()).unwrap_or(u64::MAX)
}
