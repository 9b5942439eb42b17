//! The queue between callers and hashing threads, and the decision whether one more may join it.
//!
//! Owns order, admission and counters. Refuses to know how a hash is computed.

use meter::Histogram;
use secrecy::SecretString;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

use super::door::Door;
use super::patience::Patience;
use super::turns::Turns;
use super::{OnBehalfOf, PoolSettings, Reason, Refused, Terms, Verdict};
use crate::monotonic;
use crate::params::Argon2Params;

/// No one is told to come back sooner.
pub(super) const LEAST_RETRY: Duration = Duration::from_secs(1);
/// So many places of callers that left are not worth looking for.
const SOME: usize = 8;
/// What a hash of the default parameters is taken to last until one was measured.
const ASSUMED_DEFAULT_HASH: Duration = Duration::from_millis(25);
/// Each request moves the average by this fraction of the difference.
const MEAN_WEIGHT: i128 = 8;

/// What a caller wants. Passwords are wiped when dropped.
pub(super) enum Task {
    Verify {
        params: Argon2Params,
        password: SecretString,
        stored: Option<String>,
        answer: oneshot::Sender<Verdict>,
    },
    Hash {
        params: Argon2Params,
        password: SecretString,
        answer: oneshot::Sender<String>,
    },
}

/// A task until someone takes it out: the thread that does it, the caller that leaves, or the closing pool.
type Slot = Arc<Mutex<Option<Task>>>;

struct Waiting {
    slot: Slot,
    since: Instant,
}

struct Queue {
    waiting: Turns<Waiting>,
    patience: Patience,
    door: Door,
    closed: bool,
}

pub(super) struct Counters {
    pub(super) queued: AtomicUsize,
    pub(super) running: AtomicUsize,
    pub(super) completed: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) turned_away: AtomicU64,
    pub(super) abandoned: AtomicU64,
    pub(super) hashes: AtomicU64,
    pub(super) upgraded: AtomicU64,
    pub(super) unsupported: AtomicU64,
    pub(super) last_wait_nanos: AtomicU64,
    pub(super) waits: Histogram,
    pub(super) hash_times: Histogram,
}

impl Default for Counters {
    fn default() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            queued: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
            completed: zero(),
            refused: zero(),
            turned_away: zero(),
            abandoned: zero(),
            hashes: zero(),
            upgraded: zero(),
            unsupported: zero(),
            last_wait_nanos: zero(),
            waits: Histogram::of_durations(),
            hash_times: Histogram::of_durations(),
        }
    }
}

/// What callers and threads share.
pub(super) struct Shared {
    pub(super) settings: PoolSettings,
    pub(super) counters: Counters,
    pub(super) mean: Mean,
    /// What the queue's patience said last.
    flooded: AtomicBool,
    /// Held only to push or pop: callers are on the async runtime.
    queue: Mutex<Queue>,
    wake: Condvar,
}

/// What a thread finds when it asks for work.
pub(super) enum Next {
    Task(Task),
    /// Nothing came for a while.
    Idle,
    Closed,
}

impl Shared {
    pub(super) fn new(settings: PoolSettings) -> Self {
        let mean = Mean::assumed(&settings.params);
        let patience = Patience::new(settings.max_wait, settings.overload_wait);
        let queue =
            Mutex::new(Queue { waiting: Turns::default(), patience, door: Door::default(), closed: false });
        let (counters, flooded) = (Counters::default(), AtomicBool::new(false));
        Self { settings, counters, mean, flooded, queue, wake: Condvar::new() }
    }

