//! The queue before the writer: bounded, first in first out, swapped whole. Knows jobs; knows no SQL.

use crate::engine::clock;
use crate::engine::job::{Job, Rejected};
use crate::engine::room::Room;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What the writer finds when it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    /// The checkpointer asks for one pass between batches.
    pub(super) checkpoint: bool,
    /// The shipper asks for a snapshot between batches.
    pub(super) snapshot: bool,
    /// Nothing new will come.
    pub(super) closed: bool,
}

/// The queue.
pub(super) struct Mailbox {
    state: Mutex<State>,
    wake: Condvar,
    /// Jobs here and in the writer's hands that are not yet part of a batch. Given-up ones count until the writer drops them: they
    /// occupy memory.
    depth: AtomicUsize,
    room: Room,
    opened: Instant,
    /// When the oldest job in the writer's hands was queued, microseconds after `opened`; zero when there is none.
    oldest_in_hand: AtomicU64,
}

#[derive(Default)]
struct State {
    jobs: Vec<Job>,
    asleep: bool,
    checkpoint: bool,
    snapshot: bool,
    closed: bool,
}

impl State {
    /// Whether the writer is wanted for something else than jobs.
    fn is_asked(&self) -> bool {
        self.checkpoint || self.snapshot || self.closed
    }
}

impl Mailbox {
    pub(super) fn new(room: Room) -> Self {
        Self {
            state: Mutex::default(),
            wake: Condvar::new(),
            depth: AtomicUsize::new(0),
            room,
            opened: clock::now(),
            oldest_in_hand: AtomicU64::new(0),
        }
    }

    /// Queues a job.
    pub(super) fn send(&self, job: Job) -> Result<(), Rejected> {
        let mut state = self.lock();
        if state.closed {
            return Err(Rejected::Closed);
        }
        let oldest = self.oldest(&state, job.since);
        if !self.room.admits(&job, self.depth.load(Ordering::Relaxed), oldest) {
            return Err(Rejected::Full);
        }
        self.depth.fetch_add(1, Ordering::Relaxed);
        state.jobs.push(job);
        // Only a sleeping writer needs the system call.
        let asleep = std::mem::take(&mut state.asleep);
        drop(state);
        if asleep {
            self.wake.notify_one();
        }
        Ok(())
    }

    /// Asks the writer for one checkpoint pass between batches.
    pub(super) fn ask_checkpoint(&self) {
        self.lock().checkpoint = true;
        self.wake.notify_one();
    }

    /// Asks the writer to begin a snapshot between batches.
    pub(super) fn ask_snapshot(&self) {
        self.lock().snapshot = true;
        self.wake.notify_one();
    }

    /// Accepts nothing more; what waits is still done.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.wake.notify_one();
    }

    /// Accepts nothing more and drops what waits: the callers learn that it was not applied.
    pub(super) fn abandon(&self) {
        let jobs = {
            let mut state = self.lock();
            state.closed = true;
            std::mem::take(&mut state.jobs)
        };
        self.begun(jobs.len());
        for job in jobs {
            // A caller that still waits sees its sender dropped and reports `Unavailable`.
            drop(job);
        }
    }

    /// Moves everything that waits into `backlog`. Sleeps while there is nothing to do, at most `patience` when given.
    pub(super) fn collect(
        &self,
        backlog: &mut VecDeque<Job>,
        spare: &mut Vec<Job>,
        patience: Option<Duration>,
    ) -> Turn {
        let mut state = self.lock();
        let deadline = patience.map(|patience| clock::now() + patience);
        while state.jobs.is_empty() && backlog.is_empty() && !state.is_asked() {
            state.asleep = true;
            state = match deadline {
                None => self.wake.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(clock::now());
                    if left.is_zero() {
                        break;
                    }
                    self.wake.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        state.asleep = false;
        let turn = Turn {
            checkpoint: std::mem::take(&mut state.checkpoint),
            snapshot: std::mem::take(&mut state.snapshot),
            closed: state.closed,
        };
        // Two vectors change places, so that neither side allocates while the other holds the lock.
        std::mem::swap(&mut state.jobs, spare);
        drop(state);
        backlog.extend(spare.drain(..));
        self.note_oldest(backlog.front());
        turn
    }

    /// `count` jobs left the queue: they are in a batch now, or were dropped.
    pub(super) fn begun(&self, count: usize) {
        self.depth.fetch_sub(count, Ordering::Relaxed);
    }

    /// Remembers, for the statistics, since when the writer's oldest job waits.
    pub(super) fn note_oldest(&self, oldest: Option<&Job>) {
        let micros = oldest.map_or(0, |job| {
            u64::try_from(job.since.saturating_duration_since(self.opened).as_micros())
                .unwrap_or(u64::MAX)
                .max(1)
        });
        self.oldest_in_hand.store(micros, Ordering::Relaxed);
    }

    /// How many wait.
    pub(super) fn depth(&self) -> usize {
        self.depth.load(Ordering::Relaxed)
    }

    /// How long the oldest has waited.
    pub(super) fn oldest_wait(&self) -> Duration {
        self.oldest(&self.lock(), clock::now())
    }

    fn oldest(&self, state: &State, now: Instant) -> Duration {
        match self.oldest_in_hand.load(Ordering::Relaxed) {
            0 => state.jobs.first().map_or(Duration::ZERO, |job| now.saturating_duration_since(job.since)),
            micros => now.saturating_duration_since(self.opened + Duration::from_micros(micros)),
        }
    }

    /// Whether the queue accepts nothing more.
    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    // A panic while the lock was held leaves a list of jobs, which is still a list of jobs.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Steps;
    use crate::engine::job::{Answer, Claim};
    use tokio::sync::oneshot;

    fn job() -> (Job, oneshot::Receiver<Answer>) {
        let (answer, answered) = oneshot::channel();
        (Job { steps: Steps::default(), claim: Claim::default(), answer, since: clock::now() }, answered)
    }

    #[test]
    fn the_bound_counts_what_the_writer_has_not_begun() {
        let mailbox = Mailbox::new(Room::before_a_writer(2, Duration::from_secs(3)));
        assert_eq!(mailbox.send(job().0), Ok(()));
        assert_eq!(mailbox.send(job().0), Ok(()));
        assert_eq!(mailbox.send(job().0), Err(Rejected::Full));
        let (mut backlog, mut spare) = (VecDeque::new(), Vec::new());
        let turn = mailbox.collect(&mut backlog, &mut spare, None);
        assert_eq!(
            (turn, backlog.len(), mailbox.depth()),
            (Turn { checkpoint: false, snapshot: false, closed: false }, 2, 2)
        );
        assert_eq!(mailbox.send(job().0), Err(Rejected::Full));
        mailbox.begun(1);
        assert_eq!(mailbox.send(job().0), Ok(()));
        mailbox.close();
        assert_eq!(mailbox.send(job().0), Err(Rejected::Closed));
        assert!(mailbox.collect(&mut backlog, &mut spare, None).closed);
        assert_eq!(backlog.len(), 3);
    }

    #[test]
    fn abandoning_tells_every_caller() {
        let mailbox = Mailbox::new(Room::before_a_writer(8, Duration::from_secs(3)));
        let (job, mut answered) = job();
        mailbox.send(job).unwrap();
        mailbox.abandon();
        assert!(matches!(answered.try_recv(), Err(oneshot::error::TryRecvError::Closed)));
        assert_eq!(mailbox.depth(), 0);
    }
}
