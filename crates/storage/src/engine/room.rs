//! Who may still join a queue of writes: those inside find room longer than newcomers. Knows jobs; knows no engine and no SQL.
//!
//! Whoever holds a session, a code or a token is inside; whoever merely begins something (opens a sign-in page, asks for a device
//! code) is a newcomer, and can be anybody. So a flood of beginnings fills half of the queue and the disk's spare time, never all of it.

use crate::engine::job::Job;
use std::time::Duration;

/// Newcomers are refused once the oldest write has waited this part of the deadline: a quarter of a second of three.
const NEWCOMERS_PATIENCE: u32 = 12;

/// The bounds of a queue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// How many may wait.
    max: usize,
    /// How long one may wait, where a wait says how long the next one will be.
    deadline: Option<Duration>,
}

impl Room {
    /// Before one writer that goes on with the oldest: when that one waits past its deadline, so will whoever comes now.
    pub(crate) fn before_a_writer(max: usize, deadline: Duration) -> Self {
        Self { max, deadline: Some(deadline) }
    }

    /// Before connections to a server that may be back at any moment: waiting for it is what the deadline is for.
    pub(crate) fn before_a_server(max: usize) -> Self {
        Self { max, deadline: None }
    }

    /// Whether a job may join `depth` others, the oldest of which has waited `oldest`.
    pub(crate) fn admits(self, job: &Job, depth: usize, oldest: Duration) -> bool {
        let (max, part) = match job.steps.is_newcomers() {
            true => (self.max.div_ceil(2), NEWCOMERS_PATIENCE),
            false => (self.max, 1),
        };
        depth < max && self.deadline.is_none_or(|deadline| oldest <= deadline / part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Steps;
    use crate::engine::clock;
    use tokio::sync::oneshot;

    fn job(newcomers: bool) -> Job {
        let mut steps = Steps::default();
        if newcomers {
            steps.newcomers();
        }
        Job {
            steps,
            claim: crate::engine::job::Claim::default(),
            answer: oneshot::channel().0,
            since: clock::now(),
        }
    }

    #[test]
    fn newcomers_are_refused_first() {
        let room = Room::before_a_writer(10, Duration::from_secs(3));
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
        assert!(Room::before_a_writer(1, Duration::from_secs(3)).admits(&job(true), 0, Duration::ZERO));
        let room = Room::before_a_server(10);
        let late = Duration::from_secs(60);
        assert!(room.admits(&job(false), 9, late) && !room.admits(&job(false), 10, late));
        assert!(room.admits(&job(true), 4, late) && !room.admits(&job(true), 5, late));
    }
}