    /// Joins the queue or is refused at once. The task stays in the queue as long as the returned place is kept.
    pub(super) fn submit(self: &Arc<Self>, task: Task, terms: &Terms) -> Result<Place, Refused> {
        let slot: Slot = Arc::new(Mutex::new(Some(task)));
        let mut queue = locked(&self.queue);
        if queue.closed {
            drop(queue);
            return Err(self.refuse(Reason::Closing, Duration::ZERO));
        }
        let queued = self.counters.queued.load(Relaxed);
        if queue.waiting.len() > queued + SOME {
            // Callers that left keep no room, and nobody waiting for them.
            queue.waiting.retain(|waiting| locked(&waiting.slot).is_some());
        }
        let own = self.wait_behind(queue.waiting.before(terms.on_behalf_of));
        let longest = self.wait_behind(queued);
        let full = queued >= self.settings.max_queued || own > terms.max_wait;
        let refused = queue.patience.admits(monotonic(), own, longest).err();
        self.flooded.store(queue.patience.is_flooded(), Relaxed);
        if let Some(too_long) = refused.or_else(|| full.then(|| own.saturating_sub(terms.max_wait))) {
            drop(queue);
            return Err(self.refuse(Reason::Busy, too_long));
        }
        queue.waiting.push(terms.on_behalf_of, Waiting { slot: Arc::clone(&slot), since: monotonic() });
        self.counters.queued.fetch_add(1, Relaxed);
        drop(queue);
        self.wake.notify_one();
        Ok(Place { slot, shared: Arc::clone(self) })
    }

    /// Whether there is a flood: somebody had to be refused not long ago, and every thread has work waiting.
    pub(super) fn is_flooded(&self) -> bool {
        self.flooded.load(Relaxed) && self.counters.queued.load(Relaxed) >= self.settings.threads
    }

    /// Whether one more of these callers should be asked for a password.
    pub(super) fn has_room(&self, on_behalf_of: OnBehalfOf) -> bool {
        let threads = self.settings.threads;
        if self.counters.queued.load(Relaxed) < threads {
            return true;
        }
        let mut queue = locked(&self.queue);
        let own = self.wait_behind(queue.waiting.before(on_behalf_of));
        let each = self.mean.get() / u32::try_from(threads).unwrap_or(u32::MAX);
        let now = monotonic();
        let has_room = queue.patience.is_easy(own) || queue.door.lets_in(now, each);
        if !has_room {
            queue.patience.turned_away(now);
        }
        drop(queue);
        if !has_room {
            self.counters.turned_away.fetch_add(1, Relaxed);
        }
        has_room
    }

    /// The next task whose caller is still there. Waits at most `patience` if given.
    pub(super) fn next(&self, patience: Option<Duration>) -> Next {
        let mut queue = locked(&self.queue);
        loop {
            while let Some(waiting) = queue.waiting.pop() {
                if let Some(task) = locked(&waiting.slot).take() {
                    self.counters.queued.fetch_sub(1, Relaxed);
                    self.counters.running.fetch_add(1, Relaxed);
                    let waited = waiting.since.elapsed();
                    self.counters.last_wait_nanos.store(nanos(waited), Relaxed);
                    self.counters.waits.record(waited);
                    return Next::Task(task);
                }
            }
            if queue.closed {
                return Next::Closed;
            }
            queue = match patience {
                None => self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner),
                Some(patience) => {
                    let (queue, waited) =
                        self.wake.wait_timeout(queue, patience).unwrap_or_else(PoisonError::into_inner);
                    if waited.timed_out() && queue.waiting.is_empty() && !queue.closed {
                        return Next::Idle;
                    }
                    queue
                }
            };
        }
    }

    /// A task that `next` gave is done.
    pub(super) fn finished(&self, took: Duration) {
        self.mean.add(took);
        self.counters.hash_times.record(took);
        self.counters.running.fetch_sub(1, Relaxed);
        self.counters.completed.fetch_add(1, Relaxed);
    }

    pub(super) fn close(&self) {
        let mut queue = locked(&self.queue);
        queue.closed = true;
        let mut waiting = std::mem::take(&mut queue.waiting);
        drop(queue);
        self.wake.notify_all();
        for Waiting { slot, .. } in waiting.drain() {
            if locked(&slot).take().is_some() {
                self.counters.queued.fetch_sub(1, Relaxed);
                self.counters.refused.fetch_add(1, Relaxed);
            }
        }
    }

    pub(super) fn estimated_wait(&self) -> Duration {
        self.wait_behind(self.counters.queued.load(Relaxed))
    }

    fn wait_behind(&self, queued: usize) -> Duration {
        let running = self.counters.running.load(Relaxed);
        estimated_wait(queued, running, self.settings.threads, self.mean.get())
    }

    /// For a caller whose task was dropped unanswered.
    pub(super) fn refusal(&self) -> Refused {
        let reason = if locked(&self.queue).closed { Reason::Closing } else { Reason::Busy };
        Refused { retry_after: LEAST_RETRY, reason }
    }

    fn refuse(&self, reason: Reason, room_in: Duration) -> Refused {
        self.counters.refused.fetch_add(1, Relaxed);
        Refused { retry_after: room_in.max(LEAST_RETRY), reason }
    }
}

