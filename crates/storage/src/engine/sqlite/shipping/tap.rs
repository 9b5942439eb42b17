//! Between the writer and the shipper: committed batches, in order, up to a limit. Knows what the writer may not be kept waiting for;
//! knows no target.
//!
//! The writer moves a batch in after its commit and before its answers: what was acknowledged is in here, or its loss is known.

use crate::archive::Batch;
use crate::contract::value::Value;
use crate::contract::{Applied, Steps};
use crate::engine::clock;
use crate::engine::job::{Answer, Job};
use protocol::Timestamp;
use rusqlite::Connection;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So much is shipped without waiting for the interval, and about so much at once.
const SEGMENT: usize = 4 << 20;
/// How long a snapshot may take to begin: the writer may be in a slow commit.
const SNAPSHOT_PATIENCE: Duration = Duration::from_secs(60);

pub(in crate::engine::sqlite) struct Tap {
    state: Mutex<State>,
    changed: Condvar,
    now: fn() -> Timestamp,
    max_buffered: usize,
}

struct State {
    log: Log,
    queue: Vec<Batch>,
    bytes: usize,
    /// The last batch's number in this generation, and its moment. Moments never go back, whatever the clock does.
    last: u64,
    last_at: Timestamp,
    /// Since when something is not restorable.
    behind_since: Option<Timestamp>,
    snapshot: Slot,
    asleep: bool,
    closed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Log {
    /// No generation is open: nothing is kept.
    Off,
    Open,
    /// It ended.
    Broken(Gap),
}

/// Why a log cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gap {
    /// More waited than may be held in memory.
    Overflow,
    /// Somebody else wrote to the database.
    Foreign,
}

enum Slot {
    Empty,
    Asked { connection: Connection, begins: bool },
    Answered(rusqlite::Result<Snapshot>),
}

/// The database after a batch, held by a read transaction.
pub(super) struct Snapshot {
    pub(super) connection: Connection,
    pub(super) batch: u64,
    pub(super) at: Timestamp,
}

/// What the shipper finds when it looks.
pub(super) enum Found {
    /// Batches, and the number of the first.
    Batches {
        first: u64,
        batches: Vec<Batch>,
    },
    /// Nothing, until it was time for something else.
    Nothing,
    Broken(Gap),
    /// Nothing, and nothing will come.
    Closed,
}

/// The writer's end.
pub(in crate::engine::sqlite) struct TapEnd {
    tap: Arc<Tap>,
    /// SQLite's count of what others committed, as of the last look.
    data_version: Option<i64>,
}

impl TapEnd {
    pub(in crate::engine::sqlite) fn new(tap: Arc<Tap>) -> Self {
        Self { tap, data_version: None }
    }

    /// Within a transaction that was just begun: whether another program has written since the last one.
    pub(in crate::engine::sqlite) fn look_for_others(&mut self, writer: &Connection) {
        let Ok(found) = data_version(writer) else { return };
        if self.data_version.replace(found).is_some_and(|before| before != found) {
            self.tap.break_off(Gap::Foreign);
        }
    }

    /// Moves what was applied out of a batch that was committed.
    pub(in crate::engine::sqlite) fn pass_on(&self, batch: &mut [Job], answers: &[Answer]) {
        let mut state = self.tap.lock();
        let at = (self.tap.now)().max(state.last_at);
        state.last_at = at;
        if state.log == Log::Open {
            let applied =
                batch.iter_mut().zip(answers).filter(|(_, answer)| matches!(answer, Ok(Applied::Done)));
            let commands: Vec<Steps> = applied.map(|(job, _)| std::mem::take(&mut job.steps)).collect();
            if commands.is_empty() {
                return;
            }
            let bytes = commands.iter().map(size).sum();
            state.last += 1;
            state.bytes += bytes;
            state.queue.push(Batch { at, commands, bytes });
        }
        state.behind_since.get_or_insert(at);
        if state.bytes > self.tap.max_buffered {
            state.break_off(Gap::Overflow);
        }
        let wake =
            state.asleep && (state.queue.len() == 1 || state.bytes >= SEGMENT || state.log != Log::Open);
        drop(state);
        if wake {
            self.tap.changed.notify_all();
        }
    }

    /// Between batches: begins the snapshot that was asked for.
    pub(in crate::engine::sqlite) fn take_snapshot(&mut self, writer: &Connection) {
        let mut state = self.tap.lock();
        let Slot::Asked { connection, begins } = std::mem::replace(&mut state.snapshot, Slot::Empty) else {
            return;
        };
        // First the count, then the snapshot: what another program commits between the two is in both, and only costs a new generation.
        let begun = data_version(writer).and_then(|found| {
            self.data_version = Some(found);
            connection.execute_batch("BEGIN; SELECT 1 FROM sqlite_schema LIMIT 1")
        });
        state.snapshot = Slot::Answered(begun.map(|()| {
            if begins {
                state.begin();
            }
            state.last_at = (self.tap.now)().max(state.last_at);
            Snapshot { connection, batch: state.last, at: state.last_at }
        }));
        drop(state);
        self.tap.changed.notify_all();
    }
}

impl Tap {
    pub(in crate::engine::sqlite) fn new(now: fn() -> Timestamp, max_buffered: usize) -> Self {
        let begun_at = now();
        let state = State {
            log: Log::Off,
            queue: Vec::new(),
            bytes: 0,
            last: 0,
            last_at: begun_at,
            behind_since: Some(begun_at),
            snapshot: Slot::Empty,
            asleep: false,
            closed: false,
        };
        Self { state: Mutex::new(state), changed: Condvar::new(), now, max_buffered }
    }

