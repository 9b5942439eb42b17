//! What a place must be able to do to keep backups. Knows names and bytes, not where they go.

use std::fmt::{Debug, Display};

/// A place that keeps objects under names: parts of up to a few MiB, names of letters, digits, `-`, `.` and `/`. Its `Display` says where
/// it is, without credentials.
pub trait Target: Debug + Display + Send + Sync {
    /// Keeps an object, whole or not at all, replacing one of the same name. Once this answers, it is durable.
    ///
    /// # Errors
    /// When it is not known to be kept.
    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), TargetError>;

    /// An object; nothing when there is none of that name.
    ///
    /// # Errors
    /// When the place does not answer.
    fn get(&self, name: &str) -> Result<Option<Vec<u8>>, TargetError>;

    /// Every name that begins with `prefix` (which is empty or ends with `/`), in any order.
    ///
    /// # Errors
    /// When the place does not answer.
    fn list(&self, prefix: &str) -> Result<Vec<String>, TargetError>;

    /// Removes an object, if it is there.
    ///
    /// # Errors
    /// When it is not known to be gone.
    fn delete(&self, name: &str) -> Result<(), TargetError>;
}

/// Why a target did not do what it was asked: in words for an operator, without credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TargetError(pub String);
