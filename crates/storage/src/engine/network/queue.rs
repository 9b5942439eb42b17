//! The queue before the lanes: bounded, first in first out; a lane that is free takes what waits. Knows jobs; knows no SQL.

use crate::engine::clock;
use crate::engine::job::{Job, Rejected};
use crate::engine::room::Room;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// The queue.
pub(super) struct Queue {
    state: Mutex<State>,
    arrived: Notify,
    room: Room,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    closed: bool,
}

/// What a lane finds when it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Something waits.
    Work,
    /// It was woken, and nothing waits.
    Poked,
    /// Nothing waits, and nothing will come.
    Closed,
}

impl Queue {
    pub(super) fn new(room: Room) -> Self {
        Self { state: Mutex::default(), arrived: Notify::new(), room }
    }

    /// Queues a job.
    pub(super) fn send(&self, job: Job) -> Result<(), Rejected> {
        let mut state = self.lock();
        if state.closed {
            return Err(Rejected::Closed);
        }
        if !self.room.admits(&job, state.jobs.len(), oldest(&state, job.since)) {
            return Err(Rejected::Full);
        }
        state.jobs.push_back(job);
        drop(state);
        // The lane that worked last: its connection, and the server's end of it, still have everything at hand.
        self.arrived.notify_last();
        Ok(())
    }

    /// Sleeps until there is something to do.
    pub(super) async fn wait(&self) -> Turn {
        match self.look() {
            Turn::Poked => {}
            turn => return turn,
        }
        self.arrived.notified().await;
        self.look()
    }

    fn look(&self) -> Turn {
        let state = self.lock();
        match (state.jobs.is_empty(), state.closed) {
            (false, _) => Turn::Work,
            (true, true) => Turn::Closed,
            (true, false) => Turn::Poked,
        }
    }

    /// Takes up to `count` jobs that their callers still want. What remains wakes another lane.
    pub(super) fn take(&self, count: usize) -> VecDeque<Job> {
        let mut state = self.lock();
        let mut taken = VecDeque::new();
        while taken.len() < count
            && let Some(job) = state.jobs.pop_front()
        {
            if job.claim.take() {
                taken.push_back(job);
            }
        }
        let remains = !state.jobs.is_empty();
        drop(state);
        if remains {
            self.arrived.notify_one();
        }
        taken
    }

    /// Drops what callers gave up while nothing could be done.
    pub(super) fn drop_unwanted(&self) {
        self.lock().jobs.retain(|job| job.claim.is_wanted());
    }

    /// Wakes a lane though nothing waits.
    pub(super) fn poke(&self) {
        self.arrived.notify_one();
    }

    /// Accepts nothing more; what waits is still done. Each lane that ends passes this on to the next.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_waiters();
        self.arrived.notify_one();
    }

    /// How many wait.
    pub(super) fn depth(&self) -> usize {
        self.lock().jobs.len()
    }

    /// How long the oldest has waited.
    pub(super) fn oldest_wait(&self) -> Duration {
        oldest(&self.lock(), clock::now())
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

fn oldest(state: &State, now: Instant) -> Duration {
    state.jobs.front().map_or(Duration::ZERO, |job| now.saturating_duration_since(job.since))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Steps;
    use crate::engine::job::Claim;
    use tokio::sync::oneshot;

    fn job() -> (Job, Claim) {
        let claim = Claim::default();
        let (answer, _) = oneshot::channel();
        (Job { steps: Steps::default(), claim: claim.clone(), answer, since: clock::now() }, claim)
    }

    #[tokio::test]
    async fn it_is_bounded_passes_over_what_was_given_up_and_ends() {
        let queue = Queue::new(Room::before_a_server(3));
        let (first, given_up) = job();
        for job in [first, job().0, job().0] {
            assert_eq!(queue.send(job), Ok(()));
        }
        assert_eq!(queue.send(job().0), Err(Rejected::Full));
        assert!(given_up.give_up());
        assert_eq!((queue.wait().await, queue.take(1).len(), queue.depth()), (Turn::Work, 1, 1));
        queue.close();
        assert_eq!(queue.send(job().0), Err(Rejected::Closed));
        // What waits is still done.
        assert_eq!(
            (queue.wait().await, queue.take(9).len(), queue.wait().await),
            (Turn::Work, 1, Turn::Closed)
        );
    }
}