/// How long one more request waits for a thread: everything before it, with the running ones half done on average,
/// shared by all threads. Nothing while a thread is free.
fn estimated_wait(queued: usize, running: usize, threads: usize, mean: Duration) -> Duration {
    if queued + running < threads {
        return Duration::ZERO;
    }
    let halves = u128::try_from(2 * queued + running).unwrap_or(u128::MAX);
    let threads = u128::try_from(threads).unwrap_or(u128::MAX);
    let nanos = mean.as_nanos().saturating_mul(halves) / (2 * threads);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// A caller's place in the queue. Dropping it before its turn takes the task, and the password, out.
pub(super) struct Place {
    slot: Slot,
    shared: Arc<Shared>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let left_behind = locked(&self.slot).take();
        if left_behind.is_some() {
            self.shared.counters.queued.fetch_sub(1, Relaxed);
            self.shared.counters.abandoned.fetch_add(1, Relaxed);
        }
    }
}

/// Moving average of how long a request occupies a thread.
pub(super) struct Mean {
    nanos: AtomicU64,
}

impl Mean {
    fn assumed(params: &Argon2Params) -> Self {
        let default = u128::from(Argon2Params::default().work());
        let nanos = ASSUMED_DEFAULT_HASH.as_nanos() * u128::from(params.work()) / default;
        Self { nanos: AtomicU64::new(u64::try_from(nanos).unwrap_or(u64::MAX)) }
    }

    pub(super) fn get(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Relaxed))
    }

    /// The first measurement replaces what was assumed.
    pub(super) fn set(&self, measured: Duration) {
        self.nanos.store(nanos(measured), Relaxed);
    }

    fn add(&self, took: Duration) {
        let took = i128::from(nanos(took));
        let moved =
            |mean: u64| u64::try_from(i128::from(mean) + (took - i128::from(mean)) / MEAN_WEIGHT).ok();
        // Never fails: the result lies between two u64.
        let _ = self.nanos.fetch_update(Relaxed, Relaxed, moved);
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A thread that panicked left nothing half done behind these locks.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn the_estimate_counts_what_is_before_and_divides_by_the_threads() {
        let table = [
            // queued, running, threads, wait in milliseconds at 20 ms for each
            (0, 0, 2, 0),
            (0, 1, 2, 0),
            (1, 1, 2, 15),
            (0, 2, 2, 10),
            (10, 2, 2, 110),
            (300, 2, 2, 3010),
            (300, 16, 16, 385),
            (1, 0, 1, 20),
        ];
        for (queued, running, threads, expected) in table {
            assert_eq!(
                estimated_wait(queued, running, threads, 20 * MS),
                expected * MS,
                "{queued} {running} {threads}"
            );
        }
        assert_eq!(estimated_wait(usize::MAX / 4, 1, 1, Duration::MAX), Duration::from_nanos(u64::MAX));
    }

    #[test]
    fn the_average_starts_from_the_parameters_and_follows_the_measurements() {
        let mean = Mean::assumed(&Argon2Params::default());
        assert_eq!(mean.get(), 25 * MS);
        let quarter = Argon2Params { memory_kib: 9_728, iterations: 1, parallelism: 1 };
        assert_eq!(Mean::assumed(&quarter).get(), Duration::from_micros(6_250));
        mean.set(16 * MS);
        mean.add(24 * MS);
        assert_eq!(mean.get(), 17 * MS);
        for _ in 0..200 {
            mean.add(4 * MS);
        }
        assert!(mean.get() < 5 * MS, "{:?}", mean.get());
    }
}
