//! Why an archive could not be restored, in words an operator can act on: above all, up to which moment it can.

use crate::archive::{BackupError, SealFailure, TargetError, moment};
use protocol::Timestamp;

/// Why nothing was restored. Nothing was overwritten.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The target does not answer.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// There is no finished base.
    #[error("{target} holds no backup")]
    Empty {
        /// The target.
        target: String,
    },
    /// Every base is of a later moment.
    #[error("{} cannot be restored: the oldest moment in {target} is {}", moment(*at), moment(*oldest))]
    TooEarly {
        /// The target.
        target: String,
        /// The moment asked for.
        at: Timestamp,
        /// The oldest that can be had.
        oldest: Timestamp,
    },
    /// An object is missing, changed, or does not fit the one before it.
    #[error("{object} in {target} {why}{}", so_far(*until))]
    Damaged {
        /// The target.
        target: String,
        /// The object.
        object: String,
        /// What is wrong with it.
        why: String,
        /// Up to which moment restoring is possible, when that is known.
        until: Option<Timestamp>,
    },
    /// It cannot be known who wrote an object.
    #[error("{object} in {target} {why}{}", until.map_or_else(String::new, |until| so_far(Some(until))))]
    Unproven {
        /// The target.
        target: String,
        /// The object.
        object: String,
        /// What its seal lacks.
        why: SealFailure,
        /// Up to which moment everything is proven, when that is known.
        until: Option<Timestamp>,
    },
    /// What was restored is not what it should be.
    #[error("what was restored is not sound: {0}")]
    Unsound(String),
    /// The database's side: in use, exists already, no room.
    #[error(transparent)]
    Database(#[from] BackupError),
}

fn so_far(until: Option<Timestamp>) -> String {
    until.map_or_else(
        || ". An older base may do: `doorward backup list` shows them".to_owned(),
        |until| format!(". Restoring is possible with --at {}", moment(until)),
    )
}

/// What is wrong with one object, to follow its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// It is not whole, not in its place, or has an effect it should not have.
    Damaged(String),
    /// Who wrote it is not known.
    Unproven(SealFailure),
}

impl From<SealFailure> for Flaw {
    fn from(why: SealFailure) -> Self {
        Self::Unproven(why)
    }
}

impl From<String> for Flaw {
    fn from(why: String) -> Self {
        Self::Damaged(why)
    }
}

impl From<&str> for Flaw {
    fn from(why: &str) -> Self {
        Self::Damaged(why.to_owned())
    }
}
