//! Reading connections, one per thread and store, kept while the thread lives. Knows how a read runs; knows no pool and no deadline.

use crate::contract::StorageError;
use crate::contract::row::sqlite::reading;
use crate::contract::together::{AnswerSource, Answers, Together};
use crate::engine::sqlite::connection;
use rusqlite::Connection;
use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What readers of one store share.
pub(super) struct ReadSource {
    /// Tells stores of one process apart: a thread may read from several.
    id: u64,
    path: PathBuf,
    cache: u64,
    mapped: u64,
    closed: AtomicBool,
}

/// A reading connection.
struct Reader {
    source: Arc<ReadSource>,
    connection: Connection,
}

thread_local! {
    static READERS: RefCell<Vec<Reader>> = const { RefCell::new(Vec::new()) };
}

static NEXT_ID: AtomicU64 = AtomicU64::new(0);

impl ReadSource {
    pub(super) fn new(path: PathBuf, cache: u64, mapped: u64) -> Arc<Self> {
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self { id, path, cache, mapped, closed: AtomicBool::new(false) })
    }

    /// No read begins after this; each thread closes its connection when it next opens one, or ends.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        READERS.with_borrow_mut(|readers| readers.retain(|reader| reader.source.id != self.id));
    }

    /// A new connection, outside the thread's own.
    pub(super) fn open(&self) -> Result<Connection, StorageError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(StorageError::Unavailable("the store is closed".to_owned()));
        }
        connection::reader(&self.path, self.cache, self.mapped).map_err(reading)
    }

    /// Runs on the calling thread, with its own connection.
    pub(super) fn read_here<S: Together>(
        self: &Arc<Self>,
        statements: S::Statements,
    ) -> Result<S::Output, StorageError> {
        let reader = self.borrow()?;
        let output = run::<S>(&reader.connection, statements);
        // After an engine failure the connection is not trusted again.
        if !matches!(output, Err(StorageError::Unavailable(_) | StorageError::Corrupt(_))) {
            READERS.with_borrow_mut(|readers| readers.push(reader));
        }
        output
    }

    /// Takes this thread's connection out of its place, so that a read inside a read would open a second one.
    fn borrow(self: &Arc<Self>) -> Result<Reader, StorageError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(StorageError::Unavailable("the store is closed".to_owned()));
        }
        let kept = READERS.with_borrow_mut(|readers| {
            let place = readers.iter().position(|reader| reader.source.id == self.id)?;
            Some(readers.swap_remove(place))
        });
        match kept {
            Some(reader) => Ok(reader),
            None => {
                READERS.with_borrow_mut(|readers| {
                    readers.retain(|reader| !reader.source.closed.load(Ordering::Acquire));
                });
                Ok(Reader { source: Arc::clone(self), connection: self.open()? })
            }
        }
    }
}

/// Runs the statements on a connection, in one read transaction when they must agree.
pub(super) fn run<S: Together>(
    connection: &Connection,
    statements: S::Statements,
) -> Result<S::Output, StorageError> {
    let mut answers = Answers(AnswerSource::Sqlite(connection));
    if !S::SNAPSHOT {
        return S::read(statements, &mut answers);
    }
    execute(connection, "BEGIN")?;
    let output = S::read(statements, &mut answers);
    execute(connection, "COMMIT")?;
    output
}

fn execute(connection: &Connection, sql: &'static str) -> Result<(), StorageError> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute([]))
        .map(|_| ())
        .map_err(reading)
}
