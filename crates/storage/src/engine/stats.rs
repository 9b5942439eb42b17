//! What the store counts about itself, for metrics and readiness. Cheap atomics; knows no exposition format.

use meter::{Histogram, Reading};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// A reading of the store's counters. Counts run since the store was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Whether the engine is SQLite; otherwise it is on a server.
    pub is_file: bool,
    /// Writes waiting for their turn.
    pub queue_depth: usize,
    /// How long the oldest of them has waited.
    pub oldest_wait: Duration,
    /// Commits.
    pub batches: u64,
    /// Commands applied or refused by a commit.
    pub commands: u64,
    /// Commands whose expected state did not hold.
    pub refused_commands: u64,
    /// Writes turned away: queue full, deadline passed, or write-ahead log too large.
    pub overloaded: u64,
    /// Those of them that found the queue full.
    pub refused_queue: u64,
    /// Those whose deadline passed while they waited.
    pub refused_deadline: u64,
    /// Those that came while the write-ahead log was too large.
    pub refused_log: u64,
    /// Writes that failed because the engine could not take them.
    pub failed: u64,
    /// Commands in the largest batch.
    pub largest_batch: u64,
    /// How long the last commit took (its fsync mostly).
    pub last_commit: Duration,
    /// How long the slowest commit took.
    pub slowest_commit: Duration,
    /// Times the write-ahead log was copied back completely.
    pub checkpoints: u64,
    /// Frames in the write-ahead log that are not yet known to be copied back.
    pub wal_frames: u64,
    /// The same in bytes.
    pub wal_bytes: u64,
    /// Reads by key.
    pub point_reads: u64,
    /// Reads on the scan pool.
    pub scans: u64,
    /// Transactions that were tried again: conflicts, commands that spoiled a batch, connections that broke. Engines on a server only, as
    /// all that follows.
    pub retried: u64,
    /// Connections that were opened.
    pub connects: u64,
    /// Commits whose answer was lost, so that it had to be found out.
    pub resolved: u64,
    /// Those of which it could not be found out in time.
    pub undecided: u64,
    /// Connections that read, in use or ready.
    pub read_connections: usize,
    /// Reads that wait for one.
    pub reads_waiting: usize,
    /// How long writes waited until a batch took them.
    pub waits: Reading,
    /// Commands in one batch.
    pub batch_sizes: Reading,
    /// How long batches took, from their first statement to the end of their commit.
    pub transactions: Reading,
    /// How long their COMMIT alone took: mostly the disk's sync. SQLite only, as all that follows.
    pub commits: Reading,
    /// How long rounds of copying the log back took, beside the writer.
    pub checkpoint_times: Reading,
    /// How long reads by key took: one of [`READS_PER_SAMPLE`] is measured.
    pub read_times: Reading,
    /// How long scans took, their wait included.
    pub scan_times: Reading,
}

/// Of so many reads by key one is measured: looking at the clock for each would cost what some of them cost.
pub const READS_PER_SAMPLE: u64 = 64;

impl Stats {
    /// Commands per commit, on average.
    pub fn mean_batch(&self) -> f64 {
        if self.batches == 0 {
            return 0.0;
        }
        #[expect(clippy::cast_precision_loss, reason = "a mean for people to read")]
        {
            self.commands as f64 / self.batches as f64
        }
    }
}

/// The counters themselves.
#[derive(Debug)]
pub(crate) struct Counters {
    pub(crate) batches: AtomicU64,
    pub(crate) commands: AtomicU64,
    pub(crate) refused_commands: AtomicU64,
    pub(crate) refused_queue: AtomicU64,
    pub(crate) refused_deadline: AtomicU64,
    pub(crate) refused_log: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) largest_batch: AtomicU64,
    pub(crate) last_commit_micros: AtomicU64,
    pub(crate) slowest_commit_micros: AtomicU64,
    pub(crate) checkpoints: AtomicU64,
    pub(crate) point_reads: AtomicU64,
    pub(crate) scans: AtomicU64,
    pub(crate) retried: AtomicU64,
    pub(crate) connects: AtomicU64,
    pub(crate) resolved: AtomicU64,
    pub(crate) undecided: AtomicU64,
    pub(crate) waits: Histogram,
    pub(crate) batch_sizes: Histogram,
    pub(crate) transactions: Histogram,
    pub(crate) commits: Histogram,
    pub(crate) checkpoint_times: Histogram,
    pub(crate) read_times: Histogram,
    pub(crate) scan_times: Histogram,
}

impl Default for Counters {
    fn default() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            batches: zero(),
            commands: zero(),
            refused_commands: zero(),
            refused_queue: zero(),
            refused_deadline: zero(),
            refused_log: zero(),
            failed: zero(),
            largest_batch: zero(),
            last_commit_micros: zero(),
            slowest_commit_micros: zero(),
            checkpoints: zero(),
            point_reads: zero(),
            scans: zero(),
            retried: zero(),
            connects: zero(),
            resolved: zero(),
            undecided: zero(),
            waits: Histogram::of_durations(),
            batch_sizes: Histogram::of_amounts(),
            transactions: Histogram::of_durations(),
            commits: Histogram::of_durations(),
            checkpoint_times: Histogram::of_durations(),
            read_times: Histogram::of_durations(),
            scan_times: Histogram::of_durations(),
        }
    }
}

impl Counters {
    /// One commit of `commands` commands, `refused` of them refused.
    pub(crate) fn committed(&self, commands: usize, refused: usize, took: Duration) {
        let commands = u64::try_from(commands).unwrap_or(u64::MAX);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.batches.fetch_add(1, Relaxed);
        self.commands.fetch_add(commands, Relaxed);
        self.refused_commands.fetch_add(u64::try_from(refused).unwrap_or(u64::MAX), Relaxed);
        self.largest_batch.fetch_max(commands, Relaxed);
        self.last_commit_micros.store(micros, Relaxed);
        self.slowest_commit_micros.fetch_max(micros, Relaxed);
        self.batch_sizes.record_amount(commands);
        self.transactions.record(took);
    }

    /// The counters alone; the queue and the log are read by the engine.
    pub(crate) fn read(&self) -> Stats {
        let refused = [&self.refused_queue, &self.refused_deadline, &self.refused_log];
        let [refused_queue, refused_deadline, refused_log] = refused.map(|count| count.load(Relaxed));
        Stats {
            batches: self.batches.load(Relaxed),
            commands: self.commands.load(Relaxed),
            refused_commands: self.refused_commands.load(Relaxed),
            overloaded: refused_queue + refused_deadline + refused_log,
            refused_queue,
            refused_deadline,
            refused_log,
            failed: self.failed.load(Relaxed),
            largest_batch: self.largest_batch.load(Relaxed),
            last_commit: Duration::from_micros(self.last_commit_micros.load(Relaxed)),
            slowest_commit: Duration::from_micros(self.slowest_commit_micros.load(Relaxed)),
            checkpoints: self.checkpoints.load(Relaxed),
            point_reads: self.point_reads.load(Relaxed),
            scans: self.scans.load(Relaxed),
            retried: self.retried.load(Relaxed),
            connects: self.connects.load(Relaxed),
            resolved: self.resolved.load(Relaxed),
            undecided: self.undecided.load(Relaxed),
            waits: self.waits.read(),
            batch_sizes: self.batch_sizes.read(),
            transactions: self.transactions.read(),
            commits: self.commits.read(),
            checkpoint_times: self.checkpoint_times.read(),
            read_times: self.read_times.read(),
            scan_times: self.scan_times.read(),
            ..Stats::default()
        }
    }
}
