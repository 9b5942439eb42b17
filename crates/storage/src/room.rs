//! Who may still join a queue of writes: those inside find room longer than newcomers. Knows jobs; knows no engine and no SQL.
//!
//! Whoever holds a session, a code or a token is inside; whoever merely begins something (opens a sign-in page, asks for a device
//! code) is a newcomer, and can be anybody. So a flood of beginnings fills half of the queue and the disk's spare time, never all of it.

use crate::job::Job;
use std::time::Duration;

/// Newcomers are refused once the oldest write has waited this part of the deadline: a quarter of a second of three.
const NEWCOMERS_PATIENCE: u32 = 12;

/// The bounds of a queue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// How many may wait.
    max: usize,
    /// How long one may wait.
    deadline: Duration,
}

impl Room {
    pub(crate) fn new(max: usize, deadline: Duration) -> Self {
        Self { max, deadline }
    }

    /// Whether a job may join `depth` others, the oldest of which has waited `oldest`. When that one waits past its deadline, so would
    /// whoever comes now: better told at once.
    pub(crate) fn admits(self, job: &Job, depth: usize, oldest: Duration) -> bool {
        match job.steps.is_newcomers() {
            true => depth < self.max.div_ceil(2) && oldest <= self.deadline / NEWCOMERS_PATIENCE,
            false => depth < self.max && oldest <= self.deadline,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::contract::Steps;
    use tokio::sync::oneshot;

    fn job(newcomers: bool) -> Job {
        let mut steps = Steps::default();
        if newcomers {
            steps.newcomers();
        }
        Job { steps, claim: crate::job::Claim::default(), answer: oneshot::channel().0, since: clock::now() }
    }

    #[test]
    fn newcomers_are_refused_first() {
        let room = Room::new(10, Duration::from_secs(3));
        let millis = Duration::from_millis;
        // (depth, the oldest's wait, someone inside, a newcomer)
        let cases = [
            (0, millis(0), true, true),
            (4, millis(250), true, true),
            (5, millis(0), true, false),
            (0, millis(251), true, false),
            (9, millis(3_000), true, false),
            (10, millis(0), false, false),
            (0, millis(3_001), false, false),
        ];
        for (depth, oldest, inside, newcomer) in cases {
            assert_eq!(room.admits(&job(false), depth, oldest), inside, "{depth} {oldest:?}");
            assert_eq!(room.admits(&job(true), depth, oldest), newcomer, "{depth} {oldest:?}, a newcomer");
        }
        assert!(Room::new(1, Duration::from_secs(3)).admits(&job(true), 0, Duration::ZERO));
    }
}