    /// For how long something has not been restorable.
    pub(in crate::engine::sqlite) fn lag(&self) -> Duration {
        let since = self.lock().behind_since;
        since.map_or(Duration::ZERO, |since| (self.now)().since(since))
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// The writer has ended: what is here is the last.
    pub(in crate::engine::sqlite) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Wakes the shipper: a base is finished.
    pub(super) fn wake(&self) {
        self.changed.notify_all();
    }

    /// Hands the writer a connection to begin a snapshot on. `begins` a generation: what is committed after the snapshot is kept.
    /// Nothing when the store closes meanwhile.
    pub(super) fn snapshot(
        &self,
        connection: Connection,
        begins: bool,
        wake_writer: impl FnOnce(),
    ) -> Option<rusqlite::Result<Snapshot>> {
        self.lock().snapshot = Slot::Asked { connection, begins };
        wake_writer();
        let deadline = clock::now() + SNAPSHOT_PATIENCE;
        let mut state = self.lock();
        loop {
            match std::mem::replace(&mut state.snapshot, Slot::Empty) {
                Slot::Answered(answer) => return Some(answer),
                other => state.snapshot = other,
            }
            if state.closed || deadline <= clock::now() {
                state.snapshot = Slot::Empty;
                return None;
            }
            state = self.wait(state, Some(deadline));
        }
    }

    /// Waits for batches, and then until `every` has passed or there are many. Looks up at `until` at the latest, or when woken.
    pub(super) fn collect(&self, every: Duration, until: Option<Instant>) -> Found {
        let mut state = self.lock();
        if state.is_quiet() {
            state = self.wait(state, until);
        }
        if state.queue.is_empty() {
            return match state.log {
                Log::Broken(gap) => Found::Broken(gap),
                _ if state.closed => Found::Closed,
                _ => Found::Nothing,
            };
        }
        let deadline = clock::now() + every;
        while state.log == Log::Open && !state.closed && state.bytes < SEGMENT && clock::now() < deadline {
            state = self.wait(state, Some(deadline));
        }
        if let Log::Broken(gap) = state.log {
            return Found::Broken(gap);
        }
        // About a segment's worth; the rest is next.
        let mut bytes = 0;
        let count = state.queue.iter().take_while(|batch| {
            let fits = bytes < SEGMENT;
            bytes += batch.bytes;
            fits
        });
        let count = count.count();
        let first = state.last + 1 - state.queue.len() as u64;
        let batches: Vec<Batch> = state.queue.drain(..count).collect();
        state.bytes = state.queue.iter().map(|batch| batch.bytes).sum();
        Found::Batches { first, batches }
    }

    /// Waits; false when the store has closed or the log has broken off meanwhile.
    pub(super) fn pause(&self, duration: Duration) -> bool {
        let deadline = clock::now() + duration;
        let mut state = self.lock();
        loop {
            if state.closed || matches!(state.log, Log::Broken(_)) {
                return false;
            }
            if deadline <= clock::now() {
                return true;
            }
            state = self.wait(state, Some(deadline));
        }
    }

    /// Everything that was taken is restorable, except what waits here.
    pub(super) fn settled(&self) {
        let mut state = self.lock();
        if state.log == Log::Open {
            state.behind_since = state.queue.first().map(|batch| batch.at);
        }
    }

    /// Nothing is kept until the next generation begins.
    pub(super) fn off(&self) {
        let mut state = self.lock();
        state.begin();
        state.log = Log::Off;
    }

    fn break_off(&self, gap: Gap) {
        self.lock().break_off(gap);
        self.changed.notify_all();
    }

    fn wait<'a>(&self, mut state: MutexGuard<'a, State>, until: Option<Instant>) -> MutexGuard<'a, State> {
        state.asleep = true;
        let mut state = match until {
            None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(until) => {
                let left = until.saturating_duration_since(clock::now());
                self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
            }
        };
        state.asleep = false;
        state
    }

    // A panic while the lock was held is a defect of ours; what is in the queue is whole all the same.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn begin(&mut self) {
        self.log = Log::Open;
        self.queue = Vec::new();
        self.bytes = 0;
        self.last = 0;
    }

    fn break_off(&mut self, gap: Gap) {
        if self.log == Log::Open {
            self.log = Log::Broken(gap);
            self.queue = Vec::new();
            self.bytes = 0;
        }
    }

    fn is_quiet(&self) -> bool {
        self.queue.is_empty() && !self.closed && !matches!(self.log, Log::Broken(_))
    }
}

fn data_version(writer: &Connection) -> rusqlite::Result<i64> {
    writer.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))
}

/// About what a command holds in memory.
fn size(steps: &Steps) -> usize {
    let heap = |value: &Value| match value {
        Value::Null | Value::Int(_) => 0,
        Value::Text(text) => text.len() + 16,
        Value::Bytes(bytes) => bytes.len() + 16,
    };
    let step = |params: &Vec<Value>| {
        std::mem::size_of::<crate::contract::Step>()
            + params.len() * std::mem::size_of::<Value>()
            + params.iter().map(heap).sum::<usize>()
    };
    steps.as_slice().iter().map(|each| step(&each.params)).sum::<usize>() + 16
}
