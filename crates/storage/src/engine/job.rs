//! A command that waits for its turn, and who has it. Knows no engine and no queue.

use crate::contract::{Applied, Steps, StorageError};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;
use tokio::sync::oneshot;

/// A command's answer.
pub(crate) type Answer = Result<Applied, StorageError>;

/// Who has a job: it is either taken by a writer or given up by its caller, never both. So a refused write is never applied.
#[derive(Clone, Default)]
pub(crate) struct Claim(Arc<AtomicU8>);

const WAITING: u8 = 0;
const TAKEN: u8 = 1;
const GIVEN_UP: u8 = 2;

impl Claim {
    /// A writer takes the job; false when its caller has given it up.
    pub(crate) fn take(&self) -> bool {
        self.0.compare_exchange(WAITING, TAKEN, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// The caller gives the job up; false when a writer has taken it, and then an answer will come.
    pub(crate) fn give_up(&self) -> bool {
        self.0.compare_exchange(WAITING, GIVEN_UP, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Whether the caller still wants it.
    pub(crate) fn is_wanted(&self) -> bool {
        self.0.load(Ordering::Acquire) != GIVEN_UP
    }
}

/// A command that waits for its turn.
pub(crate) struct Job {
    pub(crate) steps: Steps,
    pub(crate) claim: Claim,
    pub(crate) answer: oneshot::Sender<Answer>,
    pub(crate) since: Instant,
}

/// Why a job was not accepted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Rejected {
    /// Too much is waiting.
    Full,
    /// The store is closed, or its writer is gone.
    Closed,
}

/// A caller that goes away gives its job up, unless a writer has it already.
pub(crate) struct GiveUp(pub(crate) Claim);

impl Drop for GiveUp {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_taken_or_given_up_but_never_both() {
        let claim = Claim::default();
        assert!(claim.take() && !claim.give_up() && claim.is_wanted());
        let claim = Claim::default();
        assert!(claim.give_up() && !claim.take() && !claim.is_wanted());
    }
}
