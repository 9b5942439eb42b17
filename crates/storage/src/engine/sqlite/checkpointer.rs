//! When the write-ahead log is copied back into the database file, so that neither writers nor readers ever stop for it.
//!
//! Over a soft limit, this thread (1) repeats PASSIVE passes until few frames remain, (2) syncs the database file itself, passes
//! and syncs again, (3) asks the writer for one pass between batches; then the log restarts from its beginning. Step 2 is decisive: SQLite
//! syncs the database file only in the pass that covers the whole log, and otherwise the writer would pay for it. A reader that holds an
//! old snapshot makes passes useless: back off.

use crate::engine::clock;
use crate::engine::sqlite::mailbox::Mailbox;
use crate::engine::stats::Counters;
use rusqlite::Connection;
use rusqlite::hooks::Wal;
use rusqlite::wal::CheckpointMode;
use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// So few frames are left to the writer's own pass.
const LEFT_TO_THE_WRITER: u64 = 200;
/// Passes of one round, at most.
const PASSES: usize = 32;
/// How long to wait for a reader that holds the log, at first and at most.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));
/// How long to wait for the writer's pass; it may be in a slow commit.
const WRITER_PATIENCE: Duration = Duration::from_secs(10);
/// A frame's header (SQLite file format, section 4.1).
const FRAME_HEADER: u64 = 24;

/// What the writer, the checkpointer and the statistics share.
pub(super) struct Checkpoints {
    /// Frames in the log not known to be copied back: set by the writer's hook, zeroed when a pass covers everything.
    frames: Arc<AtomicU64>,
    frame_bytes: u64,
    soft_frames: u64,
    hard_frames: u64,
    state: Mutex<State>,
    changed: Condvar,
    counters: Arc<Counters>,
}

#[derive(Default)]
struct State {
    asked: bool,
    writer_passes: u64,
    stop: bool,
}

impl Checkpoints {
    pub(super) fn new(page_size: u64, soft_limit: u64, hard_limit: u64, counters: Arc<Counters>) -> Self {
        let frame_bytes = page_size + FRAME_HEADER;
        Self {
            frames: Arc::default(),
            frame_bytes,
            soft_frames: soft_limit / frame_bytes,
            hard_frames: hard_limit / frame_bytes,
            state: Mutex::default(),
            changed: Condvar::new(),
            counters,
        }
    }

    /// Lets the writer's connection publish the log's length after each commit.
    pub(super) fn watch(&self, writer: &mut Connection) -> rusqlite::Result<()> {
        let frames = Arc::clone(&self.frames);
        writer.wal_hook(Some(move |_: &mut Wal, count: std::ffi::c_int| {
            frames.store(u64::try_from(count).unwrap_or(0), Ordering::Release);
            Ok(())
        }))
    }

    /// Whether writes must wait until the log has shrunk.
    pub(super) fn over_hard_limit(&self) -> bool {
        self.frames() > self.hard_frames
    }

    pub(super) fn frames(&self) -> u64 {
        self.frames.load(Ordering::Acquire)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.frames() * self.frame_bytes
    }

    /// The writer committed: wakes the checkpointer when the log is long enough.
    pub(super) fn after_commit(&self) {
        if self.frames() > self.soft_frames {
            self.ask();
        }
    }

    /// Wakes the checkpointer.
    pub(super) fn ask(&self) {
        let mut state = self.lock();
        if !std::mem::replace(&mut state.asked, true) {
            self.changed.notify_all();
        }
    }

    /// Ends the checkpointer after the pass it is in.
    pub(super) fn stop(&self) {
        self.lock().stop = true;
        self.changed.notify_all();
    }

    /// The writer's own pass, between batches: nothing is being written, so it can cover the whole log.
    pub(super) fn pass_between_batches(&self, writer: &Connection) {
        match pass(writer) {
            Ok(Pass { log, copied }) if log == copied => {
                self.frames.store(0, Ordering::Release);
                self.counters.checkpoints.fetch_add(1, Ordering::Relaxed);
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "a checkpoint between batches failed"),
        }
        self.lock().writer_passes += 1;
        self.changed.notify_all();
    }

    fn wait_for_writer(&self, mailbox: &Mailbox) {
        let seen = self.lock().writer_passes;
        mailbox.ask_checkpoint();
        let deadline = clock::now() + WRITER_PATIENCE;
        let mut state = self.lock();
        while state.writer_passes == seen && !state.stop {
            let left = deadline.saturating_duration_since(clock::now());
            if left.is_zero() {
                return;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Sleeps until asked; false when it is time to end.
    fn wait_to_be_asked(&self) -> bool {
        let mut state = self.lock();
        while !state.asked && !state.stop {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.asked = false;
        !state.stop
    }

    /// Sleeps for `duration`; false when it is time to end.
    fn pause(&self, duration: Duration) -> bool {
        let deadline = clock::now() + duration;
        let mut state = self.lock();
        loop {
            let left = deadline.saturating_duration_since(clock::now());
            if state.stop || left.is_zero() {
                return !state.stop;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The checkpointer's side of the store.
pub(super) struct Checkpointer {
    pub(super) connection: Connection,
    /// The database file, to sync it. Closing it would drop the POSIX locks that SQLite holds on the file: see `guard::sync_handle`.
    pub(super) file: Arc<File>,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) checkpoints: Arc<Checkpoints>,
}

impl Checkpointer {
    /// Works until it is told to stop.
    pub(super) fn run(self) {
        while self.checkpoints.wait_to_be_asked() {
            let mut back_off = BACK_OFF.0;
            loop {
                let before = self.checkpoints.counters.checkpoints.load(Ordering::Relaxed);
                let started = clock::now();
                if let Err(error) = self.round() {
                    tracing::warn!(%error, "a checkpoint failed");
                }
                self.checkpoints.counters.checkpoint_times.record(started.elapsed());
                let complete = self.checkpoints.counters.checkpoints.load(Ordering::Relaxed) != before;
                if complete || self.checkpoints.frames() <= self.checkpoints.soft_frames {
                    break;
                }
                if !self.checkpoints.pause(back_off) {
                    return;
                }
                back_off = (back_off * 2).min(BACK_OFF.1);
            }
        }
    }

    fn round(&self) -> Result<(), Failure> {
        let mut copied_before = 0;
        for _ in 0..PASSES {
            let Pass { log, copied } = pass(&self.connection)?;
            if log - copied < LEFT_TO_THE_WRITER {
                break;
            }
            if copied <= copied_before {
                // A reader's snapshot is in the way: nothing that follows could succeed.
                return Ok(());
            }
            copied_before = copied;
        }
        rustix::fs::fdatasync(&*self.file)?;
        pass(&self.connection)?;
        rustix::fs::fdatasync(&*self.file)?;
        self.checkpoints.wait_for_writer(&self.mailbox);
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Engine(#[from] rusqlite::Error),
    #[error("the database file could not be synced: {0}")]
    Sync(#[from] rustix::io::Errno),
}

struct Pass {
    log: u64,
    copied: u64,
}

fn pass(connection: &Connection) -> rusqlite::Result<Pass> {
    let (log, copied) = connection.wal_checkpoint_v2(Some("main"), CheckpointMode::PASSIVE)?;
    Ok(Pass { log: u64::try_from(log).unwrap_or(0), copied: u64::try_from(copied).unwrap_or(0) })
}
