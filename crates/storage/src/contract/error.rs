//! What can go wrong with storage, in words an operator can act on. A refused command is not here: that is an outcome.

use std::time::Duration;

/// Why the store could not answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StorageError {
    /// Too much is waiting, or this waited too long; nothing of it was applied. Try again later (503 with Retry-After).
    #[error("storage is overloaded")]
    Overloaded {
        /// When to try again.
        retry_after: Duration,
    },
    /// The engine cannot take writes now (disk full, read-only, closed); nothing of it was applied.
    #[error("storage is unavailable: {0}")]
    Unavailable(String),
    /// It cannot be learned whether the write was applied: the database went away in the middle of its commit and did not come back in time.
    /// It was applied once or not at all. Only engines on a server answer this.
    #[error("storage cannot tell whether the write was applied: {0}")]
    Undecided(String),
    /// A stored value is not what its column promises.
    #[error("stored data is damaged: {0}")]
    Corrupt(String),
    /// The engine refused a statement: a defect of this program.
    #[error("storage refused a statement: {0}")]
    Statement(String),
}
